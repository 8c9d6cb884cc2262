"""Batches without near-duplicates: an image that is picked discounts those like it."""

import numpy as np
from numpy.typing import NDArray

from voisin.types import Embeddings, Indices

_POWER = 4
_FEW = 2_000
_A_PICK = 50  # candidates kept for each image asked for
_BLOCK = 8_192


def pick_apart(
    embeddings: Embeddings, rows: Indices, worth: NDArray[np.float64], n: int
) -> tuple[Indices, NDArray[np.float64]]:
    """Pick greedily by worth; each pick i discounts every j by ``1 − max(cos(i, j), 0)⁴``.

    The cosine is that of the vectors less their mean: images of one kind share most of a vector.
    Only the worthiest 2,000, or 50 an image asked for, are looked at.

    Parameters
    ----------
    embeddings : array of shape (n_samples, n_dims)
    rows : array of shape (n_candidates,)
    worth : array of shape (n_candidates,)
        At least 0.
    n : int
        Fewer are picked where there are fewer.

    Returns
    -------
    picked : array of shape (n,)
    scores : array of shape (n,)
        Worth when picked, all discounts in; never rising.

    Examples
    --------
    >>> vectors = np.array([[1, 0], [1, 0.01], [-1, 1], [-1, -1]], dtype=np.float32)
    >>> pick_apart(vectors, np.arange(4), np.array([1, 0.9, 0.5, 0.4]), 3)[0]
    array([0, 2, 3])
    """
    best = np.argsort(-worth, kind="stable")[: max(_FEW, _A_PICK * n)]
    rows, left = rows[best], worth[best].astype(np.float64)
    directions = _directions(embeddings, rows, _center(embeddings))
    picked, scores = [], []
    for _ in range(min(n, len(rows))):
        i = int(left.argmax())
        picked.append(rows[i])
        scores.append(left[i])
        left *= 1 - _likeness(directions @ directions[i])
        left[i] = -1
    return np.array(picked, dtype=np.int64), np.array(scores)


def novelty(embeddings: Embeddings, rows: Indices, known: Indices) -> NDArray[np.float64]:
    """Tell how unlike its most similar known image each is: ``1 − max_l max(cos(i, l), 0)⁴``.

    Parameters
    ----------
    embeddings : array of shape (n_samples, n_dims)
    rows : array of shape (n,)
    known : array of shape (n_known,)

    Returns
    -------
    array of shape (n,)
        Ones where nothing is known.

    Examples
    --------
    >>> vectors = np.array([[1, 0], [1, 0], [-1, 1], [-1, -1]], dtype=np.float32)
    >>> novelty(vectors, np.array([1, 3]), np.array([0]))
    array([0., 1.])
    """
    if not len(known):
        return np.ones(len(rows))
    center = _center(embeddings)
    others = _directions(embeddings, known, center).T
    found = np.empty(len(rows))
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        closest = (_directions(embeddings, rows[block], center) @ others).max(axis=1)
        found[block] = 1 - _likeness(closest)
    return found


def _likeness(cosines: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.clip(cosines.astype(np.float64), 0, 1) ** _POWER


def _center(embeddings: Embeddings) -> NDArray[np.float64]:
    return np.asarray(embeddings.mean(axis=0, dtype=np.float64))


def _directions(
    embeddings: Embeddings, rows: Indices, center: NDArray[np.float64]
) -> NDArray[np.float32]:
    vectors = embeddings[rows] - center
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)
