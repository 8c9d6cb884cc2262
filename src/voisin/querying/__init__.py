"""Which images to label next: a file a strategy."""
