"""The curve of every strategy on a draw, seen from the labels that it has asked for so far.

Strategies and methods are given no other label: `DrawSeen` takes them away.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from voisin.errors import InputError, VoisinError
from voisin.labeling import make_method
from voisin.pipeline.choosing import choose
from voisin.pipeline.draws import Draw, DrawSeen
from voisin.pipeline.query_curves import QueryCurves, follow, gather
from voisin.pipeline.query_starts import Schedule, Start, begin
from voisin.pipeline.shared_sight import SharedSight
from voisin.pipeline.views import Viewpoint
from voisin.project.cache import Arrays, hash_of
from voisin.querying import STRATEGIES, QueryStrategy, make_strategy
from voisin.querying.peers import PEERS, make_peer
from voisin.types import Labels, Problem

BASELINE = "random"
_STAGE = "query-curve"


class QueryTrials:
    """The curves of a comparison, each kept in the project's cache when it is done.

    Parameters
    ----------
    viewpoint : Viewpoint
        With the truth; its settings say which method labels after each batch.
    schedule : Schedule
    """

    def __init__(self, viewpoint: Viewpoint, schedule: Schedule) -> None:
        self._viewpoint = viewpoint
        self._cache = viewpoint.stages.cache
        self._shared = SharedSight(viewpoint)
        self._schedule = schedule
        settings = viewpoint.stages.settings
        self._method = make_method(settings.method, alpha=settings.alpha)
        self.n_labels = schedule.steps(viewpoint.task.pool.labels)

    def begin(self, number: int) -> Start:
        """Draw what every strategy starts from."""
        pool = self._viewpoint.task.pool
        state = (self._viewpoint.stages.settings.random_state + number) % 2**32
        return begin(pool.labels, self._schedule, number, state, pool.groups, pool.class_names)

    def prepare(self) -> None:
        """Compute what all draws share."""
        self._shared.prepare()

    def missing(self, start: Start, names: Sequence[str]) -> list[str]:
        """Return the strategies that are still to be followed on a draw."""
        return [name for name in names if self._found(start, name) is None]

    def run(
        self, start: Start, names: Sequence[str], told: Callable[[], None] = lambda: None
    ) -> None:
        """Follow strategies on a draw."""
        for name in names:
            followed = partial(self._follow, start, name)
            self._cache.recall(_STAGE, self._inputs(start, name), followed)
            told()

    def curves(self, plan: Sequence[Start], names: Sequence[str]) -> QueryCurves:
        """Return the finished curves of all draws."""
        found = {name: [self._found(start, name) or {} for start in plan] for name in names}
        return gather(self.n_labels, found)

    def _found(self, start: Start, name: str) -> Arrays | None:
        kept = self._cache.find(_STAGE, self._inputs(start, name))
        return None if kept is None else kept.arrays

    def _inputs(self, start: Start, name: str) -> Mapping[str, Any]:
        peer = PEERS.get(name)
        parts = (start.labels, start.apart, start.candidates, self.n_labels)
        return {
            **self._shared.inputs,
            "start": [start.random_state, *map(hash_of, parts)],
            "method": repr(self._method),
            "strategy": [name, repr(_make(name))],
            "peer": None if peer is None else peer.version(),
        }

    def _follow(self, start: Start, name: str) -> Mapping[str, np.ndarray]:
        pool = self._viewpoint.task.pool
        with (
            self._shared.own(f"queries-{start.number}-{name}") as viewpoint,
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")  # a solver's, hundreds of times

            def seen(labels: Labels) -> Problem:
                draw = Draw(start.number, self._schedule.start, labels)
                found = DrawSeen(viewpoint, draw, lambda: self._shared.sight)
                return replace(found.without_folds, random_state=start.random_state)

            try:
                return follow(
                    start, seen, pool.labels, _make(name), self._method, self.n_labels, pool.groups
                )
            except VoisinError:
                raise
            except Exception as error:
                message = f"{name} failed: {error!r}. Choose other strategies to go on without it."
                raise VoisinError(message) from error


def _make(name: str) -> QueryStrategy:
    return make_peer(name) if name in PEERS else make_strategy(name)


def choose_strategies(names: Sequence[str] | None) -> tuple[tuple[str, ...], dict[str, str]]:
    """Choose strategies as `choose` does; random, their measure, is always among them."""
    if names is not None:
        if set(names) == {BASELINE}:
            message = f"{BASELINE} is what all are compared with: name another, or none for all."
            raise InputError(message)
        names = [BASELINE, *names]
    return choose(names, STRATEGIES, PEERS, "strategy")
