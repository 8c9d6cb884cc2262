"""The accuracy of the most certain predictions. This module must not know images."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.evaluation.metrics import certainty
from voisin.types import UNLABELED, Labels, Probabilities


@dataclass(frozen=True, eq=False)
class CoverageCurve:
    """Accuracy of the k most certain images, for every k.

    Attributes
    ----------
    certainty : array of shape (n_images,)
        Certainty of the k-th image; it falls with k.
    accuracy : array of shape (n_images,)
        Accuracy among the first k images.
    """

    certainty: NDArray[np.float64]
    accuracy: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.accuracy)

    def n_images(self, share: float) -> int:
        """Count the images in the most certain `share` of them, at least one."""
        return max(1, round(share * len(self)))

    def at(self, share: float) -> tuple[float, float]:
        """Return accuracy and lowest certainty among the most certain `share` of the images."""
        last = self.n_images(share) - 1
        return float(self.accuracy[last]), float(self.certainty[last])


def coverage_curve(
    probabilities: Probabilities,
    reached: NDArray[np.bool_],
    truth: Labels,
    *,
    predicted: Labels | None = None,
) -> CoverageCurve | None:
    """Order the images whose true class is known by certainty, and compute the accuracy.

    ``accuracy_k = (1/k) Σ_{i ≤ k} [ŷ_i = y_i]``, most certain first. Images of equal certainty
    all count with their mean correctness, so their order does not matter. Images that no label
    reaches come last and count as wrong, as in the verdict.

    Parameters
    ----------
    probabilities : array of shape (n_images, n_classes)
    reached : array of shape (n_images,)
    truth : array of shape (n_images,)
        -1 where unknown; these images are left out.
    predicted : array of shape (n_images,), optional
        The label ŷ of each image; by default its most probable class.

    Returns
    -------
    CoverageCurve or None
        None if no true class is known.

    Examples
    --------
    >>> import numpy as np
    >>> sure_and_right, unsure_and_wrong = [0.9, 0.1], [0.4, 0.6]
    >>> p = np.array([unsure_and_wrong, sure_and_right])
    >>> coverage_curve(p, np.array([True, True]), np.array([0, 0])).accuracy
    array([1. , 0.5])
    """
    known = truth != UNLABELED
    if not known.any():
        return None
    certainties = np.where(reached, certainty(probabilities), 0.0)[known]
    # Rounding to 12 digits makes ties of rounding differences; unreached images come last.
    rank = np.where(reached[known], np.round(certainties, 12), -1.0)
    labels = probabilities.argmax(axis=1) if predicted is None else predicted
    correct = (reached & (labels == truth))[known].astype(np.float64)
    order = np.argsort(-rank, kind="stable")
    _, tie, size = np.unique(-rank[order], return_inverse=True, return_counts=True)
    mean_of_tie = np.bincount(tie, weights=correct[order]) / size
    accuracy = np.cumsum(mean_of_tie[tie]) / np.arange(1, len(order) + 1)
    return CoverageCurve(certainties[order], accuracy)
