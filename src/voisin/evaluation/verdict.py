"""Score predictions: each one is matched with its truth by id, never by position.

This module checks and matches predictions, and computes all metrics; it must not know how
predictions were made or how scores are shown.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.errors import InputError
from voisin.evaluation import metrics
from voisin.evaluation.bootstrap import (
    Estimate,
    count_units,
    draw_bootstrap_weights,
    estimate_interval,
    reach_of_no_mistake,
    widen_at_the_ends,
)
from voisin.evaluation.metrics import ReliabilityBin
from voisin.types import (
    UNLABELED,
    ImageCollection,
    Indices,
    Labels,
    Names,
    Predictions,
    Probabilities,
    ShortRepr,
)

# Number of weights in a block of resamples: 16 MB of float64, chosen by hand to bound the memory.
_ENTRIES_AT_ONCE = 1 << 21
_OF_ALL_IMAGES = ("accuracy", "ece")  # metrics that count images alike, not classes


@dataclass(frozen=True, eq=False, repr=False)
class Scores(ShortRepr):
    """The metrics of one method in one scope, with their intervals.

    Attributes
    ----------
    method : str
        Such as ``propagated``.
    scope : str
        ``unlabeled``, ``test`` or ``test-no-leak``.
    n : int
        Number of images scored.
    n_unanswered : int
        Number of images for which the method had no evidence; each counts as a miss of its class.
    n_groups : int or None
        Number of groups that were resampled as wholes; None if every image stands for itself.
    metrics : dict of str to Estimate
        Keyed by the names of `voisin.evaluation.metrics.METRICS`; each is an attribute, too.
    recall : dict of str to Estimate
        By class name; NaN where the scope has no image of the class.
    confusion : array of shape (n_classes, n_classes)
        Counts, with one row per true class and one column per predicted class; unanswered images
        are not counted.
    reliability : tuple of ReliabilityBin
        Bins without predictions are left out.
    """

    method: str
    scope: str
    n: int
    metrics: dict[str, Estimate]
    recall: dict[str, Estimate]
    confusion: NDArray[np.int64]
    reliability: tuple[ReliabilityBin, ...]
    n_unanswered: int = 0
    n_groups: int | None = None

    def __getattr__(self, name: str) -> Estimate:
        """Return a metric by its name, as in ``scores.auc``."""
        try:
            return self.__dict__["metrics"][name]
        except KeyError:
            message = f"Scores have no metric {name!r}"
            raise AttributeError(message) from None


@dataclass(frozen=True, eq=False, repr=False)
class Truth(ShortRepr):
    """The true classes of some images.

    Attributes
    ----------
    ids : array of shape (n_images,)
    labels : array of shape (n_images,)
        All known.
    class_names : tuple of str
    groups : array of shape (n_images,), optional
        Whole groups are resampled.
    """

    ids: Names
    labels: Labels
    class_names: tuple[str, ...]
    groups: Names | None = None

    @classmethod
    def of(cls, images: ImageCollection) -> "Truth":
        """Take the known labels of a collection; images without label are left out."""
        known = images.take(images.labels != UNLABELED)
        return cls(known.ids, known.labels, known.class_names, known.groups)

    def __post_init__(self) -> None:
        if len(self.labels) and (self.labels == UNLABELED).any():
            n_unknown = int((self.labels == UNLABELED).sum())
            message = f"{n_unknown} of {len(self.labels)} true labels are unknown: leave them out."
            raise InputError(message)
        ids, counts = np.unique(self.ids, return_counts=True)
        if len(ids) < len(self.ids):
            message = f"truth has {str(ids[counts > 1][0])!r} more than once: ids must be unique."
            raise InputError(message)


def score(
    predictions: Predictions,
    truth: Truth,
    *,
    scope: str = "test",
    n_resamples: int | None = None,
    random_state: int = 0,
) -> Scores:
    """Compare predictions with the truth of the same images.

    Predictions and truth may come in any order, and the predictions may have more images. An
    image that no label reached (``predictions.reached`` false) counts as a miss of its class.

    Parameters
    ----------
    predictions : Predictions
    truth : Truth
    scope : str, default="test"
        Name of this set of images, kept in the result.
    n_resamples : int, optional
        Number of bootstrap resamples for the 95 % intervals: by default 1,000; fewer from 20,000
        images on, where intervals are narrow (200 from 100,000 on). A figure that fewer than 10
        images or groups tell has no interval; where all are right, the interval reaches as far
        as that number of images or groups allows.
    random_state : int, default=0

    Returns
    -------
    Scores

    Raises
    ------
    InputError
        If an image is predicted twice, an image of the truth is not predicted, or a probability is
        not finite.

    Examples
    --------
    >>> import numpy as np
    >>> sure = Predictions("guess", np.array(["b", "a"]), np.array([[0.1, 0.9], [0.8, 0.2]]))
    >>> truth = Truth(np.array(["a", "b"]), np.array([0, 1]), ("cat", "dog"))
    >>> score(sure, truth).accuracy.value
    1.0
    """
    order = np.argsort(truth.ids)  # sums have the same order, whatever the order of the file
    labels = truth.labels[order]
    n_images, n_classes = len(labels), len(truth.class_names)
    groups = None if truth.groups is None else truth.groups[order]
    rows = _match_by_id(predictions, truth.ids[order], n_classes)
    probabilities = predictions.probabilities[rows]
    reached = np.ones(n_images, bool) if predictions.reached is None else predictions.reached[rows]
    predicted = probabilities.argmax(axis=1)
    if predictions.labels is not None:
        predicted = np.where(reached, predictions.labels[rows], predicted)
    ones = np.ones((1, n_images))
    weights = draw_bootstrap_weights(
        n_images,
        groups,
        n_resamples=n_resamples or max(200, min(1_000, 20_000_000 // n_images)),
        random_state=random_state,
        block=max(1, _ENTRIES_AT_ONCE // max(n_images, n_classes**2)),
    )
    judged = (labels, probabilities, predicted, reached)
    values = _all_metrics(*judged, ones)[0]
    resampled = np.concatenate([_all_metrics(*judged, block) for block in weights])
    estimates = _add_intervals(values, resampled, labels, n_classes, groups)
    recalls = estimates[len(metrics.METRICS) :]
    answers = np.where(reached, predicted, n_classes)
    counts = metrics.confusion(labels, answers, n_classes, ones)[0, :, :-1]
    return Scores(
        method=predictions.method,
        scope=scope,
        n=n_images,
        n_unanswered=int((~reached).sum()),
        n_groups=None if groups is None else count_units(n_images, groups),
        metrics=dict(zip(metrics.METRICS, estimates, strict=False)),
        recall=dict(zip(truth.class_names, recalls, strict=True)),
        confusion=np.rint(counts).astype(np.int64),
        reliability=metrics.reliability(labels, probabilities, predicted),
    )


def _all_metrics(
    labels: Labels,
    probabilities: Probabilities,
    predicted: Labels,
    reached: NDArray[np.bool_],
    weights: metrics.Weights,
) -> NDArray[np.float64]:
    """Return one row per weighting: every metric, then the recall of each class."""
    n_classes = probabilities.shape[1]
    answers = np.where(reached, predicted, n_classes)  # the last column: without an answer
    confusions = metrics.confusion(labels, answers, n_classes, weights)
    judged = metrics.Judged(labels, probabilities, predicted, weights, confusions)
    columns = [metric.compute(judged) for metric in metrics.METRICS.values()]
    return np.column_stack([*columns, metrics.recall(confusions)])


def _add_intervals(
    values: NDArray[np.float64],
    resampled: NDArray[np.float64],
    labels: Labels,
    n_classes: int,
    groups: Names | None,
) -> list[Estimate]:
    """Give every figure of `_all_metrics` its interval.

    A recall is told by the images, or groups, of its class alone. Figures that count each class
    alike can be as far off as the mean over the classes.
    """
    of_class = [labels == c for c in range(n_classes)]
    n_units = count_units(len(labels), groups)
    in_class = [
        count_units(int(rows.sum()), None if groups is None else groups[rows]) for rows in of_class
    ]
    reaches = [reach_of_no_mistake(n) for n in in_class]
    overall = reach_of_no_mistake(n_units)
    mean = float(np.mean([reach for reach, n in zip(reaches, in_class, strict=True) if n]))
    by_metric = [overall if name in _OF_ALL_IMAGES else mean for name in metrics.METRICS]
    counts = [n_units] * len(metrics.METRICS) + in_class
    return [
        widen_at_the_ends(estimate_interval(value, column, n), reach)
        for value, column, n, reach in zip(
            values, resampled.T, counts, [*by_metric, *reaches], strict=True
        )
    ]


def _match_by_id(predictions: Predictions, ids: Names, n_classes: int) -> Indices:
    """Return the rows of the predictions in the order of `ids`."""
    if predictions.probabilities.shape != (len(predictions.ids), n_classes):
        message = (
            f"probabilities of {predictions.method!r} has shape {predictions.probabilities.shape}: "
            f"expected ({len(predictions.ids)}, {n_classes}), one row per id, one column per class."
        )
        raise InputError(message)
    if not np.isfinite(predictions.probabilities).all():
        message = f"probabilities of {predictions.method!r} has NaN or infinite entries: mend them."
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
    position = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    missing = ids[known[position] != ids]
    if len(missing):
        message = (
            f"{predictions.method!r} has no prediction for {len(missing)} of {len(ids)} images, "
            f"first {str(missing[0])!r}: predict them all, or leave them out of the truth."
        )
        raise InputError(message)
    return order[position]
