"""Make devices hold what the plan says, one session a device."""
