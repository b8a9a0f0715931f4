"""Simulated devices whose memory, clock, power and radio behave, and fail, like the real thing."""
