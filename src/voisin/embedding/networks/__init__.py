"""Architectures of voisin's own networks, one per file; they handle tensors only."""
