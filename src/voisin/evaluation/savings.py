"""How many labels a way of asking saves, compared with asking for random images.

In each draw the two are compared at the level that both reach: the lower of their ends, on curves
that are made to rise first (the nearest that never falls, in squares), so that one lucky step
decides nothing. That treats both alike. To ask only for random's own end would not: who ends
below it in half of the draws by chance would be counted as needing no more than all labels there,
and fewer in the other half. The test is Student's paired one of the logarithms over the draws,
with Holm's correction.

It knows curves, not who asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.evaluation.comparison import LEVEL, holm, paired_p_value

Curve = NDArray[np.float64]


@dataclass(frozen=True)
class Saving:
    """What one way of asking needs to be as good as random images are at the end.

    Attributes
    ----------
    name : str
    labels : tuple of float
        In each draw: those that random needs, times the ratio of that draw. Where the level of
        random is reached, that is what is needed for it; elsewhere, what it would come to.
    mean, std : float
        Of these; the standard deviation is the sample's (n − 1), NaN of one draw.
    ratio : float
        Of the labels to those that random needs for the same level: geometric mean of the draws.
    n_reached : int
        Draws in which the level of random's end is reached.
    p_value : float
        How often chance alone would make it differ from random so much; NaN for random itself.
    """

    name: str
    labels: tuple[float, ...]
    mean: float
    std: float
    ratio: float
    n_reached: int
    p_value: float

    @property
    def always_reached(self) -> bool:
        """Whether the labels were counted in every draw."""
        return self.n_reached == len(self.labels)

    @property
    def differs(self) -> bool:
        """Whether the test tells it from random."""
        return self.p_value < LEVEL


def savings(
    n_labels: NDArray[np.int64], curves: Mapping[str, Curve], baseline: str
) -> tuple[Saving, ...]:
    """Count the labels that each needs, beside those that the baseline needs.

    In draw d, with ends ``e`` and labels ``n(level)``, the ratio is that of ``n_s(l) / n_r(l)`` at
    the level ``l = min(e_s, e_r)``.

    Parameters
    ----------
    n_labels : array of shape (n_steps,)
        Rising.
    curves : mapping of str to array of shape (n_draws, n_steps)
    baseline : str
        One of the names.

    Returns
    -------
    tuple of Saving
        Smallest ratio first.

    Examples
    --------
    >>> curves = {"random": [[0.5, 0.6, 0.7], [0.4, 0.5, 0.6]], "keen": [[0.5, 0.9, 0.9]] * 2}
    >>> curves = {name: np.array(rows) for name, rows in curves.items()}
    >>> keen, random = savings(np.array([10, 20, 30]), curves, "random")
    >>> keen.labels, random.labels
    ((15.0, 12.5), (30.0, 30.0))
    """
    lines = {name: np.array([rising(curve) for curve in of]) for name, of in curves.items()}
    base = lines[baseline]
    needed = np.array([labels_to_reach(n_labels, curve, curve[-1]) for curve in base])
    ratios = {
        name: np.array([_ratio(n_labels, *pair) for pair in zip(of, base, strict=True)])
        for name, of in lines.items()
    }
    others = [name for name in curves if name != baseline]
    tests = holm(np.array([paired_p_value(np.log(ratios[one])) for one in others]))
    p_values = {**dict(zip(others, tests.tolist(), strict=True)), baseline: float("nan")}
    found = []
    for name, ratio in ratios.items():
        n_reached = int((lines[name][:, -1] >= base[:, -1]).sum())
        found.append(_saving(name, needed * ratio, ratio, n_reached, p_values[name]))
    return tuple(sorted(found, key=lambda one: one.ratio))


def _saving(name: str, labels: Curve, ratio: Curve, n_reached: int, p_value: float) -> Saving:
    std = float(labels.std(ddof=1)) if len(labels) > 1 else float("nan")
    mean_ratio = float(np.exp(np.log(ratio).mean()))
    return Saving(
        name, tuple(labels.tolist()), float(labels.mean()), std, mean_ratio, n_reached, p_value
    )


def _ratio(n_labels: NDArray[np.int64], curve: Curve, baseline: Curve) -> float:
    level = min(curve[-1], baseline[-1])
    mine, theirs = (labels_to_reach(n_labels, one, level) for one in (curve, baseline))
    return mine / theirs


def labels_to_reach(n_labels: NDArray[np.int64], curve: Curve, level: float) -> float:
    """How many labels a curve first has a level with; infinite if it never has.

    Between two steps the curve is taken as straight.

    Examples
    --------
    >>> labels_to_reach(np.array([10, 20]), np.array([0.2, 0.4]), 0.3)
    15.0
    """
    above = np.flatnonzero(curve >= level)
    if not len(above):
        return float("inf")
    k = int(above[0])
    if k == 0:
        return float(n_labels[0])
    part = (level - curve[k - 1]) / (curve[k] - curve[k - 1])
    return round(float(n_labels[k - 1] + part * (n_labels[k] - n_labels[k - 1])), 6)


def rising(curve: Curve) -> Curve:
    """Return the nearest curve that never falls.

    Examples
    --------
    >>> rising(np.array([1.0, 3.0, 2.0]))
    array([1. , 2.5, 2.5])
    """
    from sklearn.isotonic import isotonic_regression

    return np.asarray(isotonic_regression(curve))
