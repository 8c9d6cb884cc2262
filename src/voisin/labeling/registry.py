"""The labeling methods by name; a new method is a file of `voisin.labeling` and an entry here.

A method's module is imported when the method is made, so that settings can check a name without
loading any method. This module must not know what the methods do.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from voisin.types import LabelingMethod
from voisin.validation import check_one_of


def _make(module: str, class_name: str, **options: Any) -> Any:
    return getattr(import_module(f"voisin.{module}"), class_name)(**options)


def _make_graph_only(module: str, class_name: str, **options: Any) -> LabelingMethod:
    method = _make(f"propagation.{module}", class_name, **options)
    graph_only: LabelingMethod = _make("labeling.graph_only", "GraphOnly", method=method)
    return graph_only


METHODS: Mapping[str, Callable[[float], LabelingMethod]] = {
    "auto": lambda _: _make("labeling.automatic", "Automatic"),
    "consensus": lambda _: _make("labeling.consensus", "SmoothedClassifier", graph_share=None),
    "smoothed-classifier": lambda _: _make("labeling.consensus", "SmoothedClassifier"),
    "correct-and-smooth": lambda _: _make("labeling.correct_and_smooth", "CorrectAndSmooth"),
    "classifier": lambda _: _make("labeling.classifier", "Classifier"),
    "spreading": lambda alpha: _make_graph_only("spreading", "LabelSpreading", alpha=alpha),
    "harmonic": lambda _: _make_graph_only("harmonic", "Harmonic"),
    "poisson": lambda _: _make_graph_only("poisson", "Poisson"),
    "poisson-mbo": lambda _: _make_graph_only("poisson_mbo", "PoissonMBO"),
    "reweighted": lambda _: _make_graph_only("reweighted", "ReweightedLaplace"),
}


def make_method(name: str, *, alpha: float = 0.99) -> LabelingMethod:
    """Make a method by its name; only methods that spread with a fixed alpha use `alpha`.

    Raises
    ------
    InputError
        If there is no such method; the message lists those there are.

    Examples
    --------
    >>> make_method("spreading", alpha=0.9)
    GraphOnly(method=LabelSpreading(alpha=0.9, class_priors='labels', tol=1e-06, max_iter=1000))
    """
    check_one_of("method", name, tuple(METHODS))
    return METHODS[name](alpha)


def name_of(method: LabelingMethod) -> str:
    """Return the registered name of a method, or the name of its class if it has none.

    Examples
    --------
    >>> name_of(make_method("poisson"))
    'poisson'
    """

    def kind(method: LabelingMethod) -> tuple[type, type]:
        return type(method), type(getattr(method, "method", None))

    names = (name for name, make in METHODS.items() if kind(make(0.99)) == kind(method))
    return next(names, type(method).__name__)


def takes_alpha(name: str) -> bool:
    """Tell whether a method uses the alpha that `make_method` is given.

    Examples
    --------
    >>> [name for name in METHODS if takes_alpha(name)]
    ['spreading']
    """
    return name in METHODS and repr(METHODS[name](0.25)) != repr(METHODS[name](0.75))
