"""The peers by name; a new peer is a function of `scikit_learn.py` or `graph_learning.py`."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version

from voisin.errors import MissingDependencyError
from voisin.types import LabelingMethod
from voisin.validation import check_installed, check_one_of


@dataclass(frozen=True)
class Peer:
    """A method of another library: where to import it from, and what it is.

    Attributes
    ----------
    module, function : str
        Of the registry's folder: by these its `make_peer` makes it.
    meaning : str
        One line for tables and pages.
    library, package : str
        As imported, and as installed.
    """

    module: str
    function: str
    meaning: str
    library: str
    package: str

    @property
    def missing(self) -> str:
        """How to install the library that it needs; empty if it is installed."""
        try:
            check_installed("it", [self.library], "bench")
        except MissingDependencyError as error:
            return str(error)
        return ""

    def version(self) -> str:
        """Return the version of the method's library."""
        return version(self.package)


def _scikit_learn(function: str, meaning: str) -> Peer:
    return Peer("scikit_learn", function, meaning, "sklearn", "scikit-learn")


def _graphlearning(function: str, meaning: str) -> Peer:
    return Peer("graph_learning", function, meaning, "graphlearning", "graphlearning")


PEERS: Mapping[str, Peer] = {
    "sklearn-propagation": _scikit_learn(
        "propagation", "scikit-learn's LabelPropagation as it comes, with kernel='knn'"
    ),
    "sklearn-spreading": _scikit_learn(
        "spreading", "scikit-learn's LabelSpreading as it comes, with kernel='knn'"
    ),
    "sklearn-self-training": _scikit_learn(
        "self_training", "scikit-learn's SelfTrainingClassifier of its logistic regression"
    ),
    "sklearn-propagation-graph": _scikit_learn(
        "propagation_on_graph", "scikit-learn's LabelPropagation on the same graph"
    ),
    "sklearn-spreading-graph": _scikit_learn(
        "spreading_on_graph", "scikit-learn's LabelSpreading on the same graph"
    ),
    "graphlearning-laplace": _graphlearning(
        "laplace", "graphlearning's Laplace learning on the same graph"
    ),
    "graphlearning-poisson": _graphlearning(
        "poisson", "graphlearning's Poisson learning on the same graph"
    ),
    "graphlearning-poisson-mbo": _graphlearning(
        "poisson_mbo", "graphlearning's Poisson MBO on the same graph; it decides, and ranks little"
    ),
}


def make_peer(name: str) -> LabelingMethod:
    """Make the method of another library.

    Raises
    ------
    InputError
        If there is no such peer.
    MissingDependencyError
        If its library is not installed.

    Examples
    --------
    >>> make_peer("sklearn-spreading")
    ByVectors(make=LabelSpreading(kernel='knn'))
    """
    check_one_of("peer", name, tuple(PEERS))
    peer = PEERS[name]
    check_installed(f"The peer {name!r}", [peer.library], "bench")
    method: LabelingMethod = getattr(
        import_module(f"voisin.labeling.peers.{peer.module}"), peer.function
    )()
    return method
