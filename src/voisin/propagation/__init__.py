"""Label propagation: spread few labels along the graph to every image; one file per method."""
