"""Forecast, by simulation, how many other labels the answers to a batch would change.

This module must not know how the images to ask about were chosen.
"""

from dataclasses import dataclass, replace

import numpy as np

from voisin.calibration.decision import Decision, fit_decision
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
    Propagation,
    no_progress,
)
from voisin.validation import check_count

_WORTH_ASKING = 1.0  # other labels that an answer changes; with fewer, correct labels by hand


@dataclass(frozen=True)
class LabelForecast:
    """The expected changes to the images that are not asked about.

    Attributes
    ----------
    n_asked : int
    n_others : int
        Number of images without label that are not asked about.
    flips : float
        Expected number of these images that get another label, or a first one.
    fewest, most : int
        Smallest and largest number of these changes over the simulated draws.
    certainty_rise : float
        Expected rise of their mean certainty, ``1 − H(p) / log C``; negative if the probabilities
        so far were overconfident.
    """

    n_asked: int
    n_others: int
    flips: float
    fewest: int
    most: int
    certainty_rise: float

    @property
    def may_stop(self) -> bool:
        """Whether an answer is expected to change less than one other label.

        If so, asking is no better than correcting labels by hand.
        """
        return self.flips < _WORTH_ASKING * self.n_asked


def forecast_changes(
    problem: Problem,
    labeling: Labeling,
    positions: Indices,
    *,
    calibration: Calibration | None = None,
    decision: Decision | None = None,
    n_draws: int = 5,
    progress: Progress = no_progress,
) -> LabelForecast:
    """Label all images again with simulated answers, drawn from the probabilities so far.

    Each draw answers all questions at once, with a class drawn from ``p_i`` for image i; then
    ``labeling.method`` labels all images again. Labels, before and after, are decided in the same
    way from probabilities that are calibrated by the same map.

    Parameters
    ----------
    problem : Problem
    labeling : Labeling
    positions : array of shape (n_asked,)
        Images to ask about; they must have no label.
    calibration : Calibration, optional
        That of a run; by default one temperature, fitted to the labels that ``problem.folds`` hold
        out in turn; without folds, probabilities are not calibrated.
    decision : Decision, optional
        That of a run, whose factors are fitted again after each draw, as the next run will do; by
        default each image gets its likeliest class.
    n_draws : int, default=5
        Number of simulated sets of answers; each takes one labeling.
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
    fitted = calibration or _fit_calibration(problem, labeling)
    asked = fitted.apply(labeling.propagation.probabilities[positions])
    priors, way = None, decision.way if decision else "likeliest"
    if decision is not None and np.ptp(decision.factors):  # else nothing was known of the classes
        priors = fitted.class_priors if problem.class_priors is None else problem.class_priors

    def decide(propagation: Propagation) -> tuple[Probabilities, Labels]:
        calibrated = fitted.apply(propagation.probabilities[others])
        reached = propagation.reached[others]
        rule = fit_decision(calibrated[reached], priors, way)
        return calibrated, np.where(reached, rule.apply(calibrated), UNLABELED)

    before, labels_before = decide(labeling.propagation)
    rng = np.random.default_rng(problem.random_state)
    uniform = rng.random((n_draws, len(positions), 1))
    answers = np.minimum((uniform > asked.cumsum(axis=1)).sum(axis=2), problem.n_classes - 1)
    flips, rises = [], []
    for draw in range(n_draws):
        labels = problem.labels.copy()
        labels[positions] = answers[draw]
        again = labeling.method.label(replace(problem, labels=labels, folds=()))
        after, labels_after = decide(again.propagation)
        flips.append(int((labels_after != labels_before).sum()))
        rises.append(_mean_certainty(after) - _mean_certainty(before))
        progress("Trying answers", draw + 1, n_draws)
    return LabelForecast(
        n_asked=len(positions),
        n_others=len(before),
        flips=float(np.mean(flips)),
        fewest=min(flips),
        most=max(flips),
        certainty_rise=float(np.mean(rises)),
    )


def _fit_calibration(problem: Problem, labeling: Labeling) -> Calibration:
    """Fit a temperature to the labels that the folds hold out; the identity without folds."""
    if not problem.folds:
        return fit_scaling(labeling.propagation.probabilities[:0], problem.labels[:0])
    held_out = np.concatenate([fold.held_out for fold in problem.folds])
    out_of_fold = [
        labeling.method.label(problem.without(fold)).propagation.probabilities[fold.held_out]
        for fold in problem.folds
    ]
    return fit_scaling(np.concatenate(out_of_fold), problem.labels[held_out])


def _mean_certainty(probabilities: Probabilities) -> float:
    return float(certainty(probabilities).mean()) if len(probabilities) else 1.0
