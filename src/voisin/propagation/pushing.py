"""Compiled correction of a solution where its right side changed; it knows no labels.

Southwell 1935; for graphs Andersen, Chung & Lang 2006. A *push* at node i adds its residual r_i to
its value, which sets r_i to zero and adds ``alpha S_ij r_i`` to the residual of each neighbor j.
Adding ``ω = 2 / (1 + √(1 − alpha²))`` times r_i, the best factor where a sweep goes over all nodes
(Young 1954), saves almost half of the pushes.

Nodes are unsigned integers: see `voisin.propagation.sparse_products`.
"""

from typing import TypeAlias

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

from voisin.neighbors.kernels.instructions import fetch
from voisin.parallel import compiled

Whole: TypeAlias = NDArray[np.integer]
Real: TypeAlias = NDArray[np.floating]
Flags: TypeAlias = NDArray[np.bool_]

_LOWER = 0.5  # factor of the threshold from one pass over the queue to the next
_ONE, _ZERO = np.uint64(1), np.uint64(0)
_SOON, _LATER = np.uint64(3), np.uint64(8)  # pushes ahead: memory is fetched for these nodes
_LINE = 8  # float64 numbers in a line of the processor's cache
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
def _prefetch(numbers: Whole | Real, place: int | np.integer) -> None:
    fetch(np.int64(numbers.ctypes.data) + numbers.itemsize * np.int64(place))


@register_jitable
def _prefetch_ahead(
    ends: Whole,
    indices: Whole,
    weights: Real,
    residual: Real,
    state: Whole,
    soon: int,
    later: int,
) -> None:
    """Fetch the edges of a node to be pushed later, and the neighbors of one to be pushed soon."""
    for edge in range(ends[later], ends[later + 1], _LINE):
        _prefetch(indices, edge)
        _prefetch(weights, edge)
    for edge in range(ends[soon], ends[soon + 1]):
        _prefetch(residual, indices[edge])
        _prefetch(state, indices[edge])


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
    """Push at the touched nodes, those of large residuals first, until the residual is small.

    Parameters
    ----------
    values, residual : array of shape (n,)
        One column of the solution and of its residual; changed in place.
    square, goal : float
        Sum of the squared residuals, and the sum to stop at.
    most : int
        Pushes after which to give up.
    touched, count, state : array of shape (n,), int, array of shape (n,)
        The first `count` of `touched` are the nodes whose residual changed; their state is 1, that
        of others 0. Nodes that pushes reach are added.
    queue : array of shape (n,)
        Working memory.
    changed : array of shape (n,)
        Set where the value changes.

    Returns
    -------
    square, count, pushes
        The first two after the pushes, and the number of these.
    """
    n = np.uint64(len(ends) - 1)
    factor = 2 / (1 + np.sqrt(1 - alpha**2))
    threshold = 0.0
    for place in range(count):
        threshold = max(threshold, abs(residual[touched[place]]))
    pushes = 0
    while square > goal and pushes < most and threshold > 0:  # at 0 no touched node has any
        threshold *= _LOWER
        head = _ZERO
        length = np.uint64(_requeue(residual, touched, count, threshold, queue, state))
        while length > _ZERO:
            node = np.uint64(queue[head])
            head = head + _ONE if head + _ONE < n else _ZERO
            length -= _ONE
            state[node] = _TOUCHED
            before = residual[node]
            if square <= goal or pushes >= most or before == 0:
                continue
            pushes += 1
            moved = factor * before
            values[node] += moved
            changed[node] = True
            residual[node] = before - moved
            square += residual[node] ** 2 - before**2
            if length > _LATER:
                soon, later = queue[(head + _SOON) % n], queue[(head + _LATER) % n]
                _prefetch_ahead(ends, indices, weights, residual, state, soon, later)
            for edge in range(np.uint64(ends[node]), np.uint64(ends[node + _ONE])):
                neighbor = np.uint64(indices[edge])
                old = residual[neighbor]
                new = old + alpha * weights[edge] * moved
                residual[neighbor] = new
                square += new * new - old * old
                if state[neighbor] == _UNTOUCHED:
                    state[neighbor] = _TOUCHED
                    touched[count] = neighbor
                    count += 1
                if state[neighbor] == _TOUCHED and abs(new) > threshold:
                    state[neighbor] = _QUEUED
                    last = head + length
                    queue[last if last < n else last - n] = neighbor
                    length += _ONE
    return square, count, pushes
