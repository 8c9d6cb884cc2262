"""Small vectors for the tests of compiled loops, and what NumPy computes of them."""

import numpy as np

from voisin.neighbors.kernels.vectors import Points


def whole(rng, *shape, most=8):
    """Whole numbers, whose products are exact, so that the order of sums does not matter."""
    return rng.integers(-most, most + 1, shape).astype(np.float32)


def points_of(vectors):
    return Points(vectors, (vectors**2).sum(axis=1))


def ranked(distances, ids, width):
    """Ids and distances of the nearest of each row, ties by id."""
    order = np.array([np.lexsort((ids, row))[:width] for row in distances])
    return ids[order], np.take_along_axis(distances, order, 1)


def all_distances(queries, targets):
    return ((queries[:, None] - targets[None]) ** 2).sum(axis=2)
