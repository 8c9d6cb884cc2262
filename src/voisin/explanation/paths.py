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
Costs: TypeAlias = dict[np.int64, float]
Steps: TypeAlias = dict[np.int64, np.int64]


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


@compiled
def _settle(
    ends: Whole,
    indices: Whole,
    weights: Real,
    cost: Costs,
    before: Steps,
    heap: list[tuple[float, np.int64]],
    other: Costs,
    least: float,
    best: float,
    meeting: np.int64,
) -> tuple[float, np.int64]:
    """Settle one search's nearest node; `least` is what it costs to where the other is not yet."""
    so_far, node = heappop(heap)
    if so_far > cost[node]:
        return best, meeting
    for edge in range(ends[node], ends[node + 1]):
        if weights[edge] <= 0:
            continue
        reached = so_far - np.log(np.float64(weights[edge]))
        if reached >= best:
            continue
        near = np.int64(indices[edge])
        if reached >= cost.get(near, np.inf):
            continue
        rest = other.get(near, np.inf)
        if reached + rest < best:
            best, meeting = reached + rest, near
        if reached + least < best or rest < np.inf:
            cost[near] = reached
            before[near] = node
            heappush(heap, (reached, near))
    return best, meeting


@compiled
def strongest_path_from_both_ends(
    ends: Whole, indices: Whole, weights: Real, start: int, goal: int, most: int
) -> Places:
    """Find the same where nothing guides the search, and weights are the same both ways.

    Two searches, from either end, until they have met on a path that no other can beat (Pohl 1971),
    or have settled `most` nodes: then the strongest path that was met until then.

    Parameters
    ----------
    ends, indices, weights : arrays of a symmetric csr matrix of shape (n, n)
        Weights in [0, 1].
    start, goal : int
    most : int

    Returns
    -------
    array of shape (n_nodes,)
        From start to goal; empty if there is no path, or none was met.
    """
    cost, back = {np.int64(start): 0.0}, {np.int64(goal): 0.0}
    before = {np.int64(start): np.int64(start)}
    after = {np.int64(goal): np.int64(goal)}
    ahead, behind = [(0.0, np.int64(start))], [(0.0, np.int64(goal))]
    best, meeting = (0.0, np.int64(start)) if start == goal else (np.inf, np.int64(-1))
    for _ in range(most):
        if len(ahead) == 0 or len(behind) == 0 or ahead[0][0] + behind[0][0] >= best:
            break
        if len(ahead) <= len(behind):
            best, meeting = _settle(
                ends, indices, weights, cost, before, ahead, back, behind[0][0], best, meeting
            )
        else:
            best, meeting = _settle(
                ends, indices, weights, back, after, behind, cost, ahead[0][0], best, meeting
            )
    if meeting < 0:
        return np.empty(0, np.int64)
    backwards = [meeting]
    while backwards[-1] != start:
        backwards.append(before[backwards[-1]])
    path = backwards[::-1]
    while path[-1] != goal:
        path.append(after[path[-1]])
    return np.array(path)
