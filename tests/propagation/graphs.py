"""Small graphs that the tests of propagation share."""

import numpy as np
from scipy import sparse

FEW_LABELS = np.array([0, 1, 2] + [-1] * 9)
TWO_PAIRS = sparse.csr_array(np.kron(np.eye(2), [[0.0, 1], [1, 0]]))


def random_affinity(seed, n_samples=12):
    weights = np.triu(np.random.default_rng(seed).random((n_samples, n_samples)), k=1)
    return sparse.csr_array(weights + weights.T)


def two_moons(n_samples=200):
    """Two half circles, one class each, tied along their length and weakly across."""
    angles = np.linspace(0, np.pi, n_samples // 2)
    upper = np.column_stack([np.cos(angles), np.sin(angles)])
    lower = np.column_stack([1 - np.cos(angles), 0.4 - np.sin(angles)])
    points = np.concatenate([upper, lower])
    squares = ((points[:, None] - points) ** 2).sum(axis=2)
    weights = np.exp(-squares / 0.005)
    np.fill_diagonal(weights, 0)
    weights[weights < 1e-12] = 0
    return sparse.csr_array(weights), np.repeat([0, 1], n_samples // 2)


def film(n_frames=600, hops=5):
    """Frames of a slow film: each is linked to the ones before and after it."""
    offsets = [hop * sign for hop in range(1, hops + 1) for sign in (1, -1)]
    ones = [np.ones(n_frames - abs(offset)) for offset in offsets]
    return sparse.diags_array(ones, offsets=offsets).tocsr()
