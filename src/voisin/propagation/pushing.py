"""Compiled residual push: repair a solution where it changed; it knows no labels.

Southwell 1935; for graphs Andersen, Chung & Lang 2006. Moving the residual of node i into its
value leaves ``alpha S_ij r_i`` with each neighbor j, and nothing anywhere else.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from voisin.parallel import compiled

Whole: TypeAlias = NDArray[np.integer]
Real: TypeAlias = NDArray[np.floating]

_FINER = 0.5


@compiled
def _requeue(
    residual: Real, touched: Whole, count: int, threshold: float, queue: Whole, queued: Real
) -> int:
    """Fill the queue with the touched nodes whose residual is above the threshold."""
    length = 0
    for place in range(count):
        node = touched[place]
        if abs(residual[node]) > threshold:
            queue[length] = node
            queued[node] = True
            length += 1
    return length


@compiled
def push(
    ends: Whole,
    indices: Whole,
    weights: Real,
    alpha: float,
    values: Real,
    residual: Real,
    square: float,
    goal: float,
    most: int,
    touched: Whole,
    count: int,
    is_touched: Real,
    queue: Whole,
    queued: Real,
) -> tuple[float, int, int]:
    """Push the largest residuals of the touched nodes on, until few are left.

    Parameters
    ----------
    values, residual : array of shape (n,)
        One column of the solution and of what it lacks; changed in place.
    square, goal : float
        Sum of the squared residuals, and where to stop.
    most : int
        Pushes after which to give up.
    touched, count, is_touched : array of shape (n,), int, array of shape (n,)
        The nodes whose residual changed; more are added.
    queue, queued : array of shape (n,)
        Working memory; ``queued`` is false everywhere, before and after.

    Returns
    -------
    square, count, pushes
    """
    n = len(ends) - 1
    threshold = 0.0
    for place in range(count):
        threshold = max(threshold, abs(residual[touched[place]]))
    pushes = 0
    while square > goal and pushes < most:
        threshold *= _FINER
        head, length = 0, _requeue(residual, touched, count, threshold, queue, queued)
        while length > 0:
            node = queue[head]
            head = head + 1 if head + 1 < n else 0
            length -= 1
            queued[node] = False
            moved = residual[node]
            if square <= goal or pushes >= most or moved == 0:
                continue
            pushes += 1
            values[node] += moved
            square -= moved * moved
            residual[node] = 0
            for edge in range(ends[node], ends[node + 1]):
                neighbor = indices[edge]
                before = residual[neighbor]
                after = before + alpha * weights[edge] * moved
                residual[neighbor] = after
                square += after * after - before * before
                if not is_touched[neighbor]:
                    is_touched[neighbor] = True
                    touched[count] = neighbor
                    count += 1
                if abs(after) > threshold and not queued[neighbor]:
                    queued[neighbor] = True
                    place = head + length
                    queue[place if place < n else place - n] = neighbor
                    length += 1
    return square, count, pushes
