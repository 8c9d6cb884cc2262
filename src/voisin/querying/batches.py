"""Pick diverse batches: each picked image lowers the utility of similar images.

This module must not know labels or the graph.
"""

import numpy as np
from numpy.typing import NDArray

from voisin.types import Embeddings, Indices

# Chosen by hand: a higher power discounts near-duplicates only, a lower one all similar images.
_POWER = 4
# Number of candidates, at least in all and per pick; chosen by hand to bound the time. A candidate
# with a lower utility would be picked only if all others were discounted below it.
_MIN_CANDIDATES, _CANDIDATES_A_PICK = 2_000, 50
_BLOCK = 8_192  # images at a time; chosen by hand to bound the memory


def pick_diverse(
    embeddings: Embeddings, rows: Indices, utility: NDArray[np.float64], n: int
) -> tuple[Indices, NDArray[np.float64]]:
    """Pick greedily by utility; pick i multiplies that of each j by ``1 − max(cos(i, j), 0)⁴``.

    The cosine is taken after the mean is subtracted, since all vectors share a large part.
    Only the most useful candidates are considered: 2,000, or 50 per image to pick if more.

    Parameters
    ----------
    embeddings : array of shape (n_samples, n_dims)
    rows : array of shape (n_candidates,)
    utility : array of shape (n_candidates,)
        At least 0.
    n : int
        Number of images to pick; fewer if there are fewer candidates.

    Returns
    -------
    picked : array of shape (n,)
    scores : array of shape (n,)
        Utility when picked, after all discounts; it never rises from pick to pick.

    Examples
    --------
    >>> vectors = np.array([[1, 0], [1, 0.01], [-1, 1], [-1, -1]], dtype=np.float32)
    >>> pick_diverse(vectors, np.arange(4), np.array([1, 0.9, 0.5, 0.4]), 3)[0]
    array([0, 2, 3])
    """
    best = np.argsort(-utility, kind="stable")[: max(_MIN_CANDIDATES, _CANDIDATES_A_PICK * n)]
    rows, remaining = rows[best], utility[best].astype(np.float64)
    directions = _directions(embeddings, rows, _center(embeddings))
    picked, scores = [], []
    for _ in range(min(n, len(rows))):
        i = int(remaining.argmax())
        picked.append(rows[i])
        scores.append(remaining[i])
        remaining *= 1 - _similarity(directions @ directions[i])
        remaining[i] = -1
    return np.array(picked, dtype=np.int64), np.array(scores)


def novelty(embeddings: Embeddings, rows: Indices, labeled: Indices) -> NDArray[np.float64]:
    """Return how unlike the labeled images each image is: ``1 − max_l max(cos(i, l), 0)⁴``.

    Parameters
    ----------
    embeddings : array of shape (n_samples, n_dims)
    rows : array of shape (n,)
    labeled : array of shape (n_labeled,)

    Returns
    -------
    array of shape (n,)
        All 1 if no image is labeled.

    Examples
    --------
    >>> vectors = np.array([[1, 0], [1, 0], [-1, 1], [-1, -1]], dtype=np.float32)
    >>> novelty(vectors, np.array([1, 3]), np.array([0]))
    array([0., 1.])
    """
    if not len(labeled):
        return np.ones(len(rows))
    center = _center(embeddings)
    others = _directions(embeddings, labeled, center).T
    novelties = np.empty(len(rows))
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        closest = (_directions(embeddings, rows[block], center) @ others).max(axis=1)
        novelties[block] = 1 - _similarity(closest)
    return novelties


def _similarity(cosines: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.clip(cosines.astype(np.float64), 0, 1) ** _POWER


def _center(embeddings: Embeddings) -> NDArray[np.float64]:
    return np.asarray(embeddings.mean(axis=0, dtype=np.float64))


def _directions(
    embeddings: Embeddings, rows: Indices, center: NDArray[np.float64]
) -> NDArray[np.float32]:
    vectors = embeddings[rows] - center
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)
