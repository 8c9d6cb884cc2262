"""Trying everything on every draw, here or in several processes; it knows not what is tried."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from voisin.pipeline.preparing import prepare
from voisin.pipeline.processes import each_in_processes
from voisin.pipeline.views import Viewpoint
from voisin.types import ImageCollection, no_progress


class Trying(Protocol):
    """Tries what has a name on a draw, and keeps what comes out in the project's cache."""

    def prepare(self) -> None:
        """Compute what all draws share."""

    def missing(self, draw: Any, names: Sequence[str]) -> list[str]:
        """Return what is still to be tried on a draw."""

    def run(self, draw: Any, names: Sequence[str], told: Callable[[], None] = lambda: None) -> None:
        """Try it; `told` hears when each is done."""


def try_all(
    make: Callable[[Viewpoint], Trying],
    viewpoint: Viewpoint,
    images: ImageCollection,
    plan: Sequence[Any],
    names: Sequence[str],
    *,
    jobs: int,
    title: str,
) -> None:
    """Try everything that is not kept yet.

    Parameters
    ----------
    make : callable
        Called in each process; it and the draws travel as pickles.
    viewpoint : Viewpoint
    images : ImageCollection
        From which a process prepares its own viewpoint.
    plan : sequence
        The draws.
    names : sequence of str
        What is tried on each.
    jobs : int
    title : str
        Of the progress.
    """
    trying, stages = make(viewpoint), viewpoint.stages
    tasks = [(draw, left) for draw in plan if (left := trying.missing(draw, names))]
    done, total = len(plan) * len(names), len(plan) * len(names)
    done -= sum(len(left) for _, left in tasks)

    def told(count: int) -> None:
        nonlocal done
        done += count
        stages.progress(title, done, total)

    if not tasks:
        return
    trying.prepare()
    stages.progress(title, done, total)
    if jobs == 1 or len(tasks) == 1:
        for draw, left in tasks:
            trying.run(draw, left, lambda: told(1))
        return
    quiet = replace(stages, progress=no_progress, announce=_say_nothing, timings=[])
    begin = partial(_begin, make, partial(prepare, quiet, images))
    each_in_processes(begin, tasks, jobs, lambda place: told(len(tasks[place][1])))


def _begin(
    make: Callable[[Viewpoint], Trying], open_viewpoint: Callable[[], Viewpoint]
) -> Callable[[Any], None]:
    """Begin in a process of its own; returns what is done with a draw and what is left of it."""
    trying = make(open_viewpoint())

    def work(task: tuple[Any, Sequence[str]]) -> None:
        trying.run(*task)

    return work


def _say_nothing(_: str) -> None:
    """Announce nothing; a function of the module, so that it travels to other processes."""
