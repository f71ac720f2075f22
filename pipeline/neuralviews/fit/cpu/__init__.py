"""The fast engine: arithmetic v1 with explicit vector instructions, compiled by numba."""
