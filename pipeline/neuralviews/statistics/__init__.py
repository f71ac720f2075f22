"""What the weights of a store are like as numbers: their moments, and how far apart views lie."""
