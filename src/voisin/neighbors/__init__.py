"""From vectors to a graph: who is near whom, and how strongly they are tied."""

from voisin.neighbors.affinity import build_affinity
from voisin.neighbors.search import find_neighbors, query_neighbors

__all__ = ["build_affinity", "find_neighbors", "query_neighbors"]
