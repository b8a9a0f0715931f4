"""The words of wire layouts, the code generator behind them, stuffing, checksums, buffers."""
