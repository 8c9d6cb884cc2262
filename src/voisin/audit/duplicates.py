"""Images that are nearly the same; it knows vectors and small pictures, not files or names.

By vectors: two images much nearer to each other than the images around them are to their neighbors.
What is usual differs from place to place, so distances are measured by the two images' own
surroundings, as spectral clustering does it (Zelnik-Manor & Perona 2004); and from data to data, so
they become volumes, by the intrinsic dimension (Levina & Bickel 2004). By pictures: fingerprints
that agree, then the pixels themselves, correlated.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.audit.perceptual_hash import hash_pairs, perceptual_hashes, to_gray, turned
from voisin.parallel import blocks
from voisin.types import Indices, Neighbors, Pixels, Progress, no_progress

VERY_NEAR = 3e-4
"""Largest volume of near-duplicates: about the chance that so near a neighbor is not one."""

SAME_PICTURE = 0.95
"""Least correlation of two pictures of which one is a copy of the other."""

_IDENTICAL = 0.1  # of the usual distance to the nearest image, anywhere
_FLAT = 4.0  # gray levels: with less contrast than this, fingerprints are noise
_BLOCK = 8_192


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of images that are nearly the same, most alike first.

    Attributes
    ----------
    images : array of shape (n_pairs, 2)
        Positions, the lower first.
    nearness : array of shape (n_pairs,)
        Share of the volume around them that is as near (see `near_pairs`); NaN if they are not.
    correlation : array of shape (n_pairs,)
        Of their pictures; NaN if their fingerprints differ.
    turns : array of shape (n_pairs,)
        How the first must be turned to be like the second (see `perceptual_hash.turned`); -1 if
        their fingerprints differ.
    """

    images: Indices
    nearness: NDArray[np.float64]
    correlation: NDArray[np.float64]
    turns: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.images)

    def take(self, chosen: NDArray[np.bool_]) -> "Pairs":
        """Keep some of the pairs."""
        return Pairs(
            self.images[chosen], self.nearness[chosen], self.correlation[chosen], self.turns[chosen]
        )


def near_pairs(neighbors: Neighbors, *, most: float = VERY_NEAR) -> Pairs:
    """Find near-duplicates by their vectors.

    Images i and j at distance d are near-duplicates if ``(d / √(r_i r_j))^m <= most``, r the
    distance to an image's last neighbor and m the intrinsic dimension: in a cloud without
    near-duplicates such a share of the volume holds such a share of the neighbors. Since r is small
    too among many copies of one image, so are images at a tenth of the median distance to the
    nearest.

    Parameters
    ----------
    neighbors : Neighbors
    most : float, default=3e-4

    Examples
    --------
    >>> distances = np.array([[1e-4, 2.0], [1e-4, 2.0], [2.0, 2.1], [2.0, 2.1]], dtype=np.float32)
    >>> near = Neighbors(np.array([[1, 2], [0, 2], [0, 1], [0, 1]]), distances, metric="euclidean")
    >>> near_pairs(near).images
    array([[0, 1]])
    """
    n_samples, n_neighbors = neighbors.indices.shape
    lengths = neighbors.distances.astype(np.float64)
    lengths = np.sqrt(np.maximum(lengths, 0)) if neighbors.metric == "cosine" else lengths
    first = np.repeat(np.arange(n_samples), n_neighbors)
    pairs = np.sort(np.column_stack([first, neighbors.indices.ravel()]), axis=1)
    radius = np.sqrt(lengths[pairs[:, 0], -1] * lengths[pairs[:, 1], -1])
    shares = np.divide(lengths.ravel(), radius, where=radius > 0, out=np.zeros(len(pairs)))
    nearness = shares ** intrinsic_dimension(lengths)
    identical = lengths.ravel() <= _IDENTICAL * np.median(lengths[:, 0])
    chosen = np.flatnonzero((nearness <= most) | identical)
    chosen = chosen[np.lexsort((nearness[chosen], pairs[chosen, 1], pairs[chosen, 0]))]
    pairs, nearness = pairs[chosen], nearness[chosen]
    once = np.ones(len(pairs), dtype=bool)
    once[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
    return _in_order(pairs[once], nearness=nearness[once])


def intrinsic_dimension(lengths: NDArray[np.float64]) -> float:
    """Estimate in how many dimensions vectors really vary, by the distances to their neighbors.

    ``m = 1 / median_i mean_j log(r_ik / r_ij)``, r_ij the distance of image i to its j-th neighbor
    of k; at least 1.

    Examples
    --------
    >>> round(intrinsic_dimension(np.array([[1.0, 2.0, 4.0]])), 3)
    1.0
    """
    if lengths.shape[1] < 2:
        return 1.0
    last = np.maximum(lengths[:, -1:], np.finfo(np.float32).tiny)
    ratios = np.clip(lengths[:, :-1] / last, np.finfo(np.float32).tiny, 1)
    middle = float(np.median(-np.log(ratios).mean(axis=1)))
    return max(1.0, 1 / middle) if middle > 0 else 1.0


def same_pictures(
    pixels: Pixels, *, least: float = SAME_PICTURE, progress: Progress = no_progress
) -> Pairs:
    """Find copies of pictures, be they turned, mirrored, resized or compressed.

    Parameters
    ----------
    pixels : array of shape (n_images, 32, 32, channels)
    least : float, default=0.95
        Correlation of the gray pictures once turned alike.
    progress : callable, optional

    Examples
    --------
    >>> picture = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 1), dtype=np.uint8)
    >>> picture[1] = picture[0, :, ::-1]
    >>> same_pictures(picture).turns
    array([1])
    """
    seen = np.flatnonzero(_has_contrast(pixels))
    pairs, turns, _ = hash_pairs(perceptual_hashes(pixels[seen]), progress=progress)
    pairs = seen[pairs]
    correlation = np.empty(len(pairs))
    for rows in blocks(len(pairs), _BLOCK):
        correlation[rows] = _correlation(pixels, pairs[rows], turns[rows])
    alike = correlation >= least
    return _in_order(pairs[alike], correlation=correlation[alike], turns=turns[alike])


def join_pairs(by_vectors: Pairs, by_pictures: Pairs) -> Pairs:
    """Join what two ways found; a pair that both found is one pair with both measures."""
    pairs = np.concatenate([by_vectors.images, by_pictures.images])
    if not len(pairs):
        return by_vectors
    once, place = np.unique(pairs, axis=0, return_inverse=True)
    place = place.ravel()
    vectors, pictures = place[: len(by_vectors)], place[len(by_vectors) :]
    nearness, correlation = np.full(len(once), np.nan), np.full(len(once), np.nan)
    turns = np.full(len(once), -1)
    nearness[vectors] = by_vectors.nearness
    correlation[pictures], turns[pictures] = by_pictures.correlation, by_pictures.turns
    return _in_order(once, nearness, correlation, turns)


def _in_order(
    images: Indices,
    nearness: NDArray[np.float64] | None = None,
    correlation: NDArray[np.float64] | None = None,
    turns: NDArray[np.int64] | None = None,
) -> Pairs:
    """Put the surest first: both measures, by how far each is from its limit."""
    unknown = np.full(len(images), np.nan)
    nearness = unknown if nearness is None else nearness
    correlation = unknown if correlation is None else correlation
    turns = np.full(len(images), -1) if turns is None else turns
    doubts = np.stack([nearness / VERY_NEAR, (1 - correlation) / (1 - SAME_PICTURE)])
    doubts = np.minimum(doubts, 1)
    order = np.argsort(np.where(np.isnan(doubts), 1, doubts).sum(axis=0), kind="stable")
    return Pairs(images[order], nearness[order], correlation[order], turns[order])


def _has_contrast(pixels: Pixels) -> NDArray[np.bool_]:
    parts = [to_gray(pixels[rows]).std(axis=(1, 2)) for rows in blocks(len(pixels), _BLOCK)]
    return np.concatenate([*parts, np.empty(0)]) >= _FLAT


def _correlation(pixels: Pixels, pairs: Indices, turns: NDArray[np.int64]) -> NDArray[np.float64]:
    """Correlate gray pictures, the first turned."""
    first, second = to_gray(pixels[pairs[:, 0]]), to_gray(pixels[pairs[:, 1]])
    for turn in range(1, 8):
        first[turns == turn] = turned(first[turns == turn], turn)
    spreads = first.std(axis=(1, 2)) * second.std(axis=(1, 2))
    return np.asarray((first * second).mean(axis=(1, 2)) / spreads)
