"""One of several settings, by labels that were held out; it knows what was said, no methods."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from voisin.calibration.prior_shift import weigh_by_class
from voisin.calibration.scaling import fit_scaling, log_losses
from voisin.types import Labels, Probabilities


def select_by_held_out(found: Sequence[Probabilities], labels: Labels, default: int) -> int:
    """Choose by the log loss at the temperature that suits each, all classes weighing the same.

    Parameters
    ----------
    found : sequence of arrays of shape (n_held_out, n_classes)
        One array a choice.
    labels : array of shape (n_held_out,)
    default : int
        Position among the choices.
    """
    weights = weigh_by_class(labels)
    return select_by_losses([losses_at_best(one, labels) for one in found], weights, default)


def losses_at_best(probabilities: Probabilities, labels: Labels) -> NDArray[np.float64]:
    """Return each label's log loss at the temperature that suits the probabilities."""
    return log_losses(fit_scaling(probabilities, labels).apply(probabilities), labels)


def select_by_losses(
    losses: Sequence[NDArray[np.float64]], weights: NDArray[np.float64], default: int
) -> int:
    """Keep the default, unless another choice is better by more than a standard error.

    Few labels make noisy figures, and the best of many noisy figures flatters itself; so the
    rule is that of Breiman et al. (1984), with the error of the paired difference.

    Parameters
    ----------
    losses : sequence of arrays of shape (n_held_out,)
        One array a choice: the loss of each label that was held out.
    weights : array of shape (n_held_out,)
        How much each label counts.
    default : int
        Position among the choices.

    Returns
    -------
    int
        Position among the choices.

    Examples
    --------
    >>> surely_better, default = np.array([0.1, 0.2, 0.1]), np.array([0.9, 1.0, 0.8])
    >>> select_by_losses([surely_better, default], np.ones(3), default=1)
    0
    >>> perhaps_better = np.array([0.1, 1.9, 0.2])
    >>> select_by_losses([perhaps_better, default], np.ones(3), default=1)
    1
    """
    means = [float(np.average(one, weights=weights)) for one in losses]
    best = int(np.argmin(means))
    gain, error = paired_difference(losses[default], losses[best], weights)
    return best if gain > error else default


def paired_difference(
    first: NDArray[np.float64], second: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[float, float]:
    """Return the weighted mean of ``first − second``, and its standard error.

    Examples
    --------
    >>> mean, error = paired_difference(np.array([1.0, 3.0]), np.zeros(2), np.ones(2))
    >>> round(mean, 6), round(error, 6)
    (2.0, 1.0)
    """
    gaps = first - second
    mean = float(np.average(gaps, weights=weights))
    spread = np.sqrt((weights**2 * (gaps - mean) ** 2).sum()) / weights.sum()
    correction = np.sqrt(len(gaps) / max(len(gaps) - 1, 1))
    return mean, float(spread * correction)
