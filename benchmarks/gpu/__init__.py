"""What a GPU makes of gencl: one command, one table."""
