"""Virtual time, pacing, device clocks, named random streams and the event trace."""
