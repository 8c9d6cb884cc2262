"""Prior shift: estimate class priors, and convert probabilities from old priors to new ones.

Saerens, Latinne & Decaestecker, "Adjusting the outputs of a classifier to new a priori
probabilities", 2002; probabilities must be calibrated first (Alexandari et al. 2020). This module
must not know graphs, vectors or methods.
"""

import numpy as np
from numpy.typing import NDArray

from voisin.types import UNLABELED, Labels, Probabilities

# Number of pseudo-images, equally many of each class, as a share of the true images; chosen by
# hand. More keep rare classes from vanishing; fewer let very frequent classes keep high priors.
_PSEUDO_SHARE = 0.03
_MAX_ROWS = 20_000  # rows that priors are estimated from: their standard error is below 0.004
# The priors have converged at this change, far below their standard error; the other bounds time.
_TOLERANCE, _MAX_ITER = 1e-5, 1_000


def shift_priors(
    probabilities: Probabilities,
    *,
    old: NDArray[np.float64] | None = None,
    new: NDArray[np.float64] | None = None,
    power: float = 1.0,
) -> Probabilities:
    """Return ``p_c (new_c / old_c)^power``, each row divided by its sum.

    A class whose old or new prior is 0 gets probability 0.

    Parameters
    ----------
    probabilities : array of shape (n_samples, n_classes)
    old, new : arrays of shape (n_classes,), optional
        Class priors that the probabilities hold for, and those that they should hold for; None
        means that all classes are equally frequent.
    power : float, default=1.0
        1 is Bayes' rule; a smaller power shifts the priors only part of the way.

    Examples
    --------
    >>> shift_priors(np.array([[0.5, 0.5]]), new=np.array([0.8, 0.2]))
    array([[0.8, 0.2]])
    >>> shift_priors(np.array([[0.8, 0.2]]), old=np.array([0.8, 0.2]))
    array([[0.5, 0.5]])
    """
    factors = np.ones(probabilities.shape[1]) if new is None else np.asarray(new) ** power
    if old is not None:
        possible = old > 0
        factors = np.divide(factors, old**power, where=possible, out=np.zeros(len(old)))
    shifted = probabilities * factors
    sums = shifted.sum(axis=1, keepdims=True)
    if not sums.all():  # in some row, only classes that are now impossible had probability
        shifted = np.where(sums > 0, shifted, factors)
        sums = shifted.sum(axis=1, keepdims=True)
    return np.asarray(shifted / sums)


def estimate_priors(
    probabilities: Probabilities,
    *,
    start: NDArray[np.float64] | None = None,
    possible: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Find the class priors that equal the mean of the probabilities under these priors.

    ``π ← (mean_i (π_c p_ic / Σ_c π_c p_ic) + 0.03 u_c) / 1.03`` until nothing changes, where
    u is uniform. This adds 3 % of pseudo-images, equally many of each class, so that a rare class
    never vanishes into a class that is hard to tell from it.

    Parameters
    ----------
    probabilities : array of shape (n_samples, n_classes)
        Calibrated for classes that are equally frequent.
    start : array of shape (n_classes,), optional
        Where the iteration starts; uniform by default.
    possible : array of shape (n_classes,), optional
        Classes that can occur; the others keep a prior of 0. All by default.

    Returns
    -------
    array of shape (n_classes,)
        Sums to one.

    Examples
    --------
    >>> estimate_priors(np.array([[0.99, 0.01]] * 3 + [[0.01, 0.99]])).round(2)
    array([0.75, 0.25])
    """
    rows = probabilities[:: max(1, len(probabilities) // _MAX_ROWS)]
    seen = np.ones(rows.shape[1], dtype=bool) if possible is None else possible
    even = seen / seen.sum()
    priors = even if start is None else start
    for _ in range(_MAX_ITER):
        mean = shift_priors(rows, new=priors).mean(axis=0)
        updated = (mean + _PSEUDO_SHARE * even) / (1 + _PSEUDO_SHARE)
        change = np.abs(updated - priors).max()
        priors = updated
        if change < _TOLERANCE:
            break
    return np.asarray(priors)


def weigh_by_class(
    labels: Labels,
    class_priors: NDArray[np.float64] | None = None,
    weights: NDArray[np.floating] | None = None,
) -> NDArray[np.float64]:
    """Weight labels so that each class counts by its prior, however many labels it has.

    A label of class c gets a weight in proportion to ``π_c / n_c``. Without priors all classes
    count the same: these are scikit-learn's "balanced" weights.

    Parameters
    ----------
    labels : array of shape (n_samples,)
        -1 where unknown.
    class_priors : array of shape (n_classes,), optional
        Uniform by default.
    weights : array of shape (n_samples,), optional
        Factor of each label, such as how often a bootstrap drew it; 1 by default. The result has
        the same sum.

    Returns
    -------
    array of shape (n_samples,)
        0 where the label is unknown.

    Examples
    --------
    >>> weigh_by_class(np.array([0, 0, 0, 1, -1]))
    array([0.66666667, 0.66666667, 0.66666667, 2.        , 0.        ])
    """
    known = labels != UNLABELED
    weights = known.astype(np.float64) if weights is None else np.where(known, weights, 0)
    masses = np.bincount(labels[known], weights=weights[known], minlength=1)
    seen = masses > 0
    wanted = np.where(seen, 1.0 if class_priors is None else class_priors[: len(masses)], 0)
    wanted *= weights.sum() / (wanted.sum() or 1)
    per_label = wanted / np.where(seen, masses, 1)
    return np.where(known, per_label[labels] * weights, 0)
