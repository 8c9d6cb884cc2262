"""From vectors, graph and few labels to a label for every image: a file a method."""
