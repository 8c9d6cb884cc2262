"""Architectures of voisin's own networks, one a file; they handle tensors alone."""
