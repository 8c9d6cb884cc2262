"""Find a label for every image from vectors, graph and few labels: one file per method."""
