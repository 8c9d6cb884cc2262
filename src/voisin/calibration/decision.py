"""Decision: from calibrated probabilities and class priors to one label for each image.

Every way has the form ``argmax_c w_c p_ic``, with one factor w a class, so that test images and
new images are decided as the images of the graph are. `quota_weights` finds the factors with which
each class is chosen as often as its prior says, by a coordinate descent on the dual of the
assignment problem (Bertsekas 1979), which is quick from a good start. This module must not know
graphs, methods or images.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.types import Labels, Probabilities
from voisin.validation import check_one_of

WAYS_TO_DECIDE = ("proportional", "likeliest", "balanced")
# Bayes' rule says 1, which holds for exact probabilities and priors. With estimated ones, 3/4 finds
# all classes equally well, too, but is right more often (DermaMNIST, the table in docs/methods.md).
BALANCING_POWER = 0.75
_EVEN = "likeliest, nothing known of the classes"
MEANINGS = {
    "proportional": "each class is given as often as it is estimated to occur",
    "likeliest": "each image gets its likeliest class",
    "balanced": "all classes are to be found equally well, rare ones, too",
    _EVEN: "each image gets its likeliest class, as all classes count as equally common",
}
"""What the labels of each way are, in words that follow a colon."""

_MAX_SWEEPS = 30  # chosen by hand: bounds the time if the quotas cannot be met
_QUOTA_TOL = 1e-3  # largest error of a quota, as a share of all images; by hand
_SMALLEST = 1e-12  # in place of a probability of 0, which has no logarithm: a convention
_MAX_ROWS = 20_000  # rows that factors are fitted to: then a count is exact to a few in a thousand


@dataclass(frozen=True, eq=False)
class Decision:
    """The rule ``argmax_c w_c p_ic`` that turns calibrated probabilities into labels.

    Attributes
    ----------
    way : {"proportional", "likeliest", "balanced"}
    factors : array of shape (n_classes,)
        w; the largest is 1.
    """

    way: str
    factors: NDArray[np.float64]

    @property
    def meaning(self) -> str:
        """What the labels are, in words that follow a colon."""
        is_even = self.way != "likeliest" and (self.factors == self.factors[0]).all()
        return MEANINGS[_EVEN if is_even else self.way]

    def apply(self, probabilities: Probabilities) -> Labels:
        """Return the label of each row.

        Examples
        --------
        >>> Decision("balanced", np.array([0.25, 1.0])).apply(np.array([[0.7, 0.3], [0.9, 0.1]]))
        array([1, 0])
        """
        return np.asarray((probabilities * self.factors).argmax(axis=1))


def fit_decision(
    probabilities: Probabilities, class_priors: NDArray[np.float64] | None, way: str
) -> Decision:
    """Fit the factors of a decision.

    - ``proportional``: each class is given as often as its prior says;
    - ``likeliest``: ``w = 1``, so that most images are right, but rare classes are seldom found;
    - ``balanced``: ``w_c = π_c^-¾``, so that all classes are found about equally well.

    Parameters
    ----------
    probabilities : array of shape (n_samples, n_classes)
        Of the images to be labeled; they hold for the class priors.
    class_priors : array of shape (n_classes,), optional
        None if nothing is known of them: then each image gets its likeliest class.
    way : {"proportional", "likeliest", "balanced"}

    Examples
    --------
    >>> rows = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
    >>> fit_decision(rows, np.array([0.5, 0.5]), "proportional").apply(rows)
    array([0, 0, 1, 1])
    >>> fit_decision(rows, np.array([0.9, 0.1]), "balanced").apply(rows)
    array([0, 1, 1, 1])
    """
    check_one_of("decide", way, WAYS_TO_DECIDE)
    factors = np.ones(probabilities.shape[1])
    if class_priors is None or not len(probabilities):
        return Decision(way, factors)
    if way == "balanced":
        possible = class_priors > 0
        power = -BALANCING_POWER
        factors = np.power(class_priors, power, where=possible, out=np.zeros(len(factors)))
    elif way == "proportional":
        rows = probabilities[:: max(1, len(probabilities) // _MAX_ROWS)]
        weights = quota_weights(rows, class_priors, factors)
        # many equal rows can only be decided together: then the likeliest classes may be nearer
        factors = min(factors, weights, key=lambda w: _distance(rows * w, class_priors))
    return Decision(way, factors / factors.max())


def _distance(weighted: Probabilities, class_priors: NDArray[np.float64]) -> float:
    """Return the share of rows by which decisions miss the priors."""
    won = np.bincount(weighted.argmax(axis=1), minlength=len(class_priors))
    return float(np.abs(won / len(weighted) - class_priors).sum() / 2)


def quota_weights(
    probabilities: Probabilities,
    class_priors: NDArray[np.float64],
    start: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Find weights such that ``argmax_c w_c p_ic`` is each class as often as its prior says.

    Class c wins image i if its weight is above ``max_d≠c w_d p_id / p_ic``. Each class in turn
    gets the weight at which it wins its number of images; sweeps over the classes repeat until
    every class has its number.

    Parameters
    ----------
    probabilities : array of shape (n_samples, n_classes)
    class_priors : array of shape (n_classes,)
        Sums to one.
    start : array of shape (n_classes,)
        Initial weights, such as those found for similar probabilities; else all ones.

    Returns
    -------
    array of shape (n_classes,)

    Examples
    --------
    >>> rows = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
    >>> weights = quota_weights(rows, np.array([0.5, 0.5]), np.ones(2))
    >>> (rows * weights).argmax(axis=1)
    array([0, 0, 1, 1])
    """
    n_samples, n_classes = probabilities.shape
    scores = np.log(np.maximum(probabilities.T, _SMALLEST, dtype=np.float32))
    weights = np.log(np.maximum(start, _SMALLEST)).astype(np.float32)
    quotas = np.rint(class_priors * n_samples).astype(np.int64)
    weighted = scores + weights[:, None]
    for _ in range(_MAX_SWEEPS):
        won = np.bincount(weighted.argmax(axis=0), minlength=n_classes)
        if abs(won - quotas).max() <= _QUOTA_TOL * n_samples:
            break
        best_before = np.full_like(scores[0], -np.inf)  # of the classes before c, for each image
        best_from = np.full((n_classes + 1, n_samples), -np.inf, dtype=np.float32)
        best_from[:-1] = np.maximum.accumulate(weighted[::-1], axis=0)[::-1]
        for c, quota in enumerate(quotas.tolist()):
            thresholds = np.maximum(best_before, best_from[c + 1]) - scores[c]
            below, above = max(quota - 1, 0), min(quota, n_samples - 1)
            ordered = np.partition(thresholds, (below, above))  # `quota` of them are to lie below
            outside = int(quota == n_samples) - int(quota == 0)
            weights[c] = (ordered[below] + ordered[above]) / 2 + outside
            np.add(scores[c], weights[c], out=weighted[c])
            np.maximum(best_before, weighted[c], out=best_before)
    return np.exp(weights.astype(np.float64) - weights.max(initial=-np.inf))
