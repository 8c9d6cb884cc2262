"""The peers by name, and the library that each needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from voisin.querying.suggestion import QueryStrategy
from voisin.validation import check_installed, check_one_of


@dataclass(frozen=True)
class Peer:
    """Where a strategy of another library is, and what it is.

    Attributes
    ----------
    module, name : str
        Of this folder; what its ``make`` is asked for.
    meaning : str
        One line for tables and pages.
    library : str
        As imported.
    """

    module: str
    name: str
    meaning: str
    library: str

    @property
    def installed(self) -> bool:
        """Whether its library is there."""
        return find_spec(self.library) is not None


def _graphlearning(name: str, meaning: str) -> Peer:
    return Peer("graph_learning", name, f"graphlearning's {meaning}", "graphlearning")


def _activeml(name: str, meaning: str) -> Peer:
    return Peer("scikit_activeml", name, f"scikit-activeml's {meaning}", "skactiveml")


PEERS: Mapping[str, Peer] = {
    "graphlearning-margin": _graphlearning("margin", "smallest margin of Laplace learning"),
    "graphlearning-norm": _graphlearning("norm", "norm of reweighted Laplace learning, shifted"),
    "activeml-margin": _activeml("margin", "smallest margin"),
    "activeml-entropy": _activeml("entropy", "largest entropy"),
    "activeml-badge": _activeml("badge", "BADGE (Ash et al. 2020)"),
    "activeml-clue": _activeml("clue", "CLUE (Prabhu et al. 2021)"),
    "activeml-dropquery": _activeml("dropquery", "DropQuery (Gupte et al. 2024)"),
    "activeml-typiclust": _activeml("typiclust", "TypiClust (Hacohen et al. 2022)"),
    "activeml-coreset": _activeml("coreset", "core set (Sener & Savarese 2018)"),
}


def make_peer(name: str) -> QueryStrategy:
    """Make the strategy of another library.

    Raises
    ------
    InputError
        If there is no such peer; says which there are.
    MissingDependencyError
        If its library is not installed.

    Examples
    --------
    >>> PEERS["activeml-badge"].meaning
    "scikit-activeml's BADGE (Ash et al. 2020)"
    """
    check_one_of("peer", name, tuple(PEERS))
    peer = PEERS[name]
    check_installed(f"The peer {name!r}", [peer.library], "bench")
    strategy: QueryStrategy = import_module(f"voisin.querying.peers.{peer.module}").make(peer.name)
    return strategy
