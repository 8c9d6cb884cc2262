"""Compiled: the strongest path between two nodes of a graph; it knows no labels.

A* (Hart, Nilsson & Raphael 1968) on −log of the weights, guided by how much of a walk arrives.
"""

from heapq import heappop, heappush
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from voisin.parallel import compiled

Whole: TypeAlias = NDArray[np.integer]
Places: TypeAlias = NDArray[np.int64]
Real: TypeAlias = NDArray[np.floating]


@compiled
def strongest_path(
    ends: Whole,
    indices: Whole,
    weights: Real,
    start: int,
    goal: int,
    bounds: Real,
    column: int,
) -> Places:
    """Find the path whose product of weights is the largest.

    Parameters
    ----------
    ends, indices, weights : arrays of a csr matrix of shape (n, n)
        Weights in [0, 1].
    start, goal : int
    bounds : array of shape (n, n_columns)
        ``bounds[j, column]`` is at least the product of any path from j to the goal: what all
        walks bring there together is.
    column : int

    Returns
    -------
    array of shape (n_nodes,)
        From start to goal; empty if there is no path.
    """
    cost = {np.int64(start): 0.0}  # dictionaries: few of the nodes are ever touched
    before = {np.int64(start): np.int64(start)}
    settled = {np.int64(-1)}
    heap = [(0.0, np.int64(start))]
    while len(heap) > 0:
        _, node = heappop(heap)
        if node == goal:
            break
        if node in settled:
            continue
        settled.add(node)
        so_far = cost[node]
        for edge in range(ends[node], ends[node + 1]):
            near = np.int64(indices[edge])
            bound = 1.0 if near == goal else np.float64(bounds[near, column])
            if weights[edge] <= 0 or bound <= 0:
                continue
            reached = so_far - np.log(np.float64(weights[edge]))
            if near not in cost or reached < cost[near]:
                cost[near] = reached
                before[near] = node
                heappush(heap, (reached - np.log(bound), near))
    if goal not in before:
        return np.empty(0, np.int64)
    backwards = [np.int64(goal)]
    while backwards[-1] != start:
        backwards.append(before[backwards[-1]])
    return np.array(backwards[::-1])
