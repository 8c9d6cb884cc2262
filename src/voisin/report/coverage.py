"""The accuracy of the surest predictions. This module must not know images."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.types import UNLABELED, Labels


@dataclass(frozen=True, eq=False)
class CoverageCurve:
    """Accuracy of the k surest images, for every k.

    Attributes
    ----------
    confidence : array of shape (n_images,)
        Probability of the label of the k-th image; it falls with k.
    accuracy : array of shape (n_images,)
        Accuracy among the first k images.
    """

    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.accuracy)

    def n_images(self, share: float) -> int:
        """Count the images in the surest `share` of them, at least one."""
        return max(1, round(share * len(self)))

    def at(self, share: float) -> tuple[float, float]:
        """Return accuracy and lowest confidence among the surest `share` of the images."""
        last = self.n_images(share) - 1
        return float(self.accuracy[last]), float(self.confidence[last])


def coverage_curve(
    confidence: NDArray[np.float64], predicted: Labels, truth: Labels
) -> CoverageCurve | None:
    """Order the images whose true class is known by confidence, and compute the accuracy.

    ``accuracy_k = (1/k) Σ_{i ≤ k} [ŷ_i = y_i]``, surest first. Images of equal confidence
    all count with their mean correctness, so their order does not matter. Images that no label
    reaches come last and count as wrong, as in the verdict.

    Parameters
    ----------
    confidence : array of shape (n_images,)
        Probability of the label of each image.
    predicted : array of shape (n_images,)
        The label ŷ of each image; -1 where no label reaches it.
    truth : array of shape (n_images,)
        -1 where unknown; these images are left out.

    Returns
    -------
    CoverageCurve or None
        None if no true class is known.

    Examples
    --------
    >>> import numpy as np
    >>> unsure_and_wrong, sure_and_right = (0.6, 1), (0.9, 0)
    >>> confidence, predicted = map(np.array, zip(unsure_and_wrong, sure_and_right))
    >>> coverage_curve(confidence, predicted, np.array([0, 0])).accuracy
    array([1. , 0.5])
    """
    known = truth != UNLABELED
    if not known.any():
        return None
    reached = predicted != UNLABELED
    stated = np.where(reached, confidence, 0.0)[known]
    # Rounding to 12 digits makes ties of rounding differences; unreached images come last.
    rank = np.where(reached[known], np.round(stated, 12), -1.0)
    correct = (reached & (predicted == truth))[known].astype(np.float64)
    order = np.argsort(-rank, kind="stable")
    _, tie, size = np.unique(-rank[order], return_inverse=True, return_counts=True)
    mean_of_tie = np.bincount(tie, weights=correct[order]) / size
    accuracy = np.cumsum(mean_of_tie[tie]) / np.arange(1, len(order) + 1)
    return CoverageCurve(stated[order], accuracy)
