"""Train networks on few labels, on pseudo-labels, on propagated labels, or without labels."""
