"""The labeling methods by name; a new one is a file and an entry here."""

from collections.abc import Callable, Mapping

from voisin.labeling.automatic import Automatic
from voisin.labeling.classifier import Classifier
from voisin.labeling.consensus import SmoothedClassifier
from voisin.labeling.correct_and_smooth import CorrectAndSmooth
from voisin.labeling.graph_only import GraphOnly
from voisin.propagation.harmonic import Harmonic
from voisin.propagation.poisson import Poisson
from voisin.propagation.poisson_mbo import PoissonMBO
from voisin.propagation.reweighted import ReweightedLaplace
from voisin.propagation.spreading import LabelSpreading
from voisin.types import LabelingMethod
from voisin.validation import check_one_of

METHODS: Mapping[str, Callable[[float], LabelingMethod]] = {
    "auto": lambda _: Automatic(),
    "consensus": lambda _: SmoothedClassifier(graph_share=None),
    "smoothed-classifier": lambda _: SmoothedClassifier(),
    "correct-and-smooth": lambda _: CorrectAndSmooth(),
    "classifier": lambda _: Classifier(),
    "spreading": lambda alpha: GraphOnly(LabelSpreading(alpha=alpha)),
    "harmonic": lambda _: GraphOnly(Harmonic()),
    "poisson": lambda _: GraphOnly(Poisson()),
    "poisson-mbo": lambda _: GraphOnly(PoissonMBO()),
    "reweighted": lambda _: GraphOnly(ReweightedLaplace()),
}


def make_method(name: str, *, alpha: float = 0.99) -> LabelingMethod:
    """Make a method by its name; `alpha` is for those that spread with a fixed one.

    Raises
    ------
    InputError
        If there is no such method; says which there are.

    Examples
    --------
    >>> make_method("spreading", alpha=0.9)
    GraphOnly(method=LabelSpreading(alpha=0.9, class_priors='labels', tol=1e-06, max_iter=1000))
    """
    check_one_of("method", name, tuple(METHODS))
    return METHODS[name](alpha)


def name_of(method: LabelingMethod) -> str:
    """Return the name that makes a method of this kind; its class's where there is none.

    Examples
    --------
    >>> name_of(GraphOnly(Poisson()))
    'poisson'
    """
    names = (name for name, make in METHODS.items() if _kind(make(0.99)) == _kind(method))
    return next(names, type(method).__name__)


def _kind(method: LabelingMethod) -> tuple[type, type | None]:
    return type(method), type(method.method) if isinstance(method, GraphOnly) else None


def takes_alpha(name: str) -> bool:
    """Tell whether a method spreads with the alpha that `make_method` is given.

    Examples
    --------
    >>> [name for name in METHODS if takes_alpha(name)]
    ['spreading']
    """
    return name in METHODS and repr(METHODS[name](0.25)) != repr(METHODS[name](0.75))
