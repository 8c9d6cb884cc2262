"""From vectors to nearest neighbors, and from these to a weighted graph."""
