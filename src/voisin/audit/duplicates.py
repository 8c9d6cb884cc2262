"""Find near-duplicates: pairs of images whose vectors or pictures are nearly the same.

Vectors are nearly the same if their distance is much smaller than that to their last neighbors
(Zelnik-Manor & Perona 2004 scale distances so). The intrinsic dimension (Levina & Bickel 2004)
converts the ratio to a volume, so that one limit suits all data. Pictures are nearly the same if
their perceptual hashes agree and their pixels correlate. This module must not know files or names.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.audit.findings import (
    WORTH_KNOWING,
    WRONG,
    AuditedImages,
    Entry,
    Finding,
    count_of,
)
from voisin.audit.perceptual_hash import (
    find_similar_hashes,
    hash_pictures,
    to_gray,
    turn_pictures,
)
from voisin.parallel import blocks
from voisin.types import UNLABELED, Indices, Neighbors, Pixels, Progress, no_progress

# The limits were chosen by hand; benchmarks/audit.md has the precision and the recall with them.
_MAX_VOLUME = 3e-4  # about the probability that images so near are no near-duplicates
_MIN_CORRELATION = 0.95  # least correlation of a picture and its copy
_IDENTICAL = 0.1  # as a share of the median distance to the nearest image
_MIN_CONTRAST = 4.0  # standard deviation in gray levels: below it, perceptual hashes are noise
_BLOCK = 8_192  # pictures at a time; chosen by hand to bound the memory


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of images that are nearly the same, most certain first.

    Attributes
    ----------
    images : array of shape (n_pairs, 2)
        Positions in each pair, the lower one first.
    nearness : array of shape (n_pairs,)
        Share of the volume around both images that is as near (see `find_near_vectors`); NaN if
        their vectors are not near.
    correlation : array of shape (n_pairs,)
        Correlation of the two pictures; NaN if their hashes differ.
    turns : array of shape (n_pairs,)
        How the first picture must be turned to be like the second (see `turn_pictures`); -1 if
        their hashes differ.
    """

    images: Indices
    nearness: NDArray[np.float64]
    correlation: NDArray[np.float64]
    turns: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.images)

    def take(self, chosen: NDArray[np.bool_]) -> "Pairs":
        """Return the pairs for which `chosen` is true."""
        return Pairs(
            self.images[chosen], self.nearness[chosen], self.correlation[chosen], self.turns[chosen]
        )


def find_near_vectors(neighbors: Neighbors, *, max_volume: float = _MAX_VOLUME) -> Pairs:
    """Find near-duplicates by their vectors.

    Images i and j at distance d are near-duplicates if ``(d / √(r_i r_j))^m <= max_volume``, where
    r is the distance to an image's last neighbor and m is the intrinsic dimension: without
    near-duplicates, a share of the volume holds the same share of the neighbors. Among many
    copies of one image, r is small, too; so images within a tenth of the median distance to the
    nearest image are near-duplicates as well.

    Parameters
    ----------
    neighbors : Neighbors
    max_volume : float, default=3e-4

    Examples
    --------
    >>> distances = np.array([[1e-4, 2.0], [1e-4, 2.0], [2.0, 2.1], [2.0, 2.1]], dtype=np.float32)
    >>> near = Neighbors(np.array([[1, 2], [0, 2], [0, 1], [0, 1]]), distances, metric="euclidean")
    >>> find_near_vectors(near).images
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
    chosen = np.flatnonzero((nearness <= max_volume) | identical)
    chosen = chosen[np.lexsort((nearness[chosen], pairs[chosen, 1], pairs[chosen, 0]))]
    pairs, nearness = pairs[chosen], nearness[chosen]
    once = np.ones(len(pairs), dtype=bool)
    once[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
    return _in_order(pairs[once], nearness=nearness[once])


def intrinsic_dimension(lengths: NDArray[np.float64]) -> float:
    """Estimate the intrinsic dimension of vectors from the distances to their neighbors.

    ``m = 1 / median_i mean_j log(r_ik / r_ij)``, where r_ij is the distance of image i to its j-th
    neighbor of k. The result is at least 1.

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


def find_same_pictures(
    pixels: Pixels, *, min_correlation: float = _MIN_CORRELATION, progress: Progress = no_progress
) -> Pairs:
    """Find copies of pictures, even if they are turned, mirrored, resized or compressed.

    Parameters
    ----------
    pixels : array of shape (n_images, 32, 32, channels)
    min_correlation : float, default=0.95
        Least correlation of the gray pictures after both are turned alike.
    progress : callable, optional

    Examples
    --------
    >>> picture = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 1), dtype=np.uint8)
    >>> picture[1] = picture[0, :, ::-1]
    >>> find_same_pictures(picture).turns
    array([1])
    """
    contrasts = [to_gray(pixels[rows]).std(axis=(1, 2)) for rows in blocks(len(pixels), _BLOCK)]
    usable = np.flatnonzero(np.concatenate([*contrasts, np.empty(0)]) >= _MIN_CONTRAST)
    pairs, turns, _ = find_similar_hashes(hash_pictures(pixels[usable]), progress=progress)
    pairs = usable[pairs]
    correlation = np.empty(len(pairs))
    for rows in blocks(len(pairs), _BLOCK):
        first, second = to_gray(pixels[pairs[rows, 0]]), to_gray(pixels[pairs[rows, 1]])
        for turn in range(1, 8):
            chosen = turns[rows] == turn
            first[chosen] = turn_pictures(first[chosen], turn)
        spreads = first.std(axis=(1, 2)) * second.std(axis=(1, 2))
        correlation[rows] = (first * second).mean(axis=(1, 2)) / spreads
    alike = correlation >= min_correlation
    return _in_order(pairs[alike], correlation=correlation[alike], turns=turns[alike])


def join_pairs(by_vectors: Pairs, by_pictures: Pairs) -> Pairs:
    """Join pairs that are near by vectors or by pictures; a pair in both has both measures."""
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
    """Sort pairs by certainty: the farther inside both limits, the earlier."""
    unknown = np.full(len(images), np.nan)
    nearness = unknown if nearness is None else nearness
    correlation = unknown if correlation is None else correlation
    turns = np.full(len(images), -1) if turns is None else turns
    doubts = np.stack([nearness / _MAX_VOLUME, (1 - correlation) / (1 - _MIN_CORRELATION)])
    doubts = np.minimum(doubts, 1)
    order = np.argsort(np.where(np.isnan(doubts), 1, doubts).sum(axis=0), kind="stable")
    return Pairs(images[order], nearness[order], correlation[order], turns[order])


def check_duplicates(images: AuditedImages, progress: Progress) -> list[Finding]:
    """Look for near-duplicates across splits, with different labels, and of other kinds."""
    pairs = find_near_vectors(images.neighbors)
    if images.pixels is not None:
        pairs = join_pairs(pairs, find_same_pictures(images.pixels, progress=progress))
    left, right = images.all_labels[pairs.images.T]
    across = np.not_equal(*images.splits[pairs.images.T])
    contradictory = (left != UNLABELED) & (right != UNLABELED) & (left != right)
    one_labeled = ~across & ((left != UNLABELED) ^ (right != UNLABELED))
    kinds = (
        (
            "duplicates-across-splits",
            WRONG,
            across,
            " on both sides of a split",
            "The test knows these images already, so its figures are too good. Keep both images of "
            "a pair in one split, or take one out.",
        ),
        (
            "duplicates-with-different-labels",
            WRONG,
            contradictory,
            " with different labels",
            "At least one label of each pair is wrong. Look at both.",
        ),
        (
            "duplicates-of-labeled",
            WORTH_KNOWING,
            one_labeled,
            " of a labeled and an unlabeled image",
            "The other image is easy: figures on unlabeled images are a little too good.",
        ),
        (
            "duplicates",
            WORTH_KNOWING,
            ~(across | contradictory | one_labeled),
            "",
            "They count twice in every figure, and labeling both is a waste.",
        ),
    )
    findings = []
    for name, severity, chosen, where, advice in kinds:
        if chosen.any():
            count = count_of(int(chosen.sum()), "pair", "pairs")
            title, entries = f"{count} of near-duplicates{where}", _to_entries(pairs.take(chosen))
            findings.append(Finding(name, severity, title, advice, entries))
    return findings


def _to_entries(pairs: Pairs) -> tuple[Entry, ...]:
    entries = []
    for i, (left, right) in enumerate(pairs.images.tolist()):
        nearness, turn = float(pairs.nearness[i]), pairs.turns[i]
        notes = [] if np.isnan(nearness) else ["vectors far nearer than usual"]
        if turn >= 0:
            alike = "nearly the same picture" + (", turned or mirrored" if turn else "")
            notes.append(f"{alike} (correlation {pairs.correlation[i]:.3f})")
        entries.append(Entry(left, right, nearness, note=", ".join(notes)))
    return tuple(entries)
