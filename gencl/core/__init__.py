"""What every room stands on: errors, files, settings, registries, randomness, processes."""
