"""Scaling: the map from probabilities to calibrated ones, fitted to held-out labels.

Temperature: Guo, Pleiss, Sun & Weinberger, "On calibration of modern neural networks", 2017; with
one factor per class: Alexandari, Kundaje & Shrikumar, "Maximum likelihood with bias-corrected
calibration is hard-to-beat at label shift adaptation", 2020. Targets: Platt 1999. Isotonic curves:
Zadrozny & Elkan 2002.

Three purposes share `fit_scaling`: the classifier's temperature and the comparison of methods
(temperature alone), the estimate of class priors, and the calibration of a run (`fit_calibration`,
which adds priors and curves). This module must not know where probabilities came from.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression, minimize
from scipy.special import log_softmax, softmax

from voisin.calibration.prior_shift import shift_priors, weigh_by_class
from voisin.errors import InputError
from voisin.parallel import one_blas_thread
from voisin.types import Labels, Probabilities
from voisin.validation import check_one_of

KINDS = ("auto", "temperature", "isotonic")
# A run's calibration and `log_losses` raise smaller probabilities to this floor, so that a single
# confident mistake costs at most 20.7 nats. Chosen by hand.
FLOOR = 1e-9
_NEVER = -1e6  # log of a probability of 0 while fitting: e^(-1e6 / T) is 0 for every T up to 50
_LABELS_OF_A_CURVE = 200  # least number inside and outside the class; by hand: fewer give steps
_WIDEST = float(np.log(50))  # T and b stay between 0.02 and 50: by hand, against overflow
# Variances of the normal priors of log T and log b in a run's calibration, chosen by hand: one
# standard deviation is a factor e² of T and 2 of b. They matter only if there are few labels.
_TEMPERATURE_VARIANCE, _FACTOR_VARIANCE = 4.0, 0.5
# Chosen by hand: tighter than SciPy's, so that results do not depend on where the optimizer stops.
_TOLERANCES = {"ftol": 1e-12, "gtol": 1e-7}


@dataclass(frozen=True, eq=False)
class Curve:
    """A rising piecewise linear map of one class's probability."""

    stated: NDArray[np.float64]
    true: NDArray[np.float64]

    @classmethod
    def fit(
        cls,
        stated: NDArray[np.float64],
        is_class: NDArray[np.bool_],
        weights: NDArray[np.float64],
    ) -> "Curve":
        """Fit a rising step function to the distinct values, and join the middles of its steps."""
        x, position = np.unique(stated, return_inverse=True)
        totals = np.bincount(position, weights=weights)
        hits = np.bincount(position, weights=weights * is_class)
        counted = totals > 0
        x, totals, shares = x[counted], totals[counted], hits[counted] / totals[counted]
        steps = isotonic_regression(shares, weights=totals)
        starts = steps.blocks[:-1]
        middles = np.add.reduceat(totals * x, starts) / np.add.reduceat(totals, starts)
        return cls(middles, steps.x[starts])


@dataclass(frozen=True, eq=False)
class Calibration:
    """The map ``q_c ∝ π_c b_c p_c^(1/T)``, and then the curve of a class if it has one.

    Attributes
    ----------
    temperature : float
        T: above 1 the probabilities were too sure, below 1 too modest.
    factors : array of shape (n_classes,)
        b: above 1 the class was given too little.
    class_priors : array of shape (n_classes,)
        π: expected share of each class among the images.
    curves : tuple of Curve or None
        One per class; empty if no class has a curve.
    floors : float or array of shape (n_classes,)
        Smaller probabilities are raised to this; 0 for a class that has neither a label nor a
        probability in any held-out row, so that its probability stays 0.
    """

    temperature: float
    factors: NDArray[np.float64]
    class_priors: NDArray[np.float64]
    curves: tuple[Curve | None, ...] = ()
    floors: float | NDArray[np.float64] = FLOOR

    def apply(self, probabilities: Probabilities) -> Probabilities:
        """Map probabilities of the method that the map was fitted for.

        Examples
        --------
        >>> sharper = Calibration(0.5, np.ones(2), np.array([0.5, 0.5]))
        >>> sharper.apply(np.array([[0.8, 0.2]])).round(3)
        array([[0.941, 0.059]])
        """
        with np.errstate(divide="ignore"):  # log 0 = -inf is meant: a probability of 0 stays 0
            scores = np.log(np.maximum(probabilities, self.floors))
        scores = scores / self.temperature + np.log(self.factors)
        mapped = shift_priors(softmax(scores, axis=1), new=self.class_priors)
        for c, curve in enumerate(self.curves):
            if curve is not None:
                mapped[:, c] = np.interp(mapped[:, c], curve.stated, curve.true)
        if self.curves:
            mapped = np.maximum(mapped, FLOOR)
            mapped /= mapped.sum(axis=1, keepdims=True)
        return mapped


def fit_scaling(
    probabilities: Probabilities,
    labels: Labels,
    *,
    weights: NDArray[np.floating] | None = None,
    temperature_variance: float = np.inf,
    factor_variance: float = 0.0,
    floor: float = 0.0,
) -> Calibration:
    """Find the T and b that minimize the log loss of held-out labels.

    The loss is the sum for ``softmax(log p / T + log b)``, with all classes weighted equally, plus
    ``(log T)² / 2 v_T + Σ_c (log b_c)² / 2 v_b``. Even n correct predictions do not prove
    certainty: so the target of the true class is ``(n + 1) / (n + 2)`` (rule of succession), and
    the other possible classes share the rest.

    Parameters
    ----------
    probabilities : array of shape (n_labels, n_classes)
        Of images whose labels the method did not see.
    labels : array of shape (n_labels,)
        All known.
    weights : array of shape (n_labels,), optional
        How often each label counts, such as in a bootstrap.
    temperature_variance : float, default=inf
        v_T, of the normal prior of log T.
    factor_variance : float, default=0
        v_b, of the normal prior of log b. At 0 the temperature alone is fitted.
    floor : float, default=0
        Smaller probabilities are raised to this, unless the class has no label and probability 0 in
        all rows: so the map can mend a method that gives probability 0 to a class that occurs.
        With a floor of 0, such probabilities stay 0, and labels that have them are ignored.

    Returns
    -------
    Calibration
        With uniform class priors. Without labels, the map changes nothing.

    Examples
    --------
    A method that states 0.99 and is right in three of four cases.

    >>> stated = np.array([[0.99, 0.01], [0.01, 0.99]])[[0, 0, 0, 1, 1, 1, 1, 0] * 100]
    >>> labels = np.array([0, 0, 0, 0, 1, 1, 1, 1] * 100)
    >>> fit_scaling(stated, labels).apply(stated[:1]).round(2)
    array([[0.75, 0.25]])
    """
    n, factors = len(labels), np.ones(probabilities.shape[1])
    even = factors / len(factors)
    if not n:
        return Calibration(1.0, factors, even, floors=0.0)
    present = np.asarray(probabilities.any(axis=0))
    present[labels] = True
    floors = np.where(present, floor, 0.0)
    clipped = np.maximum(probabilities, floors)
    possible, truth = clipped > 0, (np.arange(n), labels)
    scores = np.log(clipped, where=possible, out=np.full(clipped.shape, _NEVER))
    weights = weigh_by_class(labels, weights=weights)
    total, weights = weights.sum(), weights * possible[truth]
    n_others = np.maximum(possible.sum(axis=1, keepdims=True) - 1, 1)
    targets = possible / (n_others * (n + 2))
    targets[truth] = (n + 1) / (n + 2)
    masses = targets.sum(axis=1, keepdims=True)
    precisions = np.full(1 + len(factors), 1 / factor_variance if factor_variance else 0.0)
    precisions[0] = 1 / temperature_variance

    def loss(logs: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Return mean loss and gradient at ``log(1 / T), log b``."""
        inverse = np.exp(logs[0])
        predicted = log_softmax(inverse * scores + logs[1:], axis=1)
        value = -(weights @ (targets * predicted)).sum() + (precisions * logs**2).sum() / 2
        slopes = weights[:, None] * (masses * np.exp(predicted) - targets)
        gradient = np.append(inverse * (slopes * scores).sum(), slopes.sum(axis=0))
        return value / total, (gradient + precisions * logs) / total

    widest = _WIDEST if factor_variance else 0.0
    bounds = [(-_WIDEST, _WIDEST), *[(-widest, widest)] * len(factors)]
    start = np.zeros(len(bounds))
    options = {"bounds": bounds, "options": _TOLERANCES}
    with one_blas_thread():
        best = minimize(loss, start, jac=True, method="L-BFGS-B", **options)
    return Calibration(float(np.exp(-best.x[0])), np.exp(best.x[1:]), even, floors=floors)


def fit_calibration(
    probabilities: Probabilities,
    labels: Labels,
    *,
    class_priors: NDArray[np.float64] | None = None,
    kind: str = "auto",
    weights: NDArray[np.floating] | None = None,
) -> Calibration:
    """Fit the map that a run applies: `fit_scaling`, class priors, and one curve per class.

    T and b are fitted with all classes weighted equally, since labels are often drawn by class
    while images are not; Bayes' rule then brings in the priors π.

    Parameters
    ----------
    probabilities : array of shape (n_labels, n_classes)
        Of images whose labels the method did not see.
    labels : array of shape (n_labels,)
        All known.
    class_priors : array of shape (n_classes,), optional
        Expected share of each class among the images; uniform by default.
    kind : {"auto", "temperature", "isotonic"}, default="auto"
        ``auto`` adds a curve for each class that has at least 200 labels, if other classes have at
        least 200 labels, too; ``isotonic`` for each class with a label; ``temperature`` for none.
    weights : array of shape (n_labels,), optional
        How often each label counts, such as in a bootstrap.

    Returns
    -------
    Calibration

    Raises
    ------
    InputError
        If shapes disagree, or the kind is unknown.
    """
    check_one_of("kind", kind, KINDS)
    n_classes = probabilities.shape[1]
    if len(labels) != len(probabilities):
        message = f"{len(labels)} labels for {len(probabilities)} rows: pass one per row."
        raise InputError(message)
    scaling = fit_scaling(
        probabilities,
        labels,
        weights=weights,
        temperature_variance=_TEMPERATURE_VARIANCE,
        factor_variance=_FACTOR_VARIANCE,
        floor=FLOOR,
    )
    if class_priors is not None:
        scaling = replace(scaling, class_priors=class_priors / class_priors.sum())
    if kind == "temperature" or not len(labels):
        return scaling
    weights = np.ones(len(labels)) if weights is None else weights
    counts = np.bincount(labels, weights=weights, minlength=n_classes)
    least = _LABELS_OF_A_CURVE if kind == "auto" else 1
    has_curve = np.minimum(counts, weights.sum() - counts) >= least
    if not has_curve.any():
        return scaling
    stated = scaling.apply(probabilities)
    importance = weigh_by_class(labels, scaling.class_priors, weights)
    curves = tuple(
        Curve.fit(stated[:, c], labels == c, importance) if has_curve[c] else None
        for c in range(n_classes)
    )
    return replace(scaling, curves=curves)


def log_losses(probabilities: Probabilities, labels: Labels) -> NDArray[np.float64]:
    """Return ``−log p`` of the true class of each row, at most 20.7."""
    of_truth = probabilities[np.arange(len(labels)), labels]
    return np.asarray(-np.log(np.maximum(of_truth, FLOOR)))
