"""The folder of one run: what is in it, and how it is written and read."""
