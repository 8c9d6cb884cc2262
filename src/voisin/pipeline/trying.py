"""Trying every method on every draw, here or in several processes."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from voisin.pipeline.draws import Draw, Trials
from voisin.pipeline.preparing import prepare
from voisin.pipeline.processes import each_in_processes
from voisin.pipeline.views import Viewpoint
from voisin.types import ImageCollection, no_progress

_TASK = "Comparing methods"


def try_all(
    viewpoint: Viewpoint,
    images: ImageCollection,
    plan: Sequence[Draw],
    methods: Sequence[str],
    *,
    jobs: int,
) -> None:
    """Try every method on every draw whose trial is not kept yet.

    Parameters
    ----------
    viewpoint : Viewpoint
    images : ImageCollection
        From which a process prepares its own viewpoint.
    plan : sequence of Draw
    methods : sequence of str
    jobs : int
        Processes.
    """
    trials, stages = Trials(viewpoint), viewpoint.stages
    tasks = [(draw, left) for draw in plan if (left := trials.missing(draw, methods))]
    done, total = len(plan) * len(methods), len(plan) * len(methods)
    done -= sum(len(left) for _, left in tasks)

    def told(count: int) -> None:
        nonlocal done
        done += count
        stages.progress(_TASK, done, total)

    if not tasks:
        return
    trials.prepare()
    told(0)
    if jobs == 1 or len(tasks) == 1:
        for draw, left in tasks:
            trials.run(draw, left, lambda: told(1))
        return
    quiet = replace(stages, progress=no_progress, announce=_say_nothing, timings=[])
    begin = partial(_begin, partial(prepare, quiet, images))
    each_in_processes(begin, tasks, jobs, lambda place: told(len(tasks[place][1])))


def _begin(
    open_viewpoint: Callable[[], Viewpoint],
) -> Callable[[tuple[Draw, Sequence[str]]], None]:
    """Begin in a process of its own; returns what tries the methods that are left of a draw."""
    trials = Trials(open_viewpoint())
    return lambda task: trials.run(*task)


def _say_nothing(_: str) -> None:
    """Announce nothing; a function of the module, so that it travels to other processes."""
