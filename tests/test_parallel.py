"""Threads do every task once, and begin none after an error."""

import os
import subprocess
import sys
import threading
import time

import numba
import pytest
from numba.core.caching import IndexDataCacheFile
from threadpoolctl import threadpool_info, threadpool_limits

from voisin.errors import InputWarning
from voisin.parallel import compiled, one_blas_thread, workers


@pytest.mark.parametrize("n_jobs", [1, 2, 5])
@pytest.mark.parametrize("n_tasks", [0, 1, 100])
def test_every_task_is_done_once(n_jobs, n_tasks):
    done = []

    with workers(n_jobs) as pool:
        pool.each(done.append, range(n_tasks))

    assert sorted(done) == list(range(n_tasks))


def test_an_index_error_of_the_work_is_not_lost():
    with workers(2) as pool, pytest.raises(IndexError):
        pool.each(lambda task: [][task], range(9))


def test_tasks_are_done_side_by_side():
    meeting, met = threading.Barrier(3, timeout=10), []

    with workers(3) as pool:
        pool.each(lambda task: met.append((task, meeting.wait())), range(3))

    assert sorted(task for task, _ in met) == [0, 1, 2]
    assert sorted(place for _, place in met) == [0, 1, 2], "all three waited for one another"


def test_progress_is_reported_in_the_calling_thread():
    calls, threads = [], set()

    def on_progress(done, total):
        calls.append((done, total))
        threads.add(threading.current_thread())

    with workers(3) as pool:
        pool.each(lambda _: None, range(4), on_progress)

    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert threads == {threading.current_thread()}


@pytest.mark.parametrize("from_caller", [True, False])
def test_an_error_comes_out_once_all_threads_rest(from_caller):
    caller, meeting = threading.current_thread(), threading.Barrier(2, timeout=10)
    rested = []

    def work(_):
        meeting.wait()
        if (threading.current_thread() is caller) == from_caller:
            raise ZeroDivisionError
        time.sleep(0.05)
        rested.append(threading.current_thread() is caller)

    with workers(2) as pool:
        with pytest.raises(ZeroDivisionError):
            pool.each(work, range(2))
        assert rested == [not from_caller]


def test_an_error_ends_the_work_that_has_not_begun():
    done = []

    def work(task):
        done.append(task)
        if task == 0:
            raise ZeroDivisionError
        time.sleep(0.01)

    with workers(2) as pool, pytest.raises(ZeroDivisionError):
        pool.each(work, range(100))

    assert len(done) < 10


@pytest.mark.parametrize("limit", ["", "0", "-2", "two"])
@pytest.mark.parametrize("name", ["find_neighbors", "LabelSpreading", "run"])
def test_a_limit_of_threads_that_is_no_number_from_one_is_none(limit, name):
    code = f"import voisin; voisin.{name}; from voisin.parallel import *; import numba"
    code += "; print(available_cores())"

    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "NUMBA_NUM_THREADS": limit},
        capture_output=True,
        text=True,
        check=True,
    )

    assert int(ended.stdout) >= 1


def double(number):
    return 2 * number


def test_a_cache_of_compiled_code_that_cannot_be_written_is_done_without(monkeypatch, tmp_path):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(IndexDataCacheFile, "save", full)

    with pytest.warns(InputWarning, match="Compiled code cannot be kept"):
        assert compiled(double)(21) == 42


def test_a_cache_of_compiled_code_that_was_cut_short_is_made_again(monkeypatch, tmp_path):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    assert compiled(double)(21) == 42
    files = [file for file in tmp_path.rglob("*double*") if file.is_file()]
    for file in files:
        file.write_bytes(b"")

    assert compiled(double)(21) == 42

    assert len(files) == 2
    assert all(file.stat().st_size for file in files)


def test_blas_has_one_thread_while_it_is_asked_for_and_all_again_afterwards():
    def threads():
        return {
            one["internal_api"]: one["num_threads"]
            for one in threadpool_info()
            if one["user_api"] == "blas"
        }

    with threadpool_limits(2, user_api="blas"):
        before = threads()
        with one_blas_thread():
            assert set(threads().values()) == {1}
        assert threads() == before
