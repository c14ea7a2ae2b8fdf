"""Time, memory, GPU."""
