"""Label propagation: carry a few labels along the graph to every image; a file a method."""
