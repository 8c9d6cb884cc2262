"""Which images to label next: a file a strategy."""

from voisin.querying.forecast import Forecast, forecast
from voisin.querying.registry import DEFAULT, STRATEGIES, make_strategy
from voisin.querying.suggestion import QueryStrategy, Suggestion

__all__ = [
    "DEFAULT",
    "STRATEGIES",
    "Forecast",
    "QueryStrategy",
    "Suggestion",
    "forecast",
    "make_strategy",
]
