"""What the answers to a batch of questions would change, before anyone gives them."""

from dataclasses import dataclass, replace

import numpy as np

from voisin.calibration.scaling import Calibration, fit_scaling
from voisin.evaluation.metrics import certainty
from voisin.types import (
    UNLABELED,
    Indices,
    Labeling,
    Labels,
    Probabilities,
    Problem,
    Progress,
    no_progress,
)
from voisin.validation import check_count

_LITTLE = 1.0  # other labels that an answer changes


@dataclass(frozen=True)
class LabelForecast:
    """What is expected of the answers; the images asked about are left out.

    Attributes
    ----------
    n_asked : int
    n_others : int
        Images without label that are not asked about.
    flips : float
        How many of these are expected to be given another class.
    fewest, most : int
        Such images among the answers that were tried.
    certainty_rise : float
        Expected rise of their mean certainty, ``1 − H(p) / log C``; negative where the labels so
        far made believe too much.
    """

    n_asked: int
    n_others: int
    flips: float
    fewest: int
    most: int
    certainty_rise: float

    @property
    def little(self) -> bool:
        """Whether an answer is expected to change less than one label beside its own.

        Then asking gains nothing over correcting by hand: time to stop.
        """
        return self.flips < _LITTLE * self.n_asked


def forecast_changes(
    problem: Problem,
    labeling: Labeling,
    positions: Indices,
    *,
    n_draws: int = 5,
    progress: Progress = no_progress,
) -> LabelForecast:
    """Label all images again with answers drawn from what the labeling believes.

    Each draw answers all questions at once, image i by a class drawn from its ``p_i``; then
    ``labeling.method`` is used again. The probabilities, those drawn from and those compared, are
    calibrated by one temperature for all, fitted to the labels that ``problem.folds`` hold out
    in turn; without folds they are taken as they are.

    Parameters
    ----------
    problem : Problem
    labeling : Labeling
    positions : array of shape (n_asked,)
        Images without label.
    n_draws : int, default=5
        Each costs a labeling.
    progress : callable, optional

    Examples
    --------
    >>> from scipy import sparse
    >>> from voisin.labeling.registry import make_method
    >>> from voisin.types import GraphData
    >>> path = sparse.diags_array([np.ones(4), np.ones(4)], offsets=[-1, 1]).tocsr()
    >>> nothing = np.empty((0, 1), dtype=np.float32)
    >>> data = GraphData(np.zeros((5, 1), dtype=np.float32), path, nothing)
    >>> problem = Problem(data, np.array([0, 0, -1, -1, 1]), 2)
    >>> forecast_changes(problem, make_method("spreading").label(problem), np.array([2])).n_others
    1
    """
    check_count("n_draws", n_draws, 1)
    others = problem.labels == UNLABELED
    others[positions] = False
    calibration = _calibration(problem, labeling)
    before = calibration.apply(labeling.propagation.probabilities)
    after = []
    for draw, answers in enumerate(_draw(problem, before[positions], n_draws), start=1):
        labels = problem.labels.copy()
        labels[positions] = answers
        found = labeling.method.label(replace(problem, labels=labels, folds=()))
        after.append(calibration.apply(found.propagation.probabilities[others]))
        progress("Trying answers", draw, n_draws)
    before = before[others]
    flips = [int((one.argmax(axis=1) != before.argmax(axis=1)).sum()) for one in after]
    rises = [_mean_certainty(one) - _mean_certainty(before) for one in after]
    return LabelForecast(
        n_asked=len(positions),
        n_others=len(before),
        flips=float(np.mean(flips)),
        fewest=min(flips),
        most=max(flips),
        certainty_rise=float(np.mean(rises)),
    )


def _calibration(problem: Problem, labeling: Labeling) -> Calibration:
    """Find how much to sharpen or flatten the probabilities."""
    if not problem.folds:
        return fit_scaling(labeling.propagation.probabilities[:0], problem.labels[:0])
    found = [
        labeling.method.label(problem.without(fold)).propagation.probabilities[fold.held_out]
        for fold in problem.folds
    ]
    rows = [fold.held_out for fold in problem.folds]
    return fit_scaling(np.concatenate(found), problem.labels[np.concatenate(rows)])


def _draw(problem: Problem, probabilities: Probabilities, n_draws: int) -> Labels:
    """Draw answers of shape (n_draws, n_asked), each class as often as its probability."""
    generator = np.random.default_rng(problem.random_state)
    drawn = generator.random((n_draws, len(probabilities), 1))
    return np.minimum((drawn > probabilities.cumsum(axis=1)).sum(axis=2), problem.n_classes - 1)


def _mean_certainty(probabilities: Probabilities) -> float:
    return float(certainty(probabilities).mean()) if len(probabilities) else 1.0
