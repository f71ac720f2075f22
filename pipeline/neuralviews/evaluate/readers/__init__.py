"""Readers: models whose input is the weights of fields, one file each."""
