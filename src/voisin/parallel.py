"""Share work among threads, and compile loops.

Compiled loops and matrix products release the interpreter's lock, so threads suffice. BLAS is
limited to one thread: running many small products in parallel is faster than running them one by
one, each with a multithreaded BLAS, and rounding does not depend on the number of threads.

This module must not know what the tasks compute.
"""

import os
import pickle
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache
from typing import Any, TypeVar, cast

from threadpoolctl import ThreadpoolController, threadpool_limits

from voisin.errors import InputError, InputWarning

_LIMIT = "NUMBA_NUM_THREADS"  # environment variable with this process's limit; numba reads it too
if not os.environ.get(_LIMIT, "1").strip().isdecimal() or not int(os.environ.get(_LIMIT, "1")):
    del os.environ[_LIMIT]  # no number from 1, so no limit; numba would refuse to be imported
# What reading a file of numba's cache raises if the file was cut short, or is of another version.
_DAMAGES = (EOFError, ValueError, KeyError, AttributeError, ImportError, pickle.UnpicklingError)
Task = TypeVar("Task")
Function = TypeVar("Function", bound=Callable[..., Any])


class Workers:
    """A pool of threads that share a list of tasks and do them in any order."""

    def __init__(self, executor: ThreadPoolExecutor, count: int) -> None:
        self._executor = executor
        self.count = count

    def each(
        self,
        work: Callable[[Task], object],
        tasks: Sequence[Task],
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Do `work` on every task; the calling thread calls ``on_progress(done, total)``."""
        if self.count == 1 or len(tasks) == 1:
            for done, task in enumerate(tasks, start=1):
                work(task)
                if on_progress:
                    on_progress(done, len(tasks))
            return
        if on_progress:
            running = [self._executor.submit(work, task) for task in tasks]
            for done, finished in enumerate(as_completed(running), start=1):
                finished.result()
                on_progress(done, len(tasks))
            return
        self._share(work, deque(tasks))

    def _share(self, work: Callable[[Task], object], tasks: deque[Task]) -> None:
        """Let every thread, the calling one too, take tasks from one queue until it is empty.

        For short tasks, submitting each one to the executor would cost more than the task.
        """

        def drain_queue() -> None:
            try:
                while tasks:
                    try:
                        task = tasks.popleft()
                    except IndexError:  # another thread was quicker
                        return
                    work(task)
            finally:
                tasks.clear()  # after an error, no thread starts another task

        n_others = min(self.count, len(tasks)) - 1
        others = [self._executor.submit(drain_queue) for _ in range(n_others)]
        try:
            drain_queue()
        finally:
            wait(others)
        for other in others:
            other.result()


@contextmanager
def workers(n_jobs: int | None = None) -> Iterator[Workers]:
    """Open a pool of threads.

    Parameters
    ----------
    n_jobs : int, optional
        Number of threads: by default one per available core. -1 is all cores, -2 all but one, and
        so on.

    Raises
    ------
    InputError
        If `n_jobs` is 0.

    Examples
    --------
    >>> squares = [0, 0, 0]
    >>> with workers(2) as pool:
    ...     pool.each(lambda i: squares.__setitem__(i, i**2), range(3))
    >>> squares
    [0, 1, 4]
    """
    if n_jobs == 0:
        message = "n_jobs=0: pass a number of threads, or -1 for all cores."
        raise InputError(message)
    count = available_cores() if n_jobs is None else n_jobs
    if count < 0:
        count = max(1, available_cores() + 1 + count)
    with one_blas_thread(), ThreadPoolExecutor(count) as executor:
        yield Workers(executor, count)


def one_blas_thread() -> AbstractContextManager[object]:
    """Run matrix products and solvers of NumPy and SciPy in one thread, within ``with``.

    Of small arrays several threads make nothing faster, and on a busy machine they wait for one
    another: a `voisin.calibration.scaling.fit_scaling` of 40 labels then took 65 ms in place of 2.
    """
    return _blas().limit(limits=1, user_api="blas")


@cache  # looking for the libraries takes a millisecond
def _blas() -> ThreadpoolController:
    import scipy.linalg  # noqa: F401 (it brings a BLAS of its own)

    return ThreadpoolController()


def blocks(total: int, size: int) -> list[slice]:
    """Split ``range(total)`` into slices of at most `size`."""
    return [slice(start, min(start + size, total)) for start in range(0, total, size)]


def compiled(function: Function) -> Function:
    """Compile a numeric function; it runs without the interpreter's lock and is cached on disk.

    Where that cache cannot be read or written, it is done without.
    """
    import numba

    options: dict[str, Any] = {"nogil": True, "fastmath": True, "boundscheck": False}
    try:
        fast: Any = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder is writable for the cache
        fast = numba.njit(**options)(function)
    else:
        _forgive_errors(fast._cache)
    return cast("Function", fast)


def _forgive_errors(cache: Any) -> None:
    """Let numba's cache of a function do nothing, with a warning, where it would raise an error.

    The disk may be full, or a file in it cut short by a crash.
    """
    load, save = cache.load_overload, cache.save_overload

    def load_or_compile(*arguments: Any) -> Any:
        try:
            return load(*arguments)
        except (OSError, *_DAMAGES):
            with suppress(OSError):
                cache.flush()
            return None

    def save_or_warn(*arguments: Any) -> None:
        try:
            save(*arguments)
        except (OSError, *_DAMAGES) as error:
            message = (
                f"Compiled code cannot be kept in {cache.cache_path} "
                f"({getattr(error, 'strerror', None) or error}): each start compiles it again."
            )
            warnings.warn(message, InputWarning, stacklevel=1)  # one place: it is told once

    cache.load_overload, cache.save_overload = load_or_compile, save_or_warn


def available_cores() -> int:
    """Count the cores that this process may use; fewer after `limit_threads`."""
    if _LIMIT in os.environ:
        return int(os.environ[_LIMIT])
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return cores or 1


def limit_threads(n_threads: int) -> None:
    """Limit every library to at most `n_threads`, including libraries loaded later."""
    for name in (_LIMIT, "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(n_threads)
    threadpool_limits(n_threads)
