"""Probabilities that mean what they say: a map fitted to labels that were held out.

Temperature: Guo, Pleiss, Sun & Weinberger, "On calibration of modern neural networks", 2017; with
a factor a class: Alexandari, Kundaje & Shrikumar 2020. Other class shares: Saerens et al. 2002.
Isotonic: Zadrozny & Elkan 2002. It knows probabilities and labels, not where they came from.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression, minimize

from voisin.errors import InputError
from voisin.types import Labels, Probabilities
from voisin.validation import check_one_of

KINDS = ("auto", "temperature", "isotonic")
_LEAST = 1e-9
_ENOUGH = 200  # labels of a class, and of the others, for a curve of its own
_WIDEST = float(np.log(50))
_WIDE = 4.0  # standard deviations expected, squared: of log T ...
_NARROW = 0.5  # ... and of the logarithm of a class's factor


@dataclass(frozen=True, eq=False)
class Curve:
    """A rising map of one class's probability, straight between its points."""

    stated: NDArray[np.float64]
    true: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Calibration:
    """The map ``q_c ∝ π_c b_c p_c^(1/T)``, and then a curve a class where there is one.

    Attributes
    ----------
    temperature : float
        T: above 1 the probabilities were too sure, below 1 too modest.
    factors : array of shape (n_classes,)
        b: above 1 the class was given too little.
    shares : array of shape (n_classes,)
        π: expected share of each class among the images.
    curves : tuple of Curve or None
        One a class; empty without any.
    """

    temperature: float
    factors: NDArray[np.float64]
    shares: NDArray[np.float64]
    curves: tuple[Curve | None, ...] = ()

    def apply(self, probabilities: Probabilities) -> Probabilities:
        """Map rows of probabilities, given on the footing that the map was fitted on.

        Examples
        --------
        >>> sharper = Calibration(0.5, np.ones(2), np.array([0.5, 0.5]))
        >>> sharper.apply(np.array([[0.8, 0.2]])).round(3)
        array([[0.941, 0.059]])
        """
        found = _powers(probabilities, self.temperature, self.factors * self.shares)
        for c, curve in enumerate(self.curves):
            if curve is not None:
                found[:, c] = np.interp(found[:, c], curve.stated, curve.true)
        if self.curves:
            found = np.maximum(found, _LEAST)
            found /= found.sum(axis=1, keepdims=True)
        return found

    def even(self, probabilities: Probabilities) -> Probabilities:
        """Map rows as if all classes were equally frequent."""
        return _powers(probabilities, self.temperature, self.factors)


def fit_calibration(
    probabilities: Probabilities,
    labels: Labels,
    *,
    shares: NDArray[np.float64] | None = None,
    kind: str = "auto",
    weights: NDArray[np.floating] | None = None,
) -> Calibration:
    """Find the map under which held-out labels are the least surprising.

    T and b minimize the mean log loss, every class weighing the same, since labels are often
    drawn by class while the images are not; the shares π then follow by Bayes' rule. Doubt keeps
    them near 1 where labels are few: ``(log T)² / 8 + Σ_c (log b_c)²`` counts as much as a label.

    Parameters
    ----------
    probabilities : array of shape (n_labels, n_classes)
        Of images whose labels the method did not see.
    labels : array of shape (n_labels,)
        All known.
    shares : array of shape (n_classes,), optional
        Expected share of each class among the images; even by default.
    kind : {"auto", "temperature", "isotonic"}, default="auto"
        ``auto`` adds a curve for classes with at least 200 labels, and as many others;
        ``isotonic`` for all classes with a label; ``temperature`` for none.
    weights : array of shape (n_labels,), optional
        How often each label counts, such as in a bootstrap.

    Returns
    -------
    Calibration

    Raises
    ------
    InputError
        If shapes disagree, or the kind is unknown.

    Examples
    --------
    Sure at 0.99, and right in three of four.

    >>> stated = np.array([[0.99, 0.01], [0.01, 0.99]])[[0, 0, 0, 1, 1, 1, 1, 0] * 100]
    >>> labels = np.array([0, 0, 0, 0, 1, 1, 1, 1] * 100)
    >>> fit_calibration(stated, labels).apply(stated[:1]).round(2)
    array([[0.75, 0.25]])
    """
    check_one_of("kind", kind, KINDS)
    n_classes = probabilities.shape[1]
    if len(labels) != len(probabilities):
        message = f"{len(labels)} labels for {len(probabilities)} rows: pass one a row."
        raise InputError(message)
    if shares is None:
        shares = np.full(n_classes, 1 / n_classes)
    weights = np.ones(len(labels)) if weights is None else np.asarray(weights, dtype=np.float64)
    temperature, factors = _fit_powers(probabilities, labels, class_weights(labels, None, weights))
    found = Calibration(temperature, factors, shares / shares.sum())
    if kind == "temperature" or not len(labels):
        return found
    counts = np.bincount(labels, weights=weights, minlength=n_classes)
    least = _ENOUGH if kind == "auto" else 1
    has_curve = np.minimum(counts, weights.sum() - counts) >= least
    if not has_curve.any():
        return found
    stated, importance = found.apply(probabilities), class_weights(labels, shares, weights)
    curves = tuple(
        _curve(stated[:, c], labels == c, importance) if has_curve[c] else None
        for c in range(n_classes)
    )
    return Calibration(temperature, factors, found.shares, curves)


def class_weights(
    labels: Labels,
    shares: NDArray[np.float64] | None = None,
    weights: NDArray[np.floating] | None = None,
) -> NDArray[np.float64]:
    """Weigh labels so that their classes count by their shares: ``π_c / (share of labels)_c``.

    Examples
    --------
    >>> class_weights(np.array([0, 0, 0, 1]))
    array([0.66666667, 0.66666667, 0.66666667, 2.        ])
    """
    weights = np.ones(len(labels)) if weights is None else weights
    counts = np.bincount(labels, weights=weights)
    seen = counts > 0
    wanted = np.where(seen, 1.0 if shares is None else shares[: len(counts)], 0)
    each = np.divide(wanted, counts, where=seen, out=np.zeros_like(counts))
    scale = weights.sum() / max(wanted.sum(), _LEAST)
    return np.asarray(scale * each[labels] * weights)


def _powers(
    probabilities: Probabilities, temperature: float, factors: NDArray[np.float64]
) -> Probabilities:
    logs = np.log(np.maximum(probabilities, _LEAST)) / temperature + np.log(
        np.maximum(factors, _LEAST)
    )
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _fit_powers(
    probabilities: Probabilities, labels: Labels, weights: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Minimize the log loss over ``log(1/T)`` and ``log b``.

    n labels, all of them right, are no proof of certainty: the goal of the true class is
    ``(n + 1) / (n + 2)``, as in Platt 1999.
    """
    n, n_classes = probabilities.shape
    if not n:
        return 1.0, np.ones(n_classes)
    logs = np.log(np.maximum(probabilities, _LEAST))
    truth = np.full((n, n_classes), 1 / ((n + 2) * max(n_classes - 1, 1)))
    truth[np.arange(n), labels] = (n + 1) / (n + 2)
    total = weights.sum()

    def loss(at: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        power, offsets = np.exp(at[0]), at[1:]
        scores = power * logs + offsets
        scores -= scores.max(axis=1, keepdims=True)
        normalizer = np.log(np.exp(scores).sum(axis=1, keepdims=True))
        log_found = scores - normalizer
        slope = weights[:, None] * (np.exp(log_found) - truth)
        doubt = at[0] ** 2 / (2 * _WIDE) + (offsets**2).sum() / (2 * _NARROW)
        value = -(weights[:, None] * truth * log_found).sum() + doubt
        gradient = np.concatenate([[power * (slope * logs).sum()], slope.sum(axis=0)])
        gradient += np.concatenate([[at[0] / _WIDE], offsets / _NARROW])
        return float(value / total), gradient / total

    bounds = [(-_WIDEST, _WIDEST)] * (n_classes + 1)
    found = minimize(loss, np.zeros(n_classes + 1), jac=True, method="L-BFGS-B", bounds=bounds)
    return float(np.exp(-found.x[0])), np.exp(found.x[1:])


def _curve(
    stated: NDArray[np.float64], is_class: NDArray[np.bool_], weights: NDArray[np.float64]
) -> Curve:
    """Fit a rising step function, and join the middles of its steps; equal values are one."""
    x, place = np.unique(stated, return_inverse=True)
    w = np.bincount(place, weights=weights)
    counted = w > 0
    hits = np.bincount(place, weights=weights * is_class)
    x, w, y = x[counted], w[counted], hits[counted] / w[counted]
    found = isotonic_regression(y, weights=w)
    starts = found.blocks[:-1]
    middles = np.add.reduceat(w * x, starts) / np.add.reduceat(w, starts)
    return Curve(middles, found.x[starts])
