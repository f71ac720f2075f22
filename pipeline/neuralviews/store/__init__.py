"""Stores: folders of immutable HDF5 shards under a hash-rooted manifest, as ``docs/format.md`` specifies."""
