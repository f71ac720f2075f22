"""Datasets on their way to and from other machines: published, fetched and proven."""
