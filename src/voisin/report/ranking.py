"""Which scope counts, and which method leads in it; it knows scores, not images."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from voisin.evaluation.bootstrap import Estimate
from voisin.evaluation.verdict import Scores
from voisin.report.wording import CEILING, FigureWording

_PRECEDENCE = ("test", "unlabeled", "test-no-leak")


def by_scope(scores: Sequence[Scores]) -> dict[str, tuple[Scores, ...]]:
    """Group scores by scope, in the order in which they came."""
    return {s.scope: tuple(o for o in scores if o.scope == s.scope) for s in scores}


def scope_to_show(scores: Sequence[Scores]) -> str | None:
    """Name the scope that the page tells first: test where it exists, else unlabeled."""
    scopes = {s.scope for s in scores}
    return next((scope for scope in (*_PRECEDENCE, *sorted(scopes)) if scope in scopes), None)


def best_methods(scores: Sequence[Scores], figure: FigureWording) -> frozenset[str]:
    """Methods with the best value of a figure; several if equal, never the ceiling.

    Returns
    -------
    frozenset of str
        Empty where the figure is defined for no method.
    """
    sign = 1 if figure.more_is_better else -1
    values = {
        s.method: sign * _estimate(s, figure).value
        for s in scores
        if s.method != CEILING and not math.isnan(_estimate(s, figure).value)
    }
    return frozenset(m for m, value in values.items() if value == max(values.values()))


@dataclass(frozen=True, eq=False)
class BestMethod:
    """The method that finds most of each class, and how safe its lead is.

    Attributes
    ----------
    first : Scores
        Of the highest balanced accuracy, the ceiling left out.
    second : Scores or None
        The next one; None if there is no other.
    safe : bool
        Whether the interval of the first begins above the interval of the second.
    """

    first: Scores
    second: Scores | None
    safe: bool


def best_method(scores: Sequence[Scores]) -> BestMethod | None:
    """Rank the methods of one scope by balanced accuracy; None if it is defined for none."""
    ranked = sorted(
        (s for s in scores if s.method != CEILING and not math.isnan(s.balanced_accuracy.value)),
        key=lambda s: -s.balanced_accuracy.value,
    )
    if not ranked:
        return None
    first, second = ranked[0], ranked[1] if len(ranked) > 1 else None
    safe = second is not None and first.balanced_accuracy.low > second.balanced_accuracy.high
    return BestMethod(first, second, safe)


def _estimate(scores: Scores, figure: FigureWording) -> Estimate:
    estimate: Estimate = getattr(scores, figure.field)
    return estimate
