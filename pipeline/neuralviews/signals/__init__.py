"""Sources of objects: what they are called, which split they belong to, and their sampled signals."""
