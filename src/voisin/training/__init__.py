"""Training of networks, on few, guessed or propagated labels, or on none."""
