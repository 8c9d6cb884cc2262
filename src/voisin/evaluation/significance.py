"""Rank methods over draws of labels: means, spreads, and which differences may be chance.

The test is Student's paired t-test. Every method is scored on the same draws, so the difference
of two methods varies far less than either. All draws are from one source, so figures are on one
scale, and a difference is a mean over thousands of images, close to normal. Demšar (2006) advises
Wilcoxon's test across data sets, where neither holds; but it can find nothing in five draws, where
its smallest p-value is 1/16. Each method is compared with the best: these are many tests, and
Holm's (1979) correction keeps the chance that any of them errs below the level.

This module must not know what the figures were computed from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from voisin.evaluation.metrics import METRICS

LESS_IS_BETTER = ("seconds", *(k for k, metric in METRICS.items() if not metric.more_is_better))
_SAME = 1e-12  # by hand: means that differ by less are level
LEVEL = 0.05  # the usual level of a test, by convention


@dataclass(frozen=True)
class Trial:
    """One method on one draw of labels, scored in one scope.

    Attributes
    ----------
    draw : int
        Counted from 0.
    labels_per_class : int
    method, scope : str
    n : int
        Number of images scored.
    metrics : mapping of str to float
        Keyed by the names of `METRICS`; NaN if undefined.
    seconds : float
        Time of the method alone, without computing vectors and graph.
    """

    draw: int
    labels_per_class: int
    method: str
    scope: str
    n: int
    metrics: Mapping[str, float]
    seconds: float

    def as_row(self) -> dict[str, Any]:
        """Return a row of a table: a column for each field, and one for each metric."""
        row = {
            name: value for name, value in vars(self).items() if name not in ("metrics", "seconds")
        }
        return {**row, **self.metrics, "seconds": self.seconds}


@dataclass(frozen=True)
class Ranking:
    """A method's place among the compared methods, by one figure.

    Attributes
    ----------
    method : str
    values : tuple of float
        One per draw, in the order of the draws.
    mean, std : float
        Over the draws; the standard deviation is the sample's (n − 1), NaN with one draw.
    deficit : float
        How much worse the method is than the best, on average over the draws; 0 for the best.
    p_value : float
        Of the paired test against the best method, with Holm's correction; NaN for the best method
        itself, and if there is only one draw.
    is_best : bool
        Whether its mean is better than that of every other method: no method is, if the first
        ones are level.
    """

    method: str
    values: tuple[float, ...]
    mean: float
    std: float
    deficit: float
    p_value: float
    is_best: bool

    @property
    def may_be_as_good(self) -> bool:
        """Whether the method is the best, or the test does not tell it from the best."""
        return self.deficit <= _SAME or not self.p_value < LEVEL


def rank_methods(trials: Sequence[Trial], figure: str = "auc") -> tuple[Ranking, ...]:
    """Rank the methods by their mean over the draws, best first.

    Parameters
    ----------
    trials : sequence of Trial
        Trials of one scope and one number of labels. Only draws in which every method has the
        figure count, so that all methods are compared on the same draws.
    figure : str, default="auc"
        One of `METRICS`, or ``seconds``.

    Returns
    -------
    tuple of Ranking
        Empty if there is no draw that all methods share.

    Examples
    --------
    >>> def trial(draw, method, auc):
    ...     return Trial(draw, 5, method, "test", 100, {"auc": auc}, 0.2)
    >>> near = [trial(draw, "near", 0.80 + 0.01 * draw) for draw in range(4)]
    >>> far = [trial(draw, "far", auc) for draw, auc in enumerate([0.7, 0.72, 0.71, 0.73])]
    >>> best, other = rank_methods([*far, *near])
    >>> best.method, round(best.mean, 3), round(other.deficit, 3), round(other.p_value, 4)
    ('near', 0.815, 0.1, 0.0001)
    """
    names = list(dict.fromkeys(trial.method for trial in trials))
    values = {
        (trial.draw, trial.method): trial.seconds if figure == "seconds" else trial.metrics[figure]
        for trial in trials
    }
    draws = sorted({trial.draw for trial in trials})
    rows = [[values.get((draw, name), np.nan) for name in names] for draw in draws]
    table = np.array(rows, dtype=np.float64).reshape(len(draws), len(names))
    table = table[~np.isnan(table).any(axis=1)]  # draws in which every method has the figure
    if not table.size:
        return ()
    means = table.mean(axis=0)
    worse = table if figure in LESS_IS_BETTER else -table
    order = np.argsort(worse.mean(axis=0), kind="stable")
    deficits = worse - worse[:, order[:1]]
    p_values = np.full(len(names), np.nan)
    rivals = order[1:]
    p_values[rivals] = holm(np.array([paired_p_value(deficits[:, rival]) for rival in rivals]))
    spread = table.std(axis=0, ddof=1) if len(table) > 1 else np.full(len(names), np.nan)
    behind = deficits.mean(axis=0)
    alone = int((behind <= _SAME).sum()) == 1
    return tuple(
        Ranking(
            names[column],
            tuple(table[:, column].tolist()),
            float(means[column]),
            float(spread[column]),
            float(behind[column]),
            float(p_values[column]),
            is_best=alone and bool(behind[column] <= _SAME),
        )
        for column in order
    )


def paired_p_value(differences: NDArray[np.float64]) -> float:
    """Return the two-sided p-value of Student's test that the mean difference is zero.

    NaN for fewer than two differences. If all are equal: 1 if they are zero, else 0.

    Examples
    --------
    >>> round(paired_p_value(np.array([0.01, 0.02, 0.015])), 4)
    0.0351
    """
    n = len(differences)
    if n < 2:
        return float("nan")
    mean, error = differences.mean(), differences.std(ddof=1) / np.sqrt(n)
    if error <= 1e-12 * max(abs(mean), 1e-12):
        return float(abs(mean) < 1e-12)
    return float(2 * stdtr(n - 1, -abs(mean / error)))


def holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correct the p-values of several tests by Holm's step-down rule.

    The k-th smallest of m becomes ``max_{j <= k} min(1, (m − j + 1) p_(j))``.

    Examples
    --------
    >>> holm(np.array([0.04, 0.01, 0.03]))
    array([0.06, 0.03, 0.06])
    """
    order = np.argsort(p_values)
    times = np.arange(len(p_values), 0, -1)
    stepped = np.maximum.accumulate(np.minimum(times * p_values[order], 1))
    corrected = np.empty_like(p_values, dtype=np.float64)
    corrected[order] = stepped
    return corrected
