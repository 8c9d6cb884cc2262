"""Join several kinds of vectors; this module handles matrices, not images or embedders."""

from collections.abc import Sequence

import numpy as np

from voisin.errors import InputError
from voisin.types import Embeddings

_BLOCK = 4096  # rows at a time, chosen by hand: bounds the float64 copies to some tens of MB


def combine(
    pool: Sequence[Embeddings], test: Sequence[Embeddings]
) -> tuple[Embeddings, Embeddings]:
    r"""Center each part, scale its rows to length one, and put the parts side by side.

    With m_k the mean of part k over the pool, an image with the vectors x_1, ..., x_K gets

        z = ( (x_1 − m_1) / ‖x_1 − m_1‖ , ... , (x_K − m_K) / ‖x_K − m_K‖ )

    so that each part counts alike in cosine and Euclidean distances, whatever its scale and its
    number of dimensions. A vector that equals the mean becomes zero. Test images are centered by
    the pool's mean too, because new images come one by one.

    Parameters
    ----------
    pool : sequence of arrays of shape (n_pool, n_dims of the part)
    test : sequence of arrays of shape (n_test, n_dims of the part)

    Returns
    -------
    pool, test : arrays of shape (n_images, sum of n_dims), float32

    Raises
    ------
    InputError
        If parts have different numbers of rows.

    Examples
    --------
    >>> left, right = np.array([[0.0], [2.0]]), np.array([[0.0, 0.0], [6.0, 8.0]])
    >>> z, _ = combine([left, right], [left[:0], right[:0]])
    >>> z.round(2).tolist()
    [[-1.0, -0.6000000238418579, -0.800000011920929], [1.0, 0.6000000238418579, 0.800000011920929]]
    """
    means = [part.mean(axis=0, dtype=np.float64) for part in pool]
    return _normalize_and_join(pool, means), _normalize_and_join(test, means)


def _normalize_and_join(parts: Sequence[Embeddings], means: Sequence[Embeddings]) -> Embeddings:
    counts = [len(part) for part in parts]
    if len(set(counts)) != 1:
        message = f"The parts have {counts} rows: pass one row per image in each."
        raise InputError(message)
    joined = np.empty((counts[0], sum(len(mean) for mean in means)), dtype=np.float32)
    for start in range(0, counts[0], _BLOCK):
        rows = slice(start, start + _BLOCK)
        normalized = []
        for part, mean in zip(parts, means, strict=True):
            centered = part[rows] - mean
            lengths = np.linalg.norm(centered, axis=1, keepdims=True)
            normalized.append(
                np.divide(centered, lengths, out=np.zeros_like(centered), where=lengths > 0)
            )
        joined[rows] = np.hstack(normalized)
    return joined
