"""What models learn from a store: reference readers, and the benchmark of a store."""
