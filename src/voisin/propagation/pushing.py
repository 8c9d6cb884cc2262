"""Compiled residual push: repair a solution where it changed; it knows no labels.

Southwell 1935; for graphs Andersen, Chung & Lang 2006. Moving the residual of node i into its
value leaves ``alpha S_ij r_i`` with each neighbor j, and nothing anywhere else. Moving more than
the residual saves almost half of the pushes: ``ω = 2 / (1 + √(1 − alpha²))`` times as much is
best where a sweep goes over all nodes (Young 1954).

Nodes are counted without signs: see `voisin.propagation.products`.
"""

from typing import TypeAlias

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

from voisin.neighbors.instructions import fetch
from voisin.parallel import compiled

Whole: TypeAlias = NDArray[np.integer]
Real: TypeAlias = NDArray[np.floating]
Flags: TypeAlias = NDArray[np.bool_]

_FINER = 0.5
_ONE, _NONE = np.uint64(1), np.uint64(0)
_SOON, _LATER = np.uint64(3), np.uint64(8)  # pushes ahead of which memory is asked for
_LINE = 8  # numbers of a line of the cache
_UNTOUCHED, _TOUCHED, _QUEUED = 0, 1, 2


@compiled
def _requeue(
    residual: Real, touched: Whole, count: int, threshold: float, queue: Whole, state: Whole
) -> int:
    """Fill the queue with the touched nodes whose residual is above the threshold."""
    length = 0
    for place in range(count):
        node = touched[place]
        if abs(residual[node]) > threshold:
            queue[length] = node
            state[node] = _QUEUED
            length += 1
    return length


@register_jitable
def _ask_for(numbers: Whole | Real, place: int | np.integer) -> None:
    fetch(np.int64(numbers.ctypes.data) + numbers.itemsize * np.int64(place))


@register_jitable
def _look_ahead(
    ends: Whole,
    indices: Whole,
    weights: Real,
    residual: Real,
    state: Whole,
    soon: int,
    later: int,
) -> None:
    """Ask for the edges of a node that is pushed later, and for the neighbors of one soon."""
    for edge in range(ends[later], ends[later + 1], _LINE):
        _ask_for(indices, edge)
        _ask_for(weights, edge)
    for edge in range(ends[soon], ends[soon + 1]):
        _ask_for(residual, indices[edge])
        _ask_for(state, indices[edge])


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
    state: Whole,
    queue: Whole,
    changed: Flags,
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
    touched, count, state : array of shape (n,), int, array of shape (n,)
        The nodes whose residual changed; more are added. Their state is 1, that of others 0.
    queue : array of shape (n,)
        Working memory.
    changed : array of shape (n,)
        Set where the value changes.

    Returns
    -------
    square, count, pushes
    """
    n = np.uint64(len(ends) - 1)
    more = 2 / (1 + np.sqrt(1 - alpha**2))
    threshold = 0.0
    for place in range(count):
        threshold = max(threshold, abs(residual[touched[place]]))
    pushes = 0
    while square > goal and pushes < most and threshold > 0:  # at 0 the rest lies elsewhere
        threshold *= _FINER
        head = _NONE
        length = np.uint64(_requeue(residual, touched, count, threshold, queue, state))
        while length > _NONE:
            node = np.uint64(queue[head])
            head = head + _ONE if head + _ONE < n else _NONE
            length -= _ONE
            state[node] = _TOUCHED
            lacking = residual[node]
            if square <= goal or pushes >= most or lacking == 0:
                continue
            pushes += 1
            moved = more * lacking
            values[node] += moved
            changed[node] = True
            residual[node] = lacking - moved
            square += residual[node] ** 2 - lacking**2
            if length > _LATER:
                soon, later = queue[(head + _SOON) % n], queue[(head + _LATER) % n]
                _look_ahead(ends, indices, weights, residual, state, soon, later)
            for edge in range(np.uint64(ends[node]), np.uint64(ends[node + _ONE])):
                neighbor = np.uint64(indices[edge])
                before = residual[neighbor]
                after = before + alpha * weights[edge] * moved
                residual[neighbor] = after
                square += after * after - before * before
                if state[neighbor] == _UNTOUCHED:
                    state[neighbor] = _TOUCHED
                    touched[count] = neighbor
                    count += 1
                if state[neighbor] == _TOUCHED and abs(after) > threshold:
                    state[neighbor] = _QUEUED
                    last = head + length
                    queue[last if last < n else last - n] = neighbor
                    length += _ONE
    return square, count, pushes
