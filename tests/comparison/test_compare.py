"""Methods compared on the same draws: what is tried, kept and refused."""

import json
import os
import signal
import subprocess
import sys
import time
import warnings
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.report.reader import Page
from voisin import open_images, run
from voisin.calibration.decision import fit_decision
from voisin.comparison import compare as compare_module
from voisin.comparison.compare import compare
from voisin.errors import (
    ConvergenceWarning,
    InputError,
    InputWarning,
    MissingDependencyError,
    VoisinError,
)
from voisin.evaluation.verdict import Truth, score
from voisin.labeling import registry
from voisin.labeling.graph_only import GraphOnly
from voisin.labeling.peers import scikit_learn
from voisin.labeling.peers.registry import PEERS, Peer
from voisin.pipeline import choose
from voisin.propagation.spreading import LabelSpreading
from voisin.types import Predictions

METHODS = ("spreading", "poisson", "sklearn-spreading")
SETUP = {"embedding": "pixels", "device": "cpu", "methods": METHODS}


@pytest.fixture(scope="module")
def compared(digits_npz, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "compared"
    return compare(digits_npz, out, draws=3, labels_per_class=(1, 4), **SETUP)


def figures_of(trials):
    """What must be equal: all but the time it took."""
    return [replace(one, seconds=0) for one in trials]


def test_every_method_is_tried_on_every_draw_and_number_of_labels_in_every_scope(compared):
    found = [(t.draw, t.labels_per_class, t.method, t.scope) for t in compared.trials]
    scopes = ("unlabeled", "test", "test-no-leak")

    assert len(found) == len(set(found))
    assert set(found) == {
        (d, n, m, s) for d in range(3) for n in (1, 4) for m in METHODS for s in scopes
    }
    sizes = {(t.labels_per_class, t.scope): t.n for t in compared.trials}
    assert sizes[1, "unlabeled"] == 270
    assert sizes[4, "unlabeled"] == 240
    assert sizes[4, "test"] == 80
    assert sizes[4, "test-no-leak"] == 60


def score_as_found(finished, images):
    """Score what a run found on its unlabeled images, before calibration."""
    truth = images.in_split("train").take(finished.result.labels < 0)
    rows = finished.propagation.probabilities
    found = Predictions("found", finished.result.ids, rows, finished.propagation.reached)
    return score(found, Truth.of(truth))


def test_a_draw_on_vectors_without_labels_is_that_of_a_run_with_its_random_state(
    digits_npz, compared, tmp_path
):
    quick = {"epochs": 1, "rounds": 1, "retraining_epochs": 1, "ceiling": False}
    options = {"embedding": "pixels", "method": "spreading", "device": "cpu"}
    finished = run(
        digits_npz, tmp_path / "run", labels_per_class=4, random_state=2, **options, **quick
    )

    expected = score_as_found(finished, open_images(digits_npz))
    (trial,) = [
        t
        for t in compared.trials
        if (t.draw, t.labels_per_class, t.method, t.scope) == (2, 4, "spreading", "unlabeled")
    ]
    assert trial.metrics["auc"] == pytest.approx(expected.auc.value)
    assert trial.metrics["balanced_accuracy"] == pytest.approx(expected.balanced_accuracy.value)
    assert trial.metrics["ece"] == pytest.approx(expected.ece.value)


@pytest.mark.parametrize("decide", ["proportional", "likeliest", "balanced"])
def test_under_class_shares_each_own_method_decides_as_a_run_does(digits_npz, tmp_path, decide):
    shares = np.array([0.55, *[0.05] * 9])
    told = ",".join(f"{c}={share}" for c, share in enumerate(shares))
    options = {"embedding": "pixels", "device": "cpu", "class_priors": told, "decide": decide}
    quick = {"epochs": 1, "rounds": 1, "retraining_epochs": 1, "ceiling": False}
    names = ("spreading", "sklearn-spreading")

    found = compare(
        digits_npz, tmp_path / "c", draws=1, labels_per_class=[4], methods=names, **options
    )
    finished = run(
        digits_npz, tmp_path / "r", labels_per_class=4, method="spreading", **options, **quick
    )

    assert {t.method for t in found.trials} == set(names)
    unlabeled = finished.propagation.probabilities[finished.result.labels < 0]
    decided = fit_decision(unlabeled, shares, decide).apply(unlabeled)
    truth = Truth.of(open_images(digits_npz).in_split("train").take(finished.result.labels < 0))
    expected = score(Predictions("own", truth.ids, unlabeled, labels=decided), truth)
    (trial,) = [t for t in found.trials if (t.method, t.scope) == ("spreading", "unlabeled")]
    assert trial.metrics["balanced_accuracy"] == pytest.approx(expected.balanced_accuracy.value)
    assert trial.metrics["accuracy"] == pytest.approx(expected.accuracy.value)


def test_with_auto_it_says_which_embedding_and_effort_are_compared(
    digits_npz, tmp_path, monkeypatch
):
    monkeypatch.setitem(choose.CANDIDATES_FOR_SMALL, "quick", ("backbone",))
    lines = []
    options = {"device": "cpu", "methods": ("spreading", "harmonic"), "log": lines.append}
    compare(digits_npz, tmp_path / "c", draws=1, labels_per_class=[2], **options)

    assert (
        "Embedding: backbone, as in a run with --effort quick, since each draw trains its networks "
        "anew"
    ) in lines


def test_from_one_label_a_class_shares_are_not_estimated_but_even_and_a_note_says_so(
    digits_npz, tmp_path
):
    names = ("spreading", "consensus", "sklearn-spreading")
    options = {"embedding": "pixels", "device": "cpu", "methods": names, "draws": 2}

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)  # how uncertain the estimate is
        found = compare(
            digits_npz, tmp_path / "a", labels_per_class=(1, 4), class_priors="estimate", **options
        )
    even = compare(digits_npz, tmp_path / "b", labels_per_class=(1,), **options)

    said = {
        name: sum("not be estimated" in line for line in found.notes[name]) for name in names[:2]
    }
    assert said == {"spreading": 2, "consensus": 2}
    assert names[2] not in found.notes
    for name in names[:2]:
        for draw, scope in [(d, s) for d in range(2) for s in ("unlabeled", "test")]:
            (expected,) = [
                t.metrics["auc"]
                for t in even.trials
                if (t.draw, t.method, t.scope) == (draw, name, scope)
            ]
            at_one = {
                t.method: t.metrics["auc"]
                for t in found.trials
                if (t.draw, t.labels_per_class, t.scope) == (draw, 1, scope)
            }
            assert at_one[name] == pytest.approx(expected, abs=1e-6)


class Hasty:
    """Stops early in each of two solutions, and has a reason for what it does."""

    def label(self, problem):
        for _ in range(2):
            warnings.warn("Not solved", ConvergenceWarning, stacklevel=2)
        return replace(GraphOnly(LabelSpreading(alpha=0.9)).label(problem), reason="in a hurry")

    def __repr__(self):
        return "Hasty()"


def test_a_warning_and_the_reason_of_a_method_are_both_kept_once_a_draw(
    digits_npz, tmp_path, monkeypatch
):
    monkeypatch.setitem(registry.METHODS, "hasty", lambda _: Hasty())
    options = {**SETUP, "methods": ("spreading", "hasty"), "draws": 2, "labels_per_class": (2,)}
    found = compare(digits_npz, tmp_path / "out", **options)

    assert found.notes == {"hasty": ("Not solved", "Not solved", "in a hurry", "in a hurry")}
    page = found.page.read_text("utf-8")
    assert "in 2 trials: Not solved" in page
    assert "in 2 trials: in a hurry" in page


def test_rankings_are_asked_by_figure_scope_and_number_of_labels(compared):
    best, *others = compared.rank_methods("accuracy", scope="test", labels_per_class=4)

    assert {best.method, *(one.method for one in others)} == set(METHODS)
    assert all(one.mean <= best.mean for one in others)
    with pytest.raises(InputError, match="`labels_per_class=2` was not compared: there are 1, 4"):
        compared.rank_methods(labels_per_class=2)
    with pytest.raises(InputError, match="unlabeled"):
        compared.rank_methods(scope="val", labels_per_class=4)


def test_the_files_hold_every_trial_and_what_came_of_them(compared):
    table = pq.read_table(compared.folder / "comparison.parquet").to_pylist()
    document = json.loads((compared.folder / "comparison.json").read_text("utf-8"))

    assert table == [one.as_row() for one in compared.trials]
    assert document["draws"] == 3
    assert document["labels_per_class"] == [1, 4]
    assert len(document["results"]) == 2 * 3 * len(METHODS)
    row = document["results"][0]
    ranking = next(
        one
        for one in compared.rank_methods(
            scope=row["scope"], labels_per_class=row["labels_per_class"]
        )
        if one.method == row["method"]
    )
    assert row["auc"]["mean"] == pytest.approx(ranking.mean, abs=1e-6)
    assert row["n_draws"] == 3
    assert compared.page.read_text("utf-8").startswith("<!doctype html>")


def test_a_second_call_tries_nothing_and_another_method_is_tried_alone(
    digits_npz, compared, tmp_path
):
    calls = []

    def progress(task, done, total):
        if task == "Comparing methods":
            calls.append((done, total))

    options = {**SETUP, "draws": 3, "labels_per_class": (1, 4), "progress": progress}
    again = compare(digits_npz, compared.folder, **options)
    assert calls == []
    assert again.trials == compared.trials

    more = {**options, "methods": (*METHODS, "harmonic")}
    compare(digits_npz, compared.folder, **more)
    assert calls[0] == (18, 24)
    assert calls[-1] == (24, 24)


# What is learned, and when


def test_vectors_that_learn_from_labels_are_learned_again_in_each_draw_and_not_kept(
    digits_npz, tmp_path
):
    quick = {"epochs": 1, "rounds": 1, "threshold": 0.1}
    options = {**SETUP, **quick, "embedding": "cnn", "methods": ("spreading", "harmonic")}

    found = compare(digits_npz, tmp_path / "out", draws=2, labels_per_class=(2,), **options)

    by_draw = {t.draw: t.metrics["auc"] for t in found.trials if t.method == "spreading"}
    assert len(set(by_draw.values())) > 1
    kept = {path.name.split("-")[0] for path in (tmp_path / "out" / "cache").iterdir()}
    assert kept == {"read", "trials"}


def test_vectors_that_do_not_learn_from_labels_are_computed_once(compared):
    kept = [path.name for path in (compared.folder / "cache").iterdir()]

    assert sum(name.startswith("embeddings") for name in kept) == 1
    assert sum(name.startswith("graph") for name in kept) == 1


# How it goes on, and how it ends

SCRIPT = """
import os, signal, sys
from voisin.comparison.compare import compare

def die(task, done, total):
    if task == "Comparing methods" and done == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    compare(sys.argv[1], sys.argv[2], draws=3, labels_per_class=(1, 4), embedding="pixels",
            methods=("spreading", "poisson", "sklearn-spreading"), jobs=int(sys.argv[4]),
            device="cpu", progress=die)
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    path = tmp_path_factory.mktemp("script") / "compare_digits.py"
    path.write_text(SCRIPT, encoding="utf-8")
    return path


def start(script, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, str(script), *map(str, arguments)],
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
        **options,
    )


def is_gone(group, seconds=20):
    """Whether every process of a group has ended, waiting for it."""
    for _ in range(10 * seconds):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@needs_signals
def test_killed_with_several_processes_it_leaves_none_and_goes_on_to_the_same_figures(
    script, digits_npz, compared, tmp_path
):
    killed = start(script, digits_npz, tmp_path / "out", 6, 2)
    _, said = killed.communicate()
    assert killed.returncode == -signal.SIGKILL, said
    assert is_gone(killed.pid)
    done = len(list((tmp_path / "out" / "cache").glob("trials-*")))
    assert 6 <= done < 18

    ended = start(script, digits_npz, tmp_path / "out", -1, 1)
    _, said = ended.communicate()
    assert ended.returncode == 0, said

    rows = pq.read_table(tmp_path / "out" / "comparison.parquet").to_pylist()
    assert [{**row, "seconds": 0} for row in rows] == [
        one.as_row() for one in figures_of(compared.trials)
    ]
    leftovers = list((tmp_path / "out").rglob("*.partial"))
    assert leftovers == []


@needs_signals
def test_ctrl_c_ends_the_processes_too_and_says_that_work_is_kept(digits_npz, tmp_path):
    command = ["-m", "voisin", "compare", digits_npz, "--embedding", "pixels", "--draws", "1000"]
    command += [
        "--methods",
        "spreading,poisson",
        "--labels-per-class",
        "2",
        "--jobs",
        "2",
        "--out",
        tmp_path / "out",
    ]
    # A test run in the background may ignore Ctrl-C, and its children would inherit that.
    ignored_or_not = signal.signal(signal.SIGINT, signal.default_int_handler)
    running = start(command[0], *command[1:])
    signal.signal(signal.SIGINT, ignored_or_not)
    for _ in range(600):
        if list((tmp_path / "out" / "cache").glob("trials-*")):
            break
        time.sleep(0.1)

    os.killpg(running.pid, signal.SIGINT)
    _, said = running.communicate(timeout=180)

    assert running.returncode == 130, said
    assert said.splitlines()[-1].startswith("Stopped. Finished work is kept")
    assert "Traceback" not in said
    assert is_gone(running.pid)


# What is refused


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"draws": 0}, "draws=0"),
        ({"labels_per_class": (0,)}, "labels_per_class=0"),
        ({"labels_per_class": ()}, "`labels_per_class` is empty"),
        ({"jobs": 0}, "jobs=0"),
        ({"methods": ("spreading", "magic")}, "'magic' is no method: choose among auto"),
        ({"methods": ("spreading",)}, "Only 1 method to compare"),
        ({"embeding": "pixels"}, "'embeding' is not a setting"),
        ({"labels": "few.csv"}, "`labels_per_class=50` and `labels=few.csv` are both given"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_any_work(digits_npz, tmp_path, changes, words):
    with pytest.raises(InputError, match=words):
        compare(digits_npz, tmp_path / "out", **{**SETUP, **changes})
    assert not (tmp_path / "out" / "cache").exists()


def test_an_alpha_that_no_method_takes_is_said_in_a_warning_and_on_the_page(digits_npz, tmp_path):
    options = {**SETUP, "alpha": 0.5, "draws": 1, "labels_per_class": (2,)}
    said = "`alpha=0.5` has no effect with harmonic, poisson: it is for spreading alone."
    with pytest.warns(InputWarning, match=said):
        found = compare(
            digits_npz, tmp_path / "out", **{**options, "methods": ("harmonic", "poisson")}
        )
    assert said.replace("`", "") in Page(found.page.read_text("utf-8")).text


def test_a_peer_that_is_not_installed_is_left_out_unless_asked_for(
    digits_npz, tmp_path, monkeypatch
):
    absent = Peer("absent", "absent", "no one", "no_such_library", "none")
    monkeypatch.setattr(compare_module, "PEERS", {"absent": absent})
    monkeypatch.setattr(compare_module, "METHODS", {"spreading": None, "harmonic": None})
    said = []

    options = {**SETUP, "methods": None, "draws": 1, "labels_per_class": (4,)}
    found = compare(digits_npz, tmp_path / "out", **options, log=said.append)

    assert {t.method for t in found.trials} == {"spreading", "harmonic"}
    assert any("pip install 'voisin[bench]'" in line for line in said)
    assert "pip install" in found.page.read_text("utf-8")
    with pytest.raises(MissingDependencyError, match=r"absent.*no_such_library"):
        compare(digits_npz, tmp_path / "other", **{**options, "methods": ("spreading", "absent")})


class Broken:
    """Fails as a programming error does."""

    def label(self, problem):
        raise ZeroDivisionError


def test_a_method_of_another_library_that_fails_is_named(digits_npz, tmp_path, monkeypatch):
    monkeypatch.setattr(scikit_learn, "broken", Broken, raising=False)
    peer = Peer("scikit_learn", "broken", "fails", "sklearn", "scikit-learn")
    monkeypatch.setitem(PEERS, "broken", peer)
    options = {**SETUP, "labels_per_class": (2,), "methods": ("spreading", "broken")}

    words = "broken, a method of another library, failed: ZeroDivisionError"
    with pytest.raises(VoisinError, match=words):
        compare(digits_npz, tmp_path / "out", **options)


def test_a_programming_error_in_a_method_of_voisin_is_raised_as_it_is(
    digits_npz, tmp_path, monkeypatch
):
    monkeypatch.setitem(registry.METHODS, "broken", lambda _: Broken())
    options = {**SETUP, "labels_per_class": (2,), "methods": ("spreading", "broken")}

    with pytest.raises(ZeroDivisionError):
        compare(digits_npz, tmp_path / "out", **options)
