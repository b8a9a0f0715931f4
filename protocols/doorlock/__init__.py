"""What a lock holds and decides: Matter Door Lock vocabulary, schedules, windows, digests."""
