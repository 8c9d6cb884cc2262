"""Vectors for the tests of neighbors, and what a plain computation of all distances says."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

METRICS = pytest.mark.parametrize("metric", ["cosine", "euclidean"])


def clusters(n_samples, n_dims=24, n_clusters=30, random_state=0):
    generator = np.random.default_rng(random_state)
    centers = generator.normal(size=(n_clusters, n_dims))
    chosen = generator.integers(n_clusters, size=n_samples)
    noise = generator.normal(scale=0.5, size=(n_samples, n_dims))
    return (centers[chosen] + noise).astype(np.float32)


def all_distances(queries, vectors, metric):
    queries, vectors = queries.astype(np.float64), vectors.astype(np.float64)
    if metric == "euclidean":
        return cdist(queries, vectors)
    lengths = np.linalg.norm(queries, axis=1)[:, None] * np.linalg.norm(vectors, axis=1)
    cosines = np.zeros_like(lengths)
    return 1 - np.divide(queries @ vectors.T, lengths, where=lengths > 0, out=cosines)


def share_found(found, vectors, metric):
    distances = all_distances(vectors, vectors, metric)
    np.fill_diagonal(distances, np.inf)
    last = np.sort(distances, axis=1)[:, found.indices.shape[1] - 1]
    return (np.take_along_axis(distances, found.indices, 1) <= last[:, None] + 1e-6).mean()
