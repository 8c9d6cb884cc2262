"""Query strategies of other libraries, to compare with: a file a library."""

from voisin.querying.peers.registry import PEERS, make_peer

__all__ = ["PEERS", "make_peer"]
