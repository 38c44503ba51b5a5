"""Pictures: grids of samples, curves, charts."""
