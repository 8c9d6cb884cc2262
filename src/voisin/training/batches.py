"""Which images a training sees together; it knows positions and weights."""

import numpy as np
from numpy.typing import NDArray

from voisin.errors import InputError
from voisin.types import Labels, Pixels


def split_in_batches(order: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    """Split into batches; a last image alone joins the batch before, for its normalization.

    Examples
    --------
    >>> [batch.tolist() for batch in split_in_batches(np.arange(5), 2)]
    [[0, 1], [2, 3, 4]]
    """
    cuts = np.arange(size, len(order), size)
    if len(cuts) and len(order) - cuts[-1] == 1:
        cuts = cuts[:-1]
    return np.split(order, cuts)


def check_images(
    pixels: Pixels, labels: Labels | NDArray[np.float32], weights: NDArray[np.floating]
) -> NDArray[np.int64]:
    """Return the images that have a weight.

    Raises
    ------
    InputError
        If shapes disagree, a weight is negative, fewer than two images have one, or the label of
        one that has is unknown.
    """
    if not len(pixels) == len(labels) == len(weights):
        message = (
            f"{len(pixels)} images, {len(labels)} labels and {len(weights)} weights: "
            "pass one of each an image."
        )
        raise InputError(message)
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        message = "weights has negative or non-finite entries: pass finite weights >= 0."
        raise InputError(message)
    kept = np.flatnonzero(weights > 0)
    if len(kept) < 2:
        message = f"{len(kept)} images have a weight above 0: training needs two or more."
        raise InputError(message)
    if labels[kept].min() < 0:
        message = f"labels has {int((labels[kept] < 0).sum())} unknown (-1): leave them out."
        raise InputError(message)
    return kept
