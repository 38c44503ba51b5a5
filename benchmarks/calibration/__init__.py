"""gencl's methods beside avalanche-lib's strategies on the same batches."""
