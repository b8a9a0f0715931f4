"""What a lock remembers: users, PIN slots, schedules, log; and how it survives power loss."""
