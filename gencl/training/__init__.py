"""The one training loop, and the directory that holds what it made."""
