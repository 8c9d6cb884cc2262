"""Work shared among processes; it knows tasks, not what they compute.

The processes are started anew, not forked: threads of BLAS and CUDA do not survive a fork. Each
keeps to its share of the cores, ignores Ctrl-C, and ends when its lifeline breaks: when the
work is stopped, or this process dies.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from voisin.errors import VoisinError
from voisin.parallel import available_cores, limit_threads

Task = TypeVar("Task")
Work = Callable[[Any], None]

_here: dict[str, Work] = {}  # the work of this process, once it has begun


def each_in_processes(
    begin: Callable[[], Work],
    tasks: Sequence[Task],
    n_jobs: int,
    told: Callable[[int], None],
) -> None:
    """Do the tasks in several processes, in any order.

    Parameters
    ----------
    begin : callable
        Called once in each process; returns what is done with a task. Both travel as pickles from
        this process to its own children.
    tasks : sequence
    n_jobs : int
        Processes; a Python script that asks for them needs ``if __name__ == "__main__":``.
    told : callable
        Hears the place of each task when it is done.

    Raises
    ------
    VoisinError
        If a process dies, as when memory runs out.
    """
    n_jobs = min(n_jobs, len(tasks))
    with _processes(begin, n_jobs) as pool:
        running = {pool.submit(_work, task): place for place, task in enumerate(tasks)}
        try:
            for finished in as_completed(running):
                finished.result()
                told(running[finished])
        except BrokenProcessPool as error:
            message = (
                f"One of {n_jobs} processes died, perhaps for want of memory: try fewer jobs. "
                "What is finished is kept."
            )
            raise VoisinError(message) from error


@contextmanager
def _processes(begin: Callable[[], Work], n_jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Open a pool whose processes end with the block, however it is left."""
    context = get_context("spawn")
    theirs, ours = context.Pipe(duplex=False)
    n_threads = max(1, available_cores() // n_jobs)
    pool = ProcessPoolExecutor(
        n_jobs, context, initializer=_begin, initargs=(begin, n_threads, theirs)
    )
    try:
        yield pool
        pool.shutdown()
    finally:
        ours.close()  # the lifeline: processes still at work end now
        theirs.close()
        pool.shutdown(wait=False, cancel_futures=True)


def _begin(begin: Callable[[], Work], n_threads: int, lifeline: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    limit_threads(n_threads)
    _here["work"] = begin()


def _end_with(lifeline: Connection) -> None:
    try:
        lifeline.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)


def _work(task: Any) -> None:
    _here["work"](task)
