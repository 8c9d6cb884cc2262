"""Whether pseudo-labels grew less true from round to round, or only seem to have."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from voisin.training.pseudo_labels import PseudoLabelRound

_CLEAR = 2  # standard errors


@dataclass(frozen=True)
class Trend:
    """The first and the last round whose precision is known.

    Attributes
    ----------
    first, last : PseudoLabelRound
    direction : str
        ``fell`` or ``rose`` where chance is an unlikely reason, else ``alike``.
    """

    first: PseudoLabelRound
    last: PseudoLabelRound
    direction: str


def precision_trend(rounds: Sequence[PseudoLabelRound]) -> Trend | None:
    """Compare the precision of the first round with that of the last; None if none is known.

    The change is clear where ``|p₂ − p₁| > 2 √(p (1 − p) (1/n₁ + 1/n₂))``, with p the share of
    true labels in both rounds together.

    Examples
    --------
    >>> first = PseudoLabelRound(1, 100, (50, 50), 0.99, 100)
    >>> precision_trend([first, PseudoLabelRound(2, 100, (50, 50), 0.97, 100)]).direction
    'alike'
    >>> precision_trend([first, PseudoLabelRound(2, 100, (50, 50), 0.80, 100)]).direction
    'fell'
    """
    measured = [r for r in rounds if r.precision is not None]
    if not measured:
        return None
    first, last = measured[0], measured[-1]
    before, after = first.precision or 0.0, last.precision or 0.0
    share = (before * first.n_known + after * last.n_known) / (first.n_known + last.n_known)
    error = math.sqrt(max(share * (1 - share), 0) * (1 / first.n_known + 1 / last.n_known))
    if abs(after - before) <= _CLEAR * error:
        return Trend(first, last, "alike")
    return Trend(first, last, "fell" if after < before else "rose")
