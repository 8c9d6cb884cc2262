"""Small labeling problems that the tests share: round clouds of vectors, and their graph."""

from dataclasses import replace

import numpy as np

from voisin.labeling.cross_validation import make_folds
from voisin.neighbors.affinity import build_affinity
from voisin.neighbors.search import find_neighbors, query_neighbors
from voisin.types import Fold, GraphData, Problem


def clouds(counts=(30, 30, 30), *, spread=1.0, seed=0, n_dims=6):
    """Vectors around one center a class, at right angles to one another, and their classes."""
    generator = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(counts)), counts)
    vectors = np.eye(len(counts), n_dims)[truth] + spread * generator.standard_normal(
        (len(truth), n_dims)
    ) / np.sqrt(n_dims)
    return vectors.astype(np.float32), truth


def keep_few(truth, n, seed=0):
    generator = np.random.default_rng(seed)
    labels = np.full(len(truth), -1)
    for c in np.unique(truth):
        rows = generator.permutation(np.flatnonzero(truth == c))[:n]
        labels[rows] = c
    return labels


def view_of(vectors, new=None, n_neighbors=6):
    new = vectors[:0] if new is None else new
    near = query_neighbors(new, vectors, n_neighbors) if len(new) else None
    return GraphData(vectors, build_affinity(find_neighbors(vectors, n_neighbors)), new, near)


def problem_of(vectors, labels, n_classes=3, new=None, n_folds=3, **settings):
    data = view_of(vectors, new)
    folds = tuple(Fold(rows, data) for rows in make_folds(labels, n_folds=n_folds))
    return Problem(data, labels, n_classes, folds, **settings)


def few_labels(n=5, seed=0, **settings):
    """Return a problem of three even clouds with a few labels and 10 new images, and the truth."""
    vectors, truth = clouds(seed=seed)
    new, _ = clouds((4, 3, 3), seed=seed + 1)
    return problem_of(vectors, keep_few(truth, n, seed), new=new, **settings), truth


def relabel(problem, rows, labels):
    """Change some labels, and nothing else."""
    changed = problem.labels.copy()
    changed[rows] = labels
    return replace(problem, labels=changed)
