"""Query strategies compared: the same start for all, and nothing done twice."""

import json
import signal
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest

from voisin import open_images
from voisin.errors import InputError, MissingDependencyError, VoisinError
from voisin.labeling.peers import Peer
from voisin.pipeline import compare_queries, query_trials
from voisin.pipeline.query_curves import FIGURES

STRATEGIES = ("mixed", "margin")
NAMES = ("random", *STRATEGIES)
SETUP = {
    "embedding": "pixels",
    "device": "cpu",
    "strategies": STRATEGIES,
    "labels_per_class": (1, 4),
    "batch": 15,
}
N_LABELS = [10, 25, 40]


@pytest.fixture(scope="module")
def compared(digits_npz, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "compared"
    return compare_queries(digits_npz, out, draws=3, **SETUP)


def pool_of(path):
    """The images of the graph, in its order."""
    images = open_images(path)
    images = images.take(np.argsort(images.ids))
    return images.take(images.splits == "train")


def test_every_strategy_starts_alike_and_ends_with_as_many_labels(compared):
    assert compared.curves.n_labels.tolist() == N_LABELS
    for name in NAMES:
        assert compared.curves.of(name).shape == (3, 3)
        assert (compared.curves.found[name].sum(axis=1) == 40).all()
        np.testing.assert_array_equal(
            compared.curves.figures[name][:, 0], compared.curves.figures["random"][:, 0]
        )
    assert len({tuple(row) for row in compared.curves.asked["random"].tolist()}) == 3


def test_no_two_images_of_a_group_are_asked_for_in_a_draw(digits_npz, compared):
    groups = pool_of(digits_npz).groups

    for name in NAMES:
        for row in compared.curves.asked[name]:
            assert len(np.unique(groups[row])) == len(row) == 30


def test_the_files_hold_every_point_and_what_came_of_them(compared):
    rows = pq.read_table(compared.folder / "queries.parquet").to_pylist()
    document = json.loads((compared.folder / "queries.json").read_text("utf-8"))

    assert [(r["strategy"], r["draw"], r["n_labels"]) for r in rows] == [
        (s, d, n) for s in NAMES for d in range(3) for n in N_LABELS
    ]
    for row in rows:
        found = compared.curves.figures[row["strategy"]][row["draw"]]
        assert [row[f] for f in FIGURES] == found[N_LABELS.index(row["n_labels"])].tolist()
    assert [one["strategy"] for one in document["results"]] == [s.name for s in compared.savings]
    first = document["results"][0]
    assert first["labels_needed"]["mean"] == pytest.approx(compared.savings[0].mean, rel=1e-5)
    assert first["curves"]["auc"][-1] == pytest.approx(
        compared.curves.mean(first["strategy"], "auc")[-1], rel=1e-5
    )
    assert document["settings"]["method"] == "consensus"
    assert compared.page.read_text("utf-8").startswith("<!doctype html>")


def test_a_second_call_follows_nothing_and_another_strategy_is_followed_alone(digits_npz, compared):
    told = []

    def progress(task, done, total):
        if task == "Following strategies":
            told.append((done, total))

    again = compare_queries(digits_npz, compared.folder, draws=3, progress=progress, **SETUP)
    assert told == []
    assert str(again.savings) == str(compared.savings)  # random has NaN, which equals nothing

    more = {**SETUP, "strategies": (*STRATEGIES, "coverage")}
    compare_queries(digits_npz, compared.folder, draws=3, progress=progress, **more)
    assert told == [(9, 12), (10, 12), (11, 12), (12, 12)]


def test_draw_d_is_the_first_draw_of_random_state_d(digits_npz, compared, tmp_path):
    """Vectors that do not learn from labels are those of the other random state, too."""
    other = compare_queries(digits_npz, tmp_path / "out", draws=1, random_state=2, **SETUP)

    for name in NAMES:
        np.testing.assert_array_equal(other.curves.asked[name][0], compared.curves.asked[name][2])
        np.testing.assert_array_equal(
            other.curves.figures[name][0], compared.curves.figures[name][2]
        )


# What is learned, and when


def test_vectors_that_learn_from_labels_are_learned_after_each_batch_and_not_kept(
    digits_npz, tmp_path
):
    linked = []

    def progress(task, done, total):
        if task == "Finding neighbors" and done == total:
            linked.append(task)

    quick = {
        "epochs": 1,
        "rounds": 1,
        "threshold": 0.1,
        "embedding": "cnn",
        "strategies": ["margin"],
    }
    compare_queries(digits_npz, tmp_path / "out", draws=1, progress=progress, **{**SETUP, **quick})

    assert len(linked) == 2 * len(N_LABELS)
    kept = {path.name.rpartition("-")[0] for path in (tmp_path / "out" / "cache").iterdir()}
    assert kept == {"read", "query-curve"}


# How it goes on

SCRIPT = """
import os, signal, sys
from voisin.pipeline import compare_queries

def die(task, done, total):
    if task == "Following strategies" and done == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    compare_queries(sys.argv[1], sys.argv[2], draws=3, labels_per_class=(1, 4), batch=15,
                    strategies=("mixed", "margin"), embedding="pixels", jobs=int(sys.argv[4]),
                    device="cpu", progress=die)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_killed_with_several_processes_it_goes_on_to_the_same_figures(
    digits_npz, compared, tmp_path
):
    script = tmp_path / "compare_digits.py"
    script.write_text(SCRIPT, encoding="utf-8")

    def start(die_at, jobs):
        command = [sys.executable, script, digits_npz, tmp_path / "out", str(die_at), str(jobs)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    killed = start(3, 2)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (tmp_path / "out" / "queries.html").exists()
    done = len(list((tmp_path / "out" / "cache").glob("query-curve-*")))
    assert 3 <= done < 9

    ended = start(-1, 1)
    assert ended.returncode == 0, ended.stderr
    tables = [
        pq.read_table(folder / "queries.parquet") for folder in (tmp_path / "out", compared.folder)
    ]
    rows = [[row for row in table.to_pylist() if row["strategy"] in NAMES] for table in tables]
    assert rows[0] == rows[1]


# What is refused


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"draws": 0}, "draws=0"),
        ({"jobs": 0}, "jobs=0"),
        ({"batch": 0}, "batch=0"),
        ({"labels_per_class": (5,)}, "labels_per_class=5: a comparison of queries needs two"),
        ({"labels_per_class": (5, 2)}, "labels_per_class=5, 2: a comparison of queries needs two"),
        ({"strategies": ("mixed", "magic")}, "'magic' is no strategy: choose among mixed, random"),
        ({"strategies": ("random",)}, "random is what all are compared with"),
        ({"method": "magic"}, "method='magic' is not known: choose one of auto"),
        ({"test_share": 0}, r"test_share=0 is outside \(0, 1\)"),
        ({"embeding": "pixels"}, "'embeding' is not a setting"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_any_work(digits_npz, tmp_path, changes, words):
    with pytest.raises(InputError, match=words):
        compare_queries(digits_npz, tmp_path / "out", **{**SETUP, **changes})
    assert not (tmp_path / "out" / "cache").exists()


def test_too_few_images_are_refused_in_one_line(digits_npz, tmp_path):
    images = pool_of(digits_npz)
    kept = (images.labels != 3) | (np.cumsum(images.labels == 3) <= 2)
    with pytest.raises(InputError, match=r"^3 has too few images: 0 set apart to judge by and"):
        compare_queries(images.take(kept), tmp_path / "out", **SETUP)
    with pytest.raises(
        InputError, match="50 labels a class are 500 answers, too many for the 115 of 280"
    ):
        compare_queries(images, tmp_path / "out", **{**SETUP, "labels_per_class": (2, 50)})


def test_a_peer_that_is_not_installed_is_left_out_unless_asked_for(
    digits_npz, tmp_path, monkeypatch
):
    absent = Peer("absent", "absent", "no one", "no_such_library", "none")
    monkeypatch.setattr(query_trials, "PEERS", {"absent": absent})
    monkeypatch.setattr(query_trials, "STRATEGIES", {"random": None, "margin": None})
    said = []

    options = {**SETUP, "strategies": None, "draws": 1}
    found = compare_queries(digits_npz, tmp_path / "out", **options, announce=said.append)

    assert {one.name for one in found.savings} == {"random", "margin"}
    assert any("pip install 'voisin[bench]'" in line for line in said)
    assert "pip install" in found.page.read_text("utf-8")
    with pytest.raises(MissingDependencyError, match=r"absent.*no_such_library"):
        compare_queries(digits_npz, tmp_path / "other", **{**options, "strategies": ("absent",)})


def test_a_strategy_that_fails_is_named(digits_npz, tmp_path, monkeypatch):
    class Broken:
        def suggest(self, *_, **__):
            raise ZeroDivisionError

    monkeypatch.setattr(query_trials, "_make", lambda _: Broken())
    with pytest.raises(VoisinError, match="random failed: ZeroDivisionError"):
        compare_queries(digits_npz, tmp_path / "out", **{**SETUP, "draws": 1})
