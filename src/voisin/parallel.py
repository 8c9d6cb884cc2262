"""Work shared among threads; it knows tasks, not what they compute.

Compiled loops and matrix products release the interpreter's lock, so threads suffice. Inside,
BLAS keeps to one thread each: many small products side by side use a machine better than one
after the other, and their rounding does not depend on the number of threads.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from threadpoolctl import threadpool_limits

from voisin.errors import InputError

_SHARE = "NUMBA_NUM_THREADS"  # numba's own name, so that it keeps to it too
Task = TypeVar("Task")
Function = TypeVar("Function", bound=Callable[..., Any])


class Workers:
    """Threads that take the tasks of one piece of work, in any order."""

    def __init__(self, pool: ThreadPoolExecutor, count: int) -> None:
        self._pool = pool
        self.count = count

    def each(
        self,
        work: Callable[[Task], object],
        tasks: Sequence[Task],
        told: Callable[[int, int], None] | None = None,
    ) -> None:
        """Do `work` on every task; `told` hears ``(done, total)`` from the calling thread."""
        if self.count == 1 or len(tasks) == 1:
            for done, task in enumerate(tasks, start=1):
                work(task)
                if told:
                    told(done, len(tasks))
            return
        if told:
            running = [self._pool.submit(work, task) for task in tasks]
            for done, finished in enumerate(as_completed(running), start=1):
                finished.result()
                told(done, len(tasks))
            return
        self._share(work, deque(tasks))

    def _share(self, work: Callable[[Task], object], tasks: deque[Task]) -> None:
        """Let every thread, the calling one too, take tasks as long as there are any.

        A thousand short pieces of work would otherwise spend their time in handing over tasks.
        """

        def take() -> None:
            try:
                while tasks:
                    try:
                        task = tasks.popleft()
                    except IndexError:  # another thread was quicker
                        return
                    work(task)
            finally:
                tasks.clear()

        others = [self._pool.submit(take) for _ in range(min(self.count, len(tasks)) - 1)]
        try:
            take()
        finally:
            wait(others)
        for other in others:
            other.result()


@contextmanager
def workers(n_jobs: int | None = None) -> Iterator[Workers]:
    """Open a pool of `n_jobs` threads: all available cores by default, all but −n − 1 below 0.

    Raises
    ------
    InputError
        If `n_jobs` is 0.

    Examples
    --------
    >>> squares = [0, 0, 0]
    >>> with workers(2) as crew:
    ...     crew.each(lambda i: squares.__setitem__(i, i**2), range(3))
    >>> squares
    [0, 1, 4]
    """
    count = _threads(n_jobs)
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(count) as pool:
        yield Workers(pool, count)


def blocks(total: int, size: int) -> list[slice]:
    """Cut ``range(total)`` into slices of at most `size`."""
    return [slice(start, min(start + size, total)) for start in range(0, total, size)]


def compiled(function: Function) -> Function:
    """Compile a loop over numbers once, without the interpreter's lock, and keep the result."""
    import numba

    options: dict[str, Any] = {"nogil": True, "fastmath": True, "boundscheck": False}
    try:
        fast: Any = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder to keep compiled code in
        fast = numba.njit(**options)(function)
    return cast("Function", fast)


def available_cores() -> int:
    """Count the cores that this process may use, or its share of them."""
    if _SHARE in os.environ:
        return int(os.environ[_SHARE])
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return cores or 1


def limit_threads(n_threads: int) -> None:
    """Let every library of this process use at most so many threads, now and when it is loaded."""
    for name in (_SHARE, "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(n_threads)
    threadpool_limits(n_threads)


def _threads(n_jobs: int | None) -> int:
    if n_jobs == 0:
        message = "n_jobs=0: pass a number of threads, or -1 for all cores."
        raise InputError(message)
    if n_jobs is None:
        return available_cores()
    return n_jobs if n_jobs > 0 else max(1, available_cores() + 1 + n_jobs)
