"""The verdict on predictions: each is matched with its truth by id, never by position."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.errors import InputError
from voisin.evaluation import metrics
from voisin.evaluation.bootstrap import bootstrap_weights, interval
from voisin.evaluation.scores import Estimate, Scores
from voisin.types import (
    UNLABELED,
    ImageCollection,
    Labels,
    Names,
    Predictions,
    Probabilities,
)

_RESAMPLES_AT_ONCE = 1 << 21  # entries of a block of weights: 16 MB


@dataclass(frozen=True, eq=False)
class Truth:
    """The true classes of some images.

    Attributes
    ----------
    ids : array of shape (n_images,)
    labels : array of shape (n_images,)
        All known.
    class_names : tuple of str
    groups : array of shape (n_images,), optional
        Resampled as wholes.
    """

    ids: Names
    labels: Labels
    class_names: tuple[str, ...]
    groups: Names | None = None

    @classmethod
    def of(cls, images: ImageCollection) -> "Truth":
        """Take what a collection knows of its images; those without label are left out."""
        known = images.take(images.labels != UNLABELED)
        return cls(known.ids, known.labels, known.class_names, known.groups)

    def __post_init__(self) -> None:
        if len(self.labels) and (self.labels == UNLABELED).any():
            n_unknown = int((self.labels == UNLABELED).sum())
            message = f"{n_unknown} of {len(self.labels)} true labels are unknown: leave them out."
            raise InputError(message)


def score(
    predictions: Predictions,
    truth: Truth,
    *,
    scope: str = "test",
    n_resamples: int = 1_000,
    random_state: int = 0,
) -> Scores:
    """Compare predictions with the truth of the same images.

    Predictions and truth may come in any order, and the predictions may have more images.

    Parameters
    ----------
    predictions : Predictions
    truth : Truth
    scope : str, default="test"
        Name of this set of images, kept in the result.
    n_resamples : int, default=1000
        Bootstrap resamples behind the 95 % intervals.
    random_state : int, default=0

    Returns
    -------
    Scores

    Raises
    ------
    InputError
        If an image is predicted twice, or one of the truth not at all.

    Examples
    --------
    >>> import numpy as np
    >>> sure = Predictions("guess", np.array(["b", "a"]), np.array([[0.1, 0.9], [0.8, 0.2]]))
    >>> truth = Truth(np.array(["a", "b"]), np.array([0, 1]), ("cat", "dog"))
    >>> score(sure, truth).accuracy.value
    1.0
    """
    order = np.argsort(truth.ids)  # one order of summation, whatever the order of the file
    labels = truth.labels[order]
    groups = None if truth.groups is None else truth.groups[order]
    probabilities = _aligned(predictions, truth.ids[order], len(truth.class_names))
    weights = bootstrap_weights(
        len(labels), groups, n_resamples=n_resamples, random_state=random_state
    )
    figures = _figures(labels, probabilities, np.ones((1, len(labels))))
    resampled = _figures(labels, probabilities, weights)
    estimates = [interval(*pair) for pair in zip(figures[0], resampled.T, strict=True)]
    auc, accuracy, macro_f1, balanced_accuracy, ece, *recalls = estimates
    return Scores(
        method=predictions.method,
        scope=scope,
        n=len(labels),
        auc=auc,
        accuracy=accuracy,
        macro_f1=macro_f1,
        balanced_accuracy=balanced_accuracy,
        ece=ece,
        recall=dict(zip(truth.class_names, recalls, strict=True)),
        confusion=_confusion(labels, probabilities),
        reliability=metrics.reliability(labels, probabilities),
    )


def _aligned(predictions: Predictions, ids: Names, n_classes: int) -> Probabilities:
    """Rows of the predictions in the order of `ids`."""
    if predictions.probabilities.shape != (len(predictions.ids), n_classes):
        message = (
            f"probabilities of {predictions.method!r} has shape {predictions.probabilities.shape}: "
            f"expected ({len(predictions.ids)}, {n_classes}), one row an id, one column a class."
        )
        raise InputError(message)
    if not len(ids):
        message = "truth has no image: nothing can be scored."
        raise InputError(message)
    order = np.argsort(predictions.ids)
    known = predictions.ids[order]
    twice = known[1:][known[1:] == known[:-1]]
    if len(twice):
        message = (
            f"{predictions.method!r} predicts {str(twice[0])!r} more than once: ids must be unique."
        )
        raise InputError(message)
    place = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    missing = ids[known[place] != ids]
    if len(missing):
        message = (
            f"{predictions.method!r} has no prediction for {len(missing)} of {len(ids)} images, "
            f"first {str(missing[0])!r}: predict them all, or leave them out of the truth."
        )
        raise InputError(message)
    return predictions.probabilities[order[place]]


def _figures(
    labels: Labels, probabilities: Probabilities, weights: metrics.Weights
) -> NDArray[np.float64]:
    """All figures, a row a weighting: AUC, accuracy, F1, balanced accuracy, ECE, recalls."""
    size = max(1, _RESAMPLES_AT_ONCE // len(labels))
    blocks = (weights[start : start + size] for start in range(0, len(weights), size))
    return np.concatenate([_figures_of_block(labels, probabilities, block) for block in blocks])


def _figures_of_block(
    labels: Labels, probabilities: Probabilities, weights: metrics.Weights
) -> NDArray[np.float64]:
    n_classes = probabilities.shape[1]
    confusions = metrics.confusion(labels, probabilities.argmax(axis=1), n_classes, weights)
    return np.column_stack(
        [
            metrics.macro_auc(labels, probabilities, weights),
            metrics.accuracy(confusions),
            metrics.macro_f1(confusions),
            metrics.balanced_accuracy(confusions),
            metrics.expected_calibration_error(labels, probabilities, weights),
            metrics.recall(confusions),
        ]
    )


def _confusion(labels: Labels, probabilities: Probabilities) -> NDArray[np.int64]:
    weights = np.ones((1, len(labels)))
    predicted = probabilities.argmax(axis=1)
    counts = metrics.confusion(labels, predicted, probabilities.shape[1], weights)[0]
    return np.rint(counts).astype(np.int64)


__all__ = ["Estimate", "Scores", "Truth", "score"]
