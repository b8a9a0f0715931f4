"""What each device's memory shall hold, and when."""
