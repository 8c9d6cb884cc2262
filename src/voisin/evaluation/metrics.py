"""Metrics of class probabilities against the truth, for many weightings of the images at once.

Every metric takes ``weights`` of shape (n_weightings, n_images) and returns one value per
weighting. Weights of 1 give the metric itself; bootstrap counts give its distribution. AUC
and accuracy are those of MedMNIST's evaluator (Yang et al. 2023): the mean over the classes of
one-against-rest areas, and the share of images whose label is the true class. Only
`certainty` needs no truth. To add a metric to the verdict, write a function and an entry of
`METRICS`. This module must not know ids, files or intervals.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import entr

from voisin.types import Labels, Probabilities

Weights = NDArray[np.float64]  # (n_weightings, n_images)
Figures = NDArray[np.float64]  # (n_weightings,)
N_BINS = 15  # bins of the expected calibration error, as in Guo et al. 2017


@dataclass(frozen=True)
class ReliabilityBin:
    """Predictions of similar confidence: their mean confidence, and how often they are right."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


def certainty(probabilities: Probabilities) -> NDArray[np.float64]:
    """One minus the normalized entropy: ``1 − H(p) / log C`` (Iscen et al. 2019).

    Parameters
    ----------
    probabilities : array of shape (n_images, n_classes)

    Returns
    -------
    array of shape (n_images,)
        From 0 (all classes equally probable) to 1 (one class has all the probability).

    Examples
    --------
    >>> import numpy as np
    >>> certainty(np.array([[0.5, 0.5], [1.0, 0.0]]))
    array([0., 1.])
    """
    n_classes = probabilities.shape[1]
    if n_classes == 1:
        return np.ones(len(probabilities))
    return np.clip(1 - entr(probabilities).sum(axis=1) / np.log(n_classes), 0, 1)


def macro_auc(truth: Labels, probabilities: Probabilities, weights: Weights) -> Figures:
    """Mean over the classes of the area under the ROC curve of each class against the rest.

    With two classes, only the second counts, as in MedMNIST's evaluator. A class that has no image,
    or all images, has no area and is left out of the mean; NaN if no class is left.
    """
    n_classes = probabilities.shape[1]
    classes = [1] if n_classes == 2 else range(n_classes)
    areas = [_binary_auc(truth == c, probabilities[:, c], weights) for c in classes]
    return _mean_of_defined(np.stack(areas, axis=1))


def _binary_auc(
    positive: NDArray[np.bool_], score: NDArray[np.float64], weights: Weights
) -> Figures:
    """Probability that a positive image scores above a negative one; ties count half."""
    order = np.argsort(score, kind="stable")
    ordered, is_positive = score[order], positive[order]
    weight = weights[:, order]
    negatives_up_to = np.cumsum(np.where(is_positive, 0, weight), axis=1)
    negatives_up_to = np.pad(negatives_up_to, ((0, 0), (1, 0)))
    rank = np.flatnonzero(is_positive)
    first = np.searchsorted(ordered, ordered[rank], side="left")
    last = np.searchsorted(ordered, ordered[rank], side="right")
    below = negatives_up_to[:, first] + negatives_up_to[:, last]  # twice, for the ties
    won = np.einsum("wi,wi->w", weight[:, rank], below) / 2
    return _ratio(won, weight[:, rank].sum(axis=1) * negatives_up_to[:, -1])


def confusion(truth: Labels, predicted: Labels, n_classes: int, weights: Weights) -> Weights:
    """Sum the weights of images by true class (rows) and predicted class (columns).

    The last column is for images without a prediction, whose `predicted` is `n_classes`.
    """
    n_columns = n_classes + 1
    cell = truth * n_columns + predicted
    ones, rows = np.ones(len(cell)), np.arange(len(cell))
    counter = sparse.csr_array((ones, (rows, cell)), (len(cell), n_classes * n_columns))
    return (weights @ counter).reshape(len(weights), n_classes, n_columns)


def accuracy(confusions: Weights) -> Figures:
    """Share of the images whose predicted class is the true one."""
    return _ratio(_hits(confusions).sum(axis=1), confusions.sum(axis=(1, 2)))


def recall(confusions: Weights) -> Weights:
    """Share of each class's images that are predicted as it; NaN for a class without images."""
    return _ratio(_hits(confusions), confusions.sum(axis=2))


def balanced_accuracy(confusions: Weights) -> Figures:
    """Mean recall of the classes that have images."""
    return _mean_of_defined(recall(confusions))


def macro_f1(confusions: Weights) -> Figures:
    """Mean over the classes, seen or predicted, of ``2 TP / (2 TP + FP + FN)``."""
    given = confusions[:, :, :-1].sum(axis=1)
    return _mean_of_defined(_ratio(2 * _hits(confusions), given + confusions.sum(axis=2)))


def _hits(confusions: Weights) -> Weights:
    return np.diagonal(confusions, axis1=1, axis2=2)


def expected_calibration_error(
    truth: Labels, probabilities: Probabilities, weights: Weights, predicted: Labels | None = None
) -> Figures:
    """Mean gap between confidence and accuracy over 15 equal bins of confidence.

    ``Σ_b (n_b / n) |accuracy_b − confidence_b|`` (Guo et al. 2017), where confidence is the
    probability of the label `predicted`, by default the most probable one.
    """
    n, confidence, correct = _bin_sums(truth, probabilities, weights, predicted)
    return _ratio(np.abs(correct - confidence).sum(axis=1), n.sum(axis=1))


def reliability(
    truth: Labels, probabilities: Probabilities, predicted: Labels | None = None
) -> tuple[ReliabilityBin, ...]:
    """Mean confidence and accuracy of each bin that has predictions."""
    sums = _bin_sums(truth, probabilities, np.ones((1, len(truth))), predicted)
    edges = np.linspace(0, 1, N_BINS + 1)
    return tuple(
        ReliabilityBin(low, high, int(n), float(confidence / n), float(correct / n))
        for low, high, n, confidence, correct in zip(
            edges[:-1].tolist(), edges[1:].tolist(), *(s[0] for s in sums), strict=True
        )
        if n
    )


def _bin_sums(
    truth: Labels, probabilities: Probabilities, weights: Weights, predicted: Labels | None
) -> tuple[Weights, Weights, Weights]:
    """Return number, summed confidence and summed correctness of each bin (low, high]."""
    labels = probabilities.argmax(axis=1) if predicted is None else predicted
    confidence = probabilities[np.arange(len(labels)), labels]
    correct = labels == truth
    bins = np.clip(np.ceil(confidence * N_BINS).astype(int) - 1, 0, N_BINS - 1)
    columns, shape = (np.arange(len(bins)), bins), (len(bins), N_BINS)
    n, summed_confidence, n_correct = (
        weights @ sparse.csr_array((values, columns), shape=shape)
        for values in (np.ones(len(bins)), confidence, correct.astype(float))
    )
    return n, summed_confidence, n_correct


def _ratio(numerator: Weights, denominator: Weights) -> Weights:
    undefined = np.full(np.shape(numerator), np.nan)
    return np.divide(numerator, denominator, where=denominator > 0, out=undefined)


def _mean_of_defined(values: Weights) -> Figures:
    defined = ~np.isnan(values)
    return _ratio(np.where(defined, values, 0).sum(axis=1), defined.sum(axis=1))


@dataclass(frozen=True, eq=False)
class Judged:
    """Predictions beside their truth, for many weightings of the images at once.

    Attributes
    ----------
    truth : array of shape (n_images,)
    probabilities : array of shape (n_images, n_classes)
    predicted : array of shape (n_images,)
        The class that each image is given.
    weights : array of shape (n_weightings, n_images)
    confusions : array of shape (n_weightings, n_classes, n_classes + 1)
        As `confusion` returns them.
    """

    truth: Labels
    probabilities: Probabilities
    predicted: Labels
    weights: Weights
    confusions: Weights


@dataclass(frozen=True)
class Metric:
    """A metric of the verdict: its title, its meaning, and the function that computes it.

    Attributes
    ----------
    title : str
    meaning : str
        Explains the metric to readers who do not know it; shown after the title and a colon.
    compute : callable
        Returns one value per weighting.
    more_is_better : bool
    """

    title: str
    meaning: str
    compute: Callable[[Judged], Figures]
    more_is_better: bool = True


METRICS: Mapping[str, Metric] = {
    "auc": Metric(
        "AUC",
        "how often an image of a class gets a higher probability for that class than an image of "
        "another class, averaged over the classes; 0.5 is chance, 1 is perfect",
        lambda judged: macro_auc(judged.truth, judged.probabilities, judged.weights),
    ),
    "balanced_accuracy": Metric(
        "Balanced accuracy",
        "share of each class that is found (its recall), averaged over the classes, so that a rare "
        "class counts as much as a common one",
        lambda judged: balanced_accuracy(judged.confusions),
    ),
    "accuracy": Metric(
        "Accuracy",
        "share of the images whose label is the true class; large classes dominate it",
        lambda judged: accuracy(judged.confusions),
    ),
    "macro_f1": Metric(
        "Macro F1",
        "for each class, the harmonic mean of recall (share of the class that is found) and "
        "precision (share that is right among the images given the class); then the mean over the "
        "classes",
        lambda judged: macro_f1(judged.confusions),
    ),
    "ece": Metric(
        "ECE",
        "expected calibration error: how far the probability of the label is, on "
        "average, from how often it is right; 0 is best, 0.10 means 10 percentage points too high "
        "or too low",
        lambda judged: expected_calibration_error(
            judged.truth, judged.probabilities, judged.weights, judged.predicted
        ),
        more_is_better=False,
    ),
}
"""Keyed by the name that files and Python use, in the order of tables."""
