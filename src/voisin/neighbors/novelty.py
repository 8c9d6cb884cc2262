"""Tell vectors that are unlike all known ones, by the distance to their neighbors.

Ramaswamy, Rastogi & Shim, "Efficient algorithms for mining outliers from large data sets", 2000,
with a threshold from the known vectors themselves. This module must not know images or labels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.neighbors.search import query_neighbors
from voisin.types import Embeddings, Names

# The tenth neighbor, so that a few odd images or copies among the known ones change nothing: by
# hand. Of 600 photographs of waste kept out of a run, 2.7 % are flagged (3.0 % by the mean of ten
# distances, 2.5 % by the first), and of blood cells, skin and clothes 100, 100 and 98 %.
N_NEIGHBORS = 10
SHARE = 0.02  # of the known images that would be flagged, were they new: by hand
_SAMPLE = 1_000  # known images that the threshold is computed from: its share is exact to 0.5 %
_MOST_OF_A_GROUP = 100  # images of one's own group that are left out, by hand: bounds the time


@dataclass(frozen=True)
class Novelty:
    """The rule that a vector is unlike all known ones: its k-th neighbor is too far.

    Attributes
    ----------
    n_neighbors : int
        k.
    threshold : float
        Cosine distance above which the k-th neighbor is too far.
    """

    n_neighbors: int
    threshold: float


def fit_novelty(
    embeddings: Embeddings, groups: Names | None = None, *, random_state: int = 0
) -> Novelty:
    """Find the threshold that 2 % of the known vectors are above, if each is judged by the others.

    It is the quantile of the cosine distances of 1,000 of them to their tenth neighbor, the
    vector itself and those of its group left out.

    Parameters
    ----------
    embeddings : array of shape (n_samples, n_dims)
        At least two.
    groups : array of shape (n_samples,), optional
        Patient or object that each image shows: new images may show another.
    random_state : int, default=0
        Seed by which the 1,000 are drawn.

    Examples
    --------
    >>> line = np.stack([np.cos(angle := np.linspace(0, 1, 50)), np.sin(angle)], axis=1)
    >>> fit_novelty(line)
    Novelty(n_neighbors=10, threshold=0.020...)
    """
    n_samples = len(embeddings)
    names = np.arange(n_samples) if groups is None else np.unique(groups, return_inverse=True)[1]
    k = min(N_NEIGHBORS, n_samples - 1)
    largest = min(int(np.bincount(names).max()), _MOST_OF_A_GROUP)
    drawn = np.random.default_rng(random_state).permutation(n_samples)[:_SAMPLE]
    near = query_neighbors(embeddings[drawn], embeddings, min(k + largest, n_samples))
    own = names[near.indices] == names[drawn][:, None]
    distances = np.sort(np.where(own, np.inf, near.distances), axis=1)[:, :k]
    farthest = np.where(np.isfinite(distances), distances, near.distances[:, -1:]).max(axis=1)
    return Novelty(k, float(np.quantile(farthest, 1 - SHARE)))


def is_novel(novelty: Novelty, distances: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Flag vectors by their cosine distances to their nearest known ones, ascending.

    Examples
    --------
    >>> is_novel(Novelty(2, 0.3), np.array([[0.1, 0.2], [0.1, 0.4]])).tolist()
    [False, True]
    """
    return np.asarray(distances[:, novelty.n_neighbors - 1] > novelty.threshold)
