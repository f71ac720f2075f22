"""The symmetries of a SIREN: elements of its group, and alignment over it."""
