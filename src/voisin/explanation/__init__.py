"""Why an image got its label: labeled images, neighbors, and the paths between them."""
