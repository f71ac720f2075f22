"""Stores: immutable HDF5 shards, published atomically under a hash-rooted manifest (docs/format.md)."""
