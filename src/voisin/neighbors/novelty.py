"""Tell vectors that are unlike all known ones, by the distance to their neighbors.

Ramaswamy, Rastogi & Shim, "Efficient algorithms for mining outliers from large data sets", 2000,
with a threshold from the known vectors themselves. This module must not know images or labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.parallel import blocks
from voisin.types import Embeddings, Names

# The tenth neighbor, so that a few odd images or copies among the known ones change nothing: by
# hand, as the mean of ten and the first alone do as well.
N_NEIGHBORS = 10
SHARE = 0.02  # of the known images that would be flagged, were they new: by hand
# Axes: of 300 photographs of waste kept out of a run with 1,867, 3.7 % are flagged with 64 and
# 3.0 % with 46, of clothes 98.7 and 96.7 %. More than a twentieth of the images fit these images
# only: with 200 of them, 6.5 % are flagged with 20 axes, 4.8 % with 10.
_MOST_AXES, _IMAGES_PER_AXIS = 64, 20
_SAMPLE = 1_000  # known images that the threshold is computed from: its share is exact to 0.5 %
_SAMPLE_OF_AXES = 4_000  # that the axes are found from, by hand
_BLOCK = 256  # rows compared at once, by hand: bounds the memory


@dataclass(frozen=True, eq=False)
class Novelty:
    """The rule that an image is unlike all known ones: its k-th neighbor is too far.

    Each kind of vectors is brought to length one, and all are put side by side, divided by the root
    of their number: u. With the first axes A of the known ones, about the origin, the distance of
    two images is ``1 − (Aᵀu)·(Aᵀu')``: what the axes do not hold of an image, no known image has.

    Attributes
    ----------
    n_neighbors : int
        k.
    threshold : float
        Distance above which the k-th neighbor is too far.
    axes : array of shape (n_dims, n_axes)
    known : array of shape (n_samples, n_axes)
        Aᵀu of the known images.
    """

    n_neighbors: int
    threshold: float
    axes: NDArray[np.float32]
    known: NDArray[np.float32]


def fit_novelty(
    vectors: Sequence[Embeddings], groups: Names | None = None, *, random_state: int = 0
) -> Novelty:
    """Find the axes, and the threshold that 2 % of the known images are above.

    Each of 1,000 images is judged by the others; those of its group are left out.

    Parameters
    ----------
    vectors : sequence of arrays of shape (n_samples, n_dims)
        One or several kinds of vectors of the known images; at least two images.
    groups : array of shape (n_samples,), optional
        Patient or object that each image shows: new images may show another.
    random_state : int, default=0
        Seed by which the 1,000 are drawn.

    Examples
    --------
    >>> line = np.stack([np.cos(angle := np.linspace(0, 1, 50)), np.sin(angle)], axis=1)
    >>> novelty = fit_novelty([line.astype(np.float32)])
    >>> is_novel(novelty, [np.array([[1, 0.5], [0.5, -1]], dtype=np.float32)]).tolist()
    [False, True]
    """
    from voisin.neighbors.kernels.vectors import principal_axes

    n_samples = len(vectors[0])
    names = np.arange(n_samples) if groups is None else np.unique(groups, return_inverse=True)[1]
    generator = np.random.default_rng(random_state)
    n_axes = max(1, min(_MOST_AXES, n_samples // _IMAGES_PER_AXIS))
    some = slice(None, None, -(-n_samples // _SAMPLE_OF_AXES))
    axes = principal_axes(_join([kind[some] for kind in vectors]), n_axes, generator)
    known = _project(vectors, axes)
    k = min(N_NEIGHBORS, n_samples - 1)
    drawn = generator.permutation(n_samples)[:_SAMPLE]
    farthest = np.empty(len(drawn), dtype=np.float32)
    for rows in blocks(len(drawn), _BLOCK):
        distances = 1 - known[drawn[rows]] @ known.T
        own = names[drawn[rows]][:, None] == names
        distances[own] = np.inf
        farthest[rows] = np.partition(distances, k - 1, axis=1)[:, k - 1]
    farthest = farthest[np.isfinite(farthest)]  # of images with fewer than k outside their group
    threshold = float(np.quantile(farthest, 1 - SHARE)) if len(farthest) else np.inf
    return Novelty(k, threshold, axes, known)


def is_novel(novelty: Novelty, vectors: Sequence[Embeddings]) -> NDArray[np.bool_]:
    """Tell which images are unlike all known ones, by vectors of the same kinds.

    Parameters
    ----------
    novelty : Novelty
    vectors : sequence of arrays of shape (n_new, n_dims)

    Returns
    -------
    array of shape (n_new,)
    """
    new, k = _project(vectors, novelty.axes), novelty.n_neighbors
    flags = np.empty(len(new), dtype=bool)
    for rows in blocks(len(new), _BLOCK):
        distances = 1 - new[rows] @ novelty.known.T
        flags[rows] = np.partition(distances, k - 1, axis=1)[:, k - 1] > novelty.threshold
    return flags


def _project(vectors: Sequence[Embeddings], axes: NDArray[np.float32]) -> NDArray[np.float32]:
    projected = np.empty((len(vectors[0]), axes.shape[1]), dtype=np.float32)
    for rows in blocks(len(projected), _BLOCK):
        projected[rows] = _join([kind[rows] for kind in vectors]) @ axes
    return projected


def _join(vectors: Sequence[Embeddings]) -> NDArray[np.float32]:
    lengths = [np.linalg.norm(kind, axis=1, keepdims=True) for kind in vectors]
    units = [
        np.divide(kind, length, where=length > 0, out=np.zeros_like(kind, dtype=np.float32))
        for kind, length in zip(vectors, lengths, strict=True)
    ]
    return (np.hstack(units) / np.sqrt(len(vectors))).astype(np.float32, copy=False)
