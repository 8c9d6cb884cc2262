"""Find nearest neighbors of vectors, and build a weighted graph from them."""
