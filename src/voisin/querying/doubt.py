"""How undecided a distribution over the classes is, and how to say so."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from voisin.querying.suggestion import name_class
from voisin.types import Indices, Probabilities


def margin_uncertainty(probabilities: Probabilities) -> NDArray[np.float64]:
    """One minus the lead of the first class over the second: ``1 − (p₁ − p₂)``.

    Examples
    --------
    >>> margin_uncertainty(np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]]))
    array([1., 0.])
    """
    if probabilities.shape[1] < 2:
        return np.zeros(len(probabilities))
    two = np.partition(probabilities, -2, axis=1)[:, -2:]
    return 1 - (two[:, 1] - two[:, 0])


def describe_doubt(
    probabilities: Probabilities, reached: NDArray[np.bool_], rows: Indices, names: Sequence[str]
) -> list[str]:
    """Name the two likeliest classes of each image, with their probabilities."""
    said = []
    for row in rows.tolist():
        if not reached[row]:
            said.append("no label reaches it")
            continue
        order = np.argsort(-probabilities[row], kind="stable")[:2].tolist()
        shares = [f"{name_class(c, names)} ({probabilities[row, c]:.0%})" for c in order]
        said.append(" or ".join(shares))
    return said
