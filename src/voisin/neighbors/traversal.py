"""Compiled walks along the edges of a graph; they know nodes, not what they stand for.

Imported only when a graph is walked, since numba takes a while to import.
"""

from typing import TypeAlias

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

from voisin.parallel import compiled

Whole: TypeAlias = NDArray[np.integer]


@compiled
def in_balls(ends: Whole, indices: Whole, size: int) -> NDArray[np.int64]:
    """Order the nodes ball by ball: a node, its neighbors, their neighbors, up to a size.

    Each ball starts at the first node that is in none yet.
    """
    n_nodes = len(ends) - 1
    order = np.empty(n_nodes, dtype=np.int64)
    placed = np.zeros(n_nodes, dtype=np.bool_)
    count = 0
    for center in range(n_nodes):
        if placed[center]:
            continue
        order[count], placed[center] = center, True
        walked, full = count, min(count + size, n_nodes)
        count += 1
        while walked < count < full:
            node = order[walked]
            walked += 1
            for edge in range(ends[node], ends[node + 1]):
                neighbor = indices[edge]
                if not placed[neighbor] and count < full:
                    order[count], placed[neighbor] = neighbor, True
                    count += 1
    return order


@register_jitable
def _head_of(node: int, above: Whole) -> int:
    """Climb to the first node of a part, and halve the way there."""
    while above[node] != node:
        above[node] = above[above[node]]
        node = above[node]
    return node


@compiled
def number_parts(ends: Whole, indices: Whole) -> NDArray[np.int64]:
    """Tell which connected part each node is in, numbered by their first nodes.

    Tarjan 1975: the parts at both ends of each edge become one, under the earlier head.
    """
    n_nodes = len(ends) - 1
    above = np.arange(n_nodes)
    for node in range(n_nodes):
        head = _head_of(node, above)
        for edge in range(ends[node], ends[node + 1]):
            other = _head_of(indices[edge], above)
            above[max(head, other)] = head = min(head, other)
    count = 0
    for node in range(n_nodes):
        if above[node] == node:
            above[node] = count
            count += 1
        else:
            above[node] = above[above[node]]
    return above
