"""How sure probabilities should be: one temperature for all, from labels that were held out.

Guo, Pleiss, Sun & Weinberger, "On calibration of modern neural networks", 2017; targets after
Platt 1999. It knows probabilities and labels, not where they came from.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from voisin.types import UNLABELED, Labels, Probabilities

_LEAST = 1e-12
_TINIEST = 1e-300
_WIDEST = np.log(50)  # of log T, either way


def apply_temperature(probabilities: Probabilities, temperature: float) -> Probabilities:
    """Return ``p_c^(1/T) / Σ_c p_c^(1/T)``: flatter for T above 1, sharper below.

    Examples
    --------
    >>> apply_temperature(np.array([[0.8, 0.2]]), 0.5).round(3)
    array([[0.941, 0.059]])
    """
    powers = (probabilities / probabilities.max(axis=1, keepdims=True)) ** (1 / temperature)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def fit_temperature(
    probabilities: Probabilities,
    labels: Labels,
    weights: NDArray[np.floating] | None = None,
) -> float:
    """Find the T whose probabilities have the least log loss on labels that they never saw.

    n labels, all of them right, are no proof of certainty: the goal of the true class is
    ``(n + 1) / (n + 2)`` (the rule of succession), and the other classes share the rest.

    Parameters
    ----------
    probabilities : array of shape (n_samples, n_classes)
    labels : array of shape (n_samples,)
        All known.
    weights : array of shape (n_samples,), optional
        How much each counts; all the same by default.

    Returns
    -------
    float
        Between 0.02 and 50; 1 where there is no label.

    Examples
    --------
    Sure at 0.99, and right in three of four: T makes it 0.75.

    >>> sure = np.array([[0.99, 0.01]] * 400)
    >>> temperature = fit_temperature(sure, np.array([0, 0, 0, 1] * 100))
    >>> apply_temperature(sure, temperature)[0].round(2)
    array([0.75, 0.25])
    """
    if not len(labels):
        return 1.0

    n_samples = len(labels)
    possible = probabilities > 0
    possible[np.arange(n_samples), labels] = False
    goals = possible / (np.maximum(possible.sum(axis=1), 1) * (n_samples + 2))[:, None]
    goals[np.arange(n_samples), labels] = (n_samples + 1) / (n_samples + 2)

    def loss(log_temperature: float) -> float:
        found = apply_temperature(probabilities, np.exp(log_temperature))
        losses = -(goals * np.log(np.maximum(found, _TINIEST))).sum(axis=1)
        return float(np.average(losses, weights=weights))

    found = minimize_scalar(loss, bounds=(-_WIDEST, _WIDEST), method="bounded")
    return float(np.exp(found.x))


def log_losses(probabilities: Probabilities, labels: Labels) -> NDArray[np.float64]:
    """Return ``−log p`` of the true class of each, at most 27.6."""
    hit = probabilities[np.arange(len(labels)), labels]
    return np.asarray(-np.log(np.maximum(hit, _LEAST)))


def even_by_class(labels: Labels) -> NDArray[np.float64]:
    """Weigh each label by one over the number of its class, 1 on average; 0 where unknown.

    Examples
    --------
    >>> even_by_class(np.array([0, 0, 0, 1, -1]))
    array([0.66666667, 0.66666667, 0.66666667, 2.        , 0.        ])
    """
    known = labels != UNLABELED
    counts = np.bincount(labels[known], minlength=1)
    each = known.sum() / max(int((counts > 0).sum()), 1)
    return np.where(known, each / np.maximum(counts, 1)[labels], 0)
