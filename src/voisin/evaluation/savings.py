"""How many labels a way of asking saves, compared with asking for random images.

Every draw is judged by its own level: the balanced accuracy, say, that random images have at its
end. Curves are made to rise first (the nearest that never falls, in squares), so that one lucky
step decides nothing. The test is Student's paired one over the draws, with Holm's correction.

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
        Needed in each draw; where the level is never reached, all there are, which is too few.
    mean, std : float
        Of these; the standard deviation is the sample's (n − 1), NaN of one draw.
    ratio, ratio_std : float
        Of the labels to those that random images need for the same level, draw by draw.
    n_reached : int
        Draws in which the level is reached.
    p_value : float
        That chance alone makes it differ from random so much; NaN for random itself.
    """

    name: str
    labels: tuple[float, ...]
    mean: float
    std: float
    ratio: float
    ratio_std: float
    n_reached: int
    p_value: float

    @property
    def always_reached(self) -> bool:
        """Whether the mean is one, and not a lower bound."""
        return self.n_reached == len(self.labels)

    @property
    def differs(self) -> bool:
        """Whether the test tells it from random."""
        return self.p_value < LEVEL


def savings(
    n_labels: NDArray[np.int64], curves: Mapping[str, Curve], baseline: str
) -> tuple[Saving, ...]:
    """Count the labels that each needs for the level that the baseline has at the end.

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
        Fewest labels first.

    Examples
    --------
    >>> curves = {"random": [[0.5, 0.6, 0.7], [0.4, 0.5, 0.6]], "keen": [[0.5, 0.9, 0.9]] * 2}
    >>> curves = {name: np.array(rows) for name, rows in curves.items()}
    >>> keen, random = savings(np.array([10, 20, 30]), curves, "random")
    >>> keen.labels, random.labels
    ((15.0, 12.5), (30.0, 30.0))
    """
    levels = [rising(curve)[-1] for curve in curves[baseline]]
    needed = {
        name: np.array(
            [labels_to_reach(n_labels, rising(c), one) for c, one in zip(of, levels, strict=True)]
        )
        for name, of in curves.items()
    }
    counted = {name: np.minimum(of, n_labels[-1]) for name, of in needed.items()}
    p_values = _p_values(counted, baseline)
    found = []
    for name, labels in counted.items():
        ratios = labels / counted[baseline]
        found.append(
            Saving(
                name,
                tuple(labels.tolist()),
                float(labels.mean()),
                _std(labels),
                float(ratios.mean()),
                _std(ratios),
                int(np.isfinite(needed[name]).sum()),
                p_values[name],
            )
        )
    return tuple(sorted(found, key=lambda one: (one.mean, -one.n_reached)))


def worse(curves: Mapping[str, Curve], baseline: str) -> list[str]:
    """Name those whose mean curve the same test finds below the baseline's.

    Labels needed cannot tell: who never reaches the level is counted with all labels, like who
    just does.

    Examples
    --------
    >>> random = np.array([[0.5, 0.6], [0.4, 0.6], [0.5, 0.7]])
    >>> worse({"random": random, "dull": random - [[0.10], [0.12], [0.11]]}, "random")
    ['dull']
    """
    means = {name: of.mean(axis=1) for name, of in curves.items()}
    p_values = _p_values(means, baseline)
    level = means[baseline].mean()
    return [name for name in curves if p_values[name] < LEVEL and means[name].mean() < level]


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


def _p_values(values: Mapping[str, Curve], baseline: str) -> dict[str, float]:
    """Test each against the baseline, by a value a draw."""
    others = [name for name in values if name != baseline]
    tests = holm(np.array([paired_p_value(values[one] - values[baseline]) for one in others]))
    return {**dict(zip(others, tests.tolist(), strict=True)), baseline: float("nan")}


def _std(values: Curve) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")
