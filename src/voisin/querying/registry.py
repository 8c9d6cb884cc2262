"""The query strategies by name; to add one, write a class in its own file and an entry here."""

from collections.abc import Callable, Mapping

from voisin.querying.coverage import CoverageStrategy
from voisin.querying.minimum_norm import MinimumNorm
from voisin.querying.mixed import Mixed
from voisin.querying.strategy import QueryStrategy, RandomChoice
from voisin.querying.uncertainty import Entropy, Margin
from voisin.types import AT_RANDOM
from voisin.validation import check_one_of

STRATEGIES: Mapping[str, Callable[[], QueryStrategy]] = {
    "mixed": Mixed,
    AT_RANDOM: RandomChoice,
    "margin": Margin,
    "entropy": Entropy,
    "minimum-norm": MinimumNorm,
    "coverage": CoverageStrategy,
}

DEFAULT = "mixed"  # no other library's strategy had a better learning curve: benchmarks/queries.md


def make_strategy(name: str) -> QueryStrategy:
    """Make a strategy by its name.

    Raises
    ------
    InputError
        If there is no such strategy; the message lists those that exist.

    Examples
    --------
    >>> make_strategy("margin")
    Margin()
    """
    check_one_of("strategy", name, tuple(STRATEGIES))
    return STRATEGIES[name]()
