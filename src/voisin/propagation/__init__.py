"""Ways to carry a few labels along the graph to every image."""
