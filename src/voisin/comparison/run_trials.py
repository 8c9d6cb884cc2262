"""Trying every method on every draw, here or in several processes."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from voisin.comparison.processes import each_in_processes
from voisin.comparison.trials import Draw, Trials
from voisin.pipeline.context import Context
from voisin.types import ImageCollection, no_progress

_TASK = "Comparing methods"


def run_trials(
    context: Context,
    images: ImageCollection,
    plan: Sequence[Draw],
    methods: Sequence[str],
    *,
    jobs: int,
) -> None:
    """Try every method on every draw whose trial is not kept yet.

    Parameters
    ----------
    context : Context
    images : ImageCollection
        From which a process prepares its own context.
    plan : sequence of Draw
    methods : sequence of str
    jobs : int
        Processes.
    """
    trials, stages = Trials(context), context.stages
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
    quiet = replace(stages, progress=no_progress, log=_say_nothing, timings=[])
    begin = partial(_begin, partial(Context.of, quiet, images))
    each_in_processes(begin, tasks, jobs, lambda place: told(len(tasks[place][1])))


def _begin(
    open_viewpoint: Callable[[], Context],
) -> Callable[[tuple[Draw, Sequence[str]]], None]:
    """Begin in a process of its own; returns what tries the methods that are left of a draw."""
    trials = Trials(open_viewpoint())
    return lambda task: trials.run(*task)


def _say_nothing(_: str) -> None:
    """Announce nothing; a function of the module, so that it travels to other processes."""
