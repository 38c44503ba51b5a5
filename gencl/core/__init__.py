"""Foundations used by all other packages: errors, files, settings, registries, randomness, processes."""
