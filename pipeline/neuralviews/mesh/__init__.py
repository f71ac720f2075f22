"""Triangle meshes: read, repaired, sampled, drawn, and extracted from fields."""
