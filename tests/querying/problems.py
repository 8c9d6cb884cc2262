"""Small problems that the tests of querying share."""

import numpy as np

from voisin.labeling.registry import make_method
from voisin.neighbors.affinity import build_affinity
from voisin.neighbors.search import find_neighbors
from voisin.types import GraphData, Problem


def blobs(seed, n_samples=60, n_classes=3):
    """Clouds of points about as many centers, two labels a class."""
    generator = np.random.default_rng(seed)
    truth = np.arange(n_samples) % n_classes
    centers = 3 * np.eye(n_classes, 5)
    vectors = (centers[truth] + generator.normal(size=(n_samples, 5))).astype(np.float32)
    labels = np.where(np.arange(n_samples) < 2 * n_classes, truth, -1)
    return problem_of(vectors, labels, n_classes)


def problem_of(vectors, labels, n_classes, n_neighbors=5):
    neighbors = find_neighbors(vectors, n_neighbors, metric="euclidean", random_state=0)
    affinity = build_affinity(neighbors, weights="gaussian")
    data = GraphData(vectors, affinity, vectors[:0])
    return Problem(data, np.asarray(labels, dtype=np.int64), n_classes)


def labeled(problem):
    """The problem, and what spreading makes of it."""
    return problem, make_method("spreading", alpha=0.9).label(problem)
