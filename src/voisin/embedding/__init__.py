"""From images to vectors: an embedder a file; modules of voisin's own networks need PyTorch."""
