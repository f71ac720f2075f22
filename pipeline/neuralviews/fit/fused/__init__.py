"""The ``cuda`` engine: arithmetic v1 on a GPU, all steps of a fit in one launch of a compiled kernel."""
