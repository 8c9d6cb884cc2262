"""Which of many leaders each point is nearest to; it knows points, not neighbors.

A few leaders are compared with every point. Many are first grouped by leaders of their own:
each point then meets only the leaders of its nearest groups, so that the cost grows with
``n · √leaders`` instead of ``n · leaders``. Several groups are probed, since the nearest leader
is often not in the nearest group.
"""

import numpy as np
from numpy.typing import NDArray

from voisin.neighbors.kernels.vectors import (
    AnyPoints,
    Queries,
    TopK,
    update_top_k,
    update_top_k_roughly,
)
from voisin.parallel import Workers, blocks

_FEW = 4_096
_PROBES = 4
_WIDER = 2  # groups are this many times larger than there are groups for their square root
_BLOCK = 4_096


def nearest_leaders(
    points: AnyPoints,
    leaders: NDArray[np.int64],
    count: int,
    generator: np.random.Generator,
    crew: Workers,
) -> NDArray[np.int32]:
    """Find the `count` leaders nearest to every point, nearest first, by their numbers.

    Parameters
    ----------
    points : Points or Rounded
    leaders : array of shape (n_leaders,)
        Which points lead.
    count : int
        At most the number of leaders.
    generator : numpy.random.Generator
    crew : Workers

    Returns
    -------
    array of shape (n_points, count)
        Positions in `leaders`.
    """
    led = points.take(leaders)
    if len(led) <= max(_FEW, count):
        return _compare_all(points, led, count, crew)
    n_groups = max(2, int(np.sqrt(len(led)) / _WIDER))
    n_probes = min(_PROBES, n_groups)
    heads = led.take(np.sort(generator.choice(len(led), n_groups, replace=False)))
    home = _compare_all(led, heads, 1, crew)[:, 0]
    probed = _compare_all(points, heads, n_probes, crew)
    table = TopK.empty(len(points), count)

    def meet(group: int) -> None:
        members = (visits[group] // n_probes).astype(np.int32)
        inside = np.flatnonzero(home == group)
        if len(members) and len(inside):
            queries = Queries(points.take(members), members, members)
            update_top_k_roughly(queries, led.take(inside), _names(inside), table)

    visits = members_of(probed, n_groups)
    crew.each(meet, range(n_groups))
    return _numbers(table.ids)


def members_of(chosen: NDArray[np.int32], n_groups: int) -> list[NDArray[np.int64]]:
    """Positions in the flattened choices, group by group."""
    flat = chosen.ravel()
    small = np.uint16 if n_groups <= 1 << 16 else np.int32  # 16 bits are sorted by radix
    order = np.argsort(flat.astype(small), kind="stable")
    ends = np.cumsum(np.bincount(flat, minlength=n_groups))
    return np.split(order, ends[:-1])


def _compare_all(points: AnyPoints, led: AnyPoints, count: int, crew: Workers) -> NDArray[np.int32]:
    table = TopK.empty(len(points), count)
    names = _names(np.arange(len(led)))

    def meet(rows: slice) -> None:
        ids = np.arange(rows.start, rows.stop, dtype=np.int32)
        update_top_k(Queries(points.take(rows), ids, ids), led, names, table)

    crew.each(meet, blocks(len(points), _BLOCK))
    return _numbers(table.ids)


def _names(numbers: NDArray[np.integer]) -> NDArray[np.int32]:
    """Ids below -1: no leader is taken for the point of the same number, nor for nobody."""
    return (-2 - numbers).astype(np.int32)


def _numbers(names: NDArray[np.int32]) -> NDArray[np.int32]:
    return -2 - names
