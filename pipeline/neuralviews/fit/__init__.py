"""Fitting: initial weights, engines behind one interface, and the run from a recipe to a store."""
