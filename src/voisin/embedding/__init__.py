"""Turn images into vectors: one file per embedder; voisin's own networks need PyTorch."""
