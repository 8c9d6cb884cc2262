"""The query strategies by name; a new one is a file and an entry here."""

from collections.abc import Callable, Mapping

from voisin.querying.coverage import CoverageStrategy
from voisin.querying.entropy import Entropy
from voisin.querying.margin import Margin
from voisin.querying.mixed import Mixed
from voisin.querying.random_choice import RandomChoice
from voisin.querying.suggestion import QueryStrategy
from voisin.querying.unexplored import MinimumNorm
from voisin.validation import check_one_of

STRATEGIES: Mapping[str, Callable[[], QueryStrategy]] = {
    "mixed": Mixed,
    "random": RandomChoice,
    "margin": Margin,
    "entropy": Entropy,
    "unexplored": MinimumNorm,
    "coverage": CoverageStrategy,
}

DEFAULT = "mixed"


def make_strategy(name: str) -> QueryStrategy:
    """Make a strategy by its name.

    Raises
    ------
    InputError
        If there is no such strategy; says which there are.

    Examples
    --------
    >>> make_strategy("margin")
    Margin()
    """
    check_one_of("strategy", name, tuple(STRATEGIES))
    return STRATEGIES[name]()
