"""Run the missing trials, in this process or in several processes.

The processes are spawned, not forked: threads of BLAS and CUDA do not survive a fork. Each process
uses its share of the cores and ignores Ctrl-C. It waits on a pipe whose other end this process
holds, and exits when that end is closed: when the work is stopped, or this process dies.
"""

import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from voisin.comparison.trials import Draw, Trials
from voisin.errors import VoisinError
from voisin.parallel import available_cores, limit_threads
from voisin.pipeline.context import Context
from voisin.pipeline.stages import Stages
from voisin.project.cache import Cache
from voisin.settings import Settings
from voisin.types import ImageCollection, no_progress

_TASK = "Comparing methods"
Task = TypeVar("Task")
Work = Callable[[Any], None]


def run_trials(
    context: Context,
    images: ImageCollection,
    draws: Sequence[Draw],
    methods: Sequence[str],
    *,
    jobs: int,
) -> None:
    """Run every method on every draw whose trial is not stored yet.

    Parameters
    ----------
    context : Context
    images : ImageCollection
        The source, from which each process makes its own context.
    draws : sequence of Draw
    methods : sequence of str
    jobs : int
        Number of processes.
    """
    trials, stages = Trials(context), context.stages
    tasks = [(draw, names) for draw in draws if (names := trials.missing(draw, methods))]
    if not tasks:
        return
    total = len(draws) * len(methods)
    done = total - sum(len(names) for _, names in tasks)

    def report(n_finished: int) -> None:
        nonlocal done
        done += n_finished
        stages.progress(_TASK, done, total)

    trials.prepare()
    report(0)
    if jobs == 1 or len(tasks) == 1:
        for draw, names in tasks:
            trials.run(draw, names, lambda: report(1))
        return
    start = partial(_open_trials, stages.cache, stages.settings, images)
    run_in_processes(start, tasks, jobs, lambda place: report(len(tasks[place][1])))


def _open_trials(
    cache: Cache, settings: Settings, images: ImageCollection
) -> Callable[[tuple[Draw, Sequence[str]]], None]:
    """Make the trials of a process; return the function that runs missing trials of a draw."""
    stages = Stages(cache, settings, no_progress, lambda _: None)
    trials = Trials(Context.of(stages, images))
    return lambda task: trials.run(*task)


def run_in_processes(
    start: Callable[[], Work],
    tasks: Sequence[Task],
    n_jobs: int,
    on_done: Callable[[int], None],
) -> None:
    """Do the tasks in several processes, in any order.

    Parameters
    ----------
    start : callable
        Called once in each process; it returns the function that does one task. `start` and the
        tasks must be picklable.
    tasks : sequence
    n_jobs : int
        Number of processes; a script that uses more needs ``if __name__ == "__main__":``.
    on_done : callable
        Called with the position of each task when it is done.

    Raises
    ------
    VoisinError
        If a process dies, for example because memory runs out.
    """
    n_jobs = min(n_jobs, len(tasks))
    context = get_context("spawn")
    theirs, ours = context.Pipe(duplex=False)
    n_threads = max(1, available_cores() // n_jobs)
    pool = ProcessPoolExecutor(
        n_jobs, context, initializer=_start_process, initargs=(start, n_threads, theirs)
    )
    try:
        running = {pool.submit(_do_task, task): place for place, task in enumerate(tasks)}
        for finished in as_completed(running):
            finished.result()
            on_done(running[finished])
        pool.shutdown()
    except BrokenProcessPool as error:
        message = (
            f"One of {n_jobs} processes died, perhaps for want of memory: try fewer jobs. "
            "Finished work is kept."
        )
        raise VoisinError(message) from error
    finally:
        ours.close()  # makes processes that are still at work exit
        theirs.close()
        pool.shutdown(wait=False, cancel_futures=True)


_work: dict[str, Work] = {}  # set when this process starts; a pool has no other way to pass it


def _start_process(start: Callable[[], Work], n_threads: int, parent: Connection) -> None:
    def exit_with_parent() -> None:
        try:
            parent.recv_bytes()
        except (EOFError, OSError):
            os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=exit_with_parent, daemon=True).start()
    limit_threads(n_threads)
    _work["task"] = start()


def _do_task(task: Any) -> None:
    _work["task"](task)
