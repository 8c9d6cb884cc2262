"""The peers by name, and the library that each needs."""

from collections.abc import Mapping
from importlib import import_module

from voisin.labeling.peers import Peer
from voisin.querying.suggestion import QueryStrategy
from voisin.validation import check_installed, check_one_of


def _graphlearning(name: str, meaning: str) -> Peer:
    meaning = f"graphlearning's {meaning}"
    return Peer("graph_learning", name, meaning, "graphlearning", "graphlearning")


def _activeml(name: str, meaning: str) -> Peer:
    meaning = f"scikit-activeml's {meaning}"
    return Peer("scikit_activeml", name, meaning, "skactiveml", "scikit-activeml")


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
    module = import_module(f"voisin.querying.peers.{peer.module}")
    strategy: QueryStrategy = module.make(peer.function)
    return strategy
