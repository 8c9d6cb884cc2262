"""Which images to label next: one file per strategy."""
