"""Trains and extends runs: the one training loop, its steps, schedules and optimisers."""
