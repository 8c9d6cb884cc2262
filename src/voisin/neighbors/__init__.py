"""From vectors to a graph: who is near whom, and how strongly they are tied."""

from voisin.neighbors.affinity import build_affinity
from voisin.neighbors.graph import (
    as_affinity,
    find_components,
    in_degree_skew,
    node_order,
)
from voisin.neighbors.search import find_neighbors, query_neighbors

__all__ = [
    "as_affinity",
    "build_affinity",
    "find_components",
    "find_neighbors",
    "in_degree_skew",
    "node_order",
    "query_neighbors",
]
