"""Tasks in processes of their own: each done once, each process with its share of the cores."""

import os
from functools import partial
from pathlib import Path

import pytest

from voisin.comparison.executor import run_in_processes
from voisin.errors import InputError, VoisinError
from voisin.parallel import available_cores


def start_writing(folder):
    def write(task):
        with Path(folder, f"{task}.txt").open("x") as file:  # fails if a task is done twice
            file.write(f"{os.getpid()} {available_cores()} {os.environ['OMP_NUM_THREADS']}")

    return write


def start_failing():
    def fail(task):
        if task == "die":
            os._exit(9)
        message = f"{task} is wrong"
        raise InputError(message)

    return fail


def test_every_task_is_done_once_in_another_process_with_its_share_of_the_cores(tmp_path):
    finished = []

    run_in_processes(partial(start_writing, tmp_path), ["a", "b", "c"], 2, finished.append)

    notes = [(tmp_path / f"{task}.txt").read_text().split() for task in "abc"]
    assert sorted(finished) == [0, 1, 2]
    assert str(os.getpid()) not in {pid for pid, _, _ in notes}
    share = str(max(1, available_cores() // 2))
    assert {(cores, threads) for _, cores, threads in notes} == {(share, share)}


@pytest.mark.parametrize(
    ("task", "error", "words"),
    [("size", InputError, "size is wrong"), ("die", VoisinError, "try fewer jobs")],
)
def test_an_error_and_a_death_are_raised_here(task, error, words):
    with pytest.raises(error, match=words):
        run_in_processes(start_failing, [task], 1, lambda _: None)
