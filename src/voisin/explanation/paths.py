"""Compiled loops that find the strongest path between two nodes of a graph.

The search is A* (Hart, Nilsson & Raphael 1968) on −log of the weights. Its heuristic is the
contribution of all walks together, which no single path exceeds. This module must not know labels
or images.
"""

from heapq import heappop, heappush
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from voisin.parallel import compiled

Whole: TypeAlias = NDArray[np.integer]
Nodes: TypeAlias = NDArray[np.int64]
Real: TypeAlias = NDArray[np.floating]
Costs: TypeAlias = dict[np.int64, float]
Links: TypeAlias = dict[np.int64, np.int64]


@compiled
def strongest_path(
    indptr: Whole,
    indices: Whole,
    weights: Real,
    start: int,
    goal: int,
    bounds: Real,
    column: int,
) -> Nodes:
    """Find the path whose product of weights is the largest.

    Parameters
    ----------
    indptr, indices, weights : arrays of a csr matrix of shape (n, n)
        Weights in [0, 1].
    start, goal : int
    bounds : array of shape (n, n_columns)
        ``bounds[j, column]`` is at least the product of the weights of any path from j to the goal.
    column : int

    Returns
    -------
    array of shape (n_nodes,)
        From start to goal; empty if there is no path.
    """
    cost = {np.int64(start): 0.0}  # dictionaries, since a search visits few of the nodes
    previous = {np.int64(start): np.int64(start)}
    settled = {np.int64(-1)}
    heap = [(0.0, np.int64(start))]
    while len(heap) > 0:
        _, node = heappop(heap)
        if node == goal:
            break
        if node in settled:
            continue
        settled.add(node)
        cost_so_far = cost[node]
        for edge in range(indptr[node], indptr[node + 1]):
            near = np.int64(indices[edge])
            bound = 1.0 if near == goal else np.float64(bounds[near, column])
            if weights[edge] <= 0 or bound <= 0:
                continue
            new_cost = cost_so_far - np.log(np.float64(weights[edge]))
            if near not in cost or new_cost < cost[near]:
                cost[near] = new_cost
                previous[near] = node
                heappush(heap, (new_cost - np.log(bound), near))
    if goal not in previous:
        return np.empty(0, np.int64)
    backwards = [np.int64(goal)]
    while backwards[-1] != start:
        backwards.append(previous[backwards[-1]])
    return np.array(backwards[::-1])


@compiled
def _settle(
    indptr: Whole,
    indices: Whole,
    weights: Real,
    cost: Costs,
    previous: Links,
    heap: list[tuple[float, np.int64]],
    other: Costs,
    least: float,
    best: float,
    meeting: np.int64,
) -> tuple[float, np.int64]:
    """Settle the nearest node of one search; `least` is the lowest cost of the other search."""
    cost_so_far, node = heappop(heap)
    if cost_so_far > cost[node]:
        return best, meeting
    for edge in range(indptr[node], indptr[node + 1]):
        if weights[edge] <= 0:
            continue
        new_cost = cost_so_far - np.log(np.float64(weights[edge]))
        if new_cost >= best:
            continue
        near = np.int64(indices[edge])
        if new_cost >= cost.get(near, np.inf):
            continue
        rest = other.get(near, np.inf)
        if new_cost + rest < best:
            best, meeting = new_cost + rest, near
        if new_cost + least < best or rest < np.inf:
            cost[near] = new_cost
            previous[near] = node
            heappush(heap, (new_cost, near))
    return best, meeting


@compiled
def strongest_path_from_both_ends(
    indptr: Whole, indices: Whole, weights: Real, start: int, goal: int, max_settled: int
) -> Nodes:
    """Find the path with the largest product of weights in a symmetric graph, without bounds.

    Two searches, one from each end, go on until no other path can beat the best path on which they
    met (Pohl 1971), or until they have settled `max_settled` nodes; the best path is returned.

    Parameters
    ----------
    indptr, indices, weights : arrays of a symmetric csr matrix of shape (n, n)
        Weights in [0, 1].
    start, goal : int
    max_settled : int

    Returns
    -------
    array of shape (n_nodes,)
        From start to goal; empty if no path was found.
    """
    cost, back = {np.int64(start): 0.0}, {np.int64(goal): 0.0}
    previous = {np.int64(start): np.int64(start)}
    following = {np.int64(goal): np.int64(goal)}
    ahead, behind = [(0.0, np.int64(start))], [(0.0, np.int64(goal))]
    best, meeting = (0.0, np.int64(start)) if start == goal else (np.inf, np.int64(-1))
    for _ in range(max_settled):
        if len(ahead) == 0 or len(behind) == 0 or ahead[0][0] + behind[0][0] >= best:
            break
        if len(ahead) <= len(behind):
            best, meeting = _settle(
                indptr, indices, weights, cost, previous, ahead, back, behind[0][0], best, meeting
            )
        else:
            best, meeting = _settle(
                indptr, indices, weights, back, following, behind, cost, ahead[0][0], best, meeting
            )
    if meeting < 0:
        return np.empty(0, np.int64)
    backwards = [meeting]
    while backwards[-1] != start:
        backwards.append(previous[backwards[-1]])
    path = backwards[::-1]
    while path[-1] != goal:
        path.append(following[path[-1]])
    return np.array(path)
