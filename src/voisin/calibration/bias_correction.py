"""One temperature and a bias a class, from labels that were held out.

Alexandari, Kundaje & Shrikumar, "Maximum likelihood with bias-corrected calibration is
hard-to-beat at label shift adaptation", 2020. It knows probabilities and labels.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from voisin.calibration.temperature import even_by_class
from voisin.types import HeldOut, Probabilities

_LEAST = 1e-9
_WIDTH = 0.25  # of the normal prior of a bias, and of the temperature's logarithm


def correct_bias(held_out: HeldOut) -> Callable[[Probabilities], Probabilities]:
    """Fit ``softmax(log p / T + b)`` to held-out labels, all classes weighing the same.

    Penalties ``8 b²`` and ``8 (log T)²``, against the sum of the log losses, keep few labels
    from saying much.

    Examples
    --------
    >>> labels = np.array([0, 1] * 500)
    >>> found = np.tile([0.9, 0.1], (1000, 1))
    >>> correct = correct_bias(HeldOut(np.arange(1000), labels, found))
    >>> correct(found[:1]).round(1)
    array([[0.5, 0.5]])
    """
    scores = np.log(np.maximum(held_out.probabilities, _LEAST))
    n_samples, n_classes = scores.shape
    truth, weights = np.eye(n_classes)[held_out.labels], even_by_class(held_out.labels)

    def loss(found: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logs = log_softmax(np.exp(found[0]) * scores + found[1:], axis=1)
        pull = weights[:, None] * (np.exp(logs) - truth)
        slope = np.append(np.exp(found[0]) * (pull * scores).sum(), pull.sum(axis=0))
        value = -(weights[:, None] * truth * logs).sum() + (found**2).sum() / (2 * _WIDTH**2)
        return value / n_samples, (slope + found / _WIDTH**2) / n_samples

    found = minimize(loss, np.zeros(1 + n_classes), jac=True, method="L-BFGS-B").x

    def correct(probabilities: Probabilities) -> Probabilities:
        logs = np.log(np.maximum(probabilities, _LEAST))
        return np.asarray(softmax(np.exp(found[0]) * logs + found[1:], axis=1))

    return correct
