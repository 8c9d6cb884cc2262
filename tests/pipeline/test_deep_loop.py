"""The deep loop: what it is taught, what it never sees, and when it stops."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from tests.pipeline.test_context import context
from tests.pipeline.test_run import QUICK
from voisin import open_images, run
from voisin.embedding.networks.simple_cnn import SimpleCNN
from voisin.pipeline import deep_loop
from voisin.pipeline.classifiers import weighted_labels
from voisin.pipeline.context import Context
from voisin.pipeline.deep_loop import LoopRound
from voisin.pipeline.label import label_images
from voisin.training import fine_tuning
from voisin.training.fine_tuning import FineTuning
from voisin.types import Propagation

QUICK_LOOP = {"embedding": "cnn-augmented", "method": "spreading", "loop_rounds": 1}


@pytest.fixture(autouse=True)
def _short_lessons(monkeypatch):
    monkeypatch.setattr("voisin.pipeline.networks._FEWEST_EPOCHS", 1)
    monkeypatch.setattr(fine_tuning, "FineTuning", partial(FineTuning, epochs=1))


def test_a_lesson_weighs_given_labels_most_and_classes_evenly(tmp_path):
    task = context(tmp_path).experiment
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.full(10, 0.1), len(task.labels))
    reached = rng.random(len(task.labels)) > 0.1
    lesson = weighted_labels(task, Propagation(probabilities, reached, 1, 0.0, True), balanced=True)

    given = task.labels >= 0
    np.testing.assert_array_equal(lesson.labels[given], task.labels[given])
    assert (lesson.weights[~reached & ~given] == 0).all()
    taught = lesson.weights > 0
    mass = np.bincount(lesson.labels[taught], lesson.weights[taught], minlength=10)
    np.testing.assert_allclose(mass, mass[0])


def looped(there):
    graph_data = there.graph_data()
    return deep_loop.run_deep_loop(there, graph_data, label_images(there, graph_data))


@pytest.fixture
def _helps(monkeypatch):
    """Let the first round be worth taking, whatever it finds."""
    judge = deep_loop._judge
    monkeypatch.setattr(
        deep_loop, "_judge", lambda number, said: replace(judge(number, said), log_loss=-number)
    )


def test_labels_held_out_have_no_part_in_settings_vectors_or_what_is_found_for_them(tmp_path):
    found = []
    for shift in (0, 1):
        there = context(tmp_path / str(shift), **{**QUICK_LOOP, "method": "consensus"})
        problem = there.problem(there.graph_data())
        fold = problem.folds[1]
        labels = problem.labels.copy()
        labels[fold.held_out] = (labels[fold.held_out] + shift) % 10
        told = replace(there, experiment=replace(there.experiment, labels=labels))
        loop = deep_loop._run_without(told, replace(problem, labels=labels), fold)
        found.append([next(loop).probabilities, next(loop).probabilities])
    np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.usefixtures("_helps")
def test_after_the_loop_every_label_was_held_out_from_a_loop_of_as_many_rounds(tmp_path):
    there = context(tmp_path, **QUICK_LOOP)
    problem = there.problem(there.graph_data())
    after = looped(there).labeled.held_out

    np.testing.assert_array_equal(after.rows, np.flatnonzero(there.experiment.labels >= 0))
    np.testing.assert_array_equal(after.labels, there.experiment.labels[after.rows])
    assert len(problem.folds) == 5
    for number, fold in enumerate(problem.folds):
        here = after.folds == number
        np.testing.assert_array_equal(after.rows[here], fold.held_out)
        loop = deep_loop._run_without(there, problem, fold)
        before, once = next(loop), next(loop)
        np.testing.assert_array_equal(after.probabilities[here], once.probabilities)
        assert not np.array_equal(before.probabilities, once.probabilities)


@pytest.mark.usefixtures("_helps")
def test_labels_of_a_group_are_held_out_together(tmp_path):
    there = context(tmp_path, **QUICK_LOOP)
    labels = there.experiment.labels
    groups = np.arange(len(labels)).astype(str)
    for c in range(10):
        first, second, *_ = np.flatnonzero(labels == c)
        groups[second] = groups[first]
    there = replace(
        there,
        experiment=replace(there.experiment, pool=replace(there.experiment.pool, groups=groups)),
    )
    after = looped(there).labeled.held_out

    folds_of = [set(after.folds[groups[after.rows] == name]) for name in groups[after.rows]]
    assert {len(folds) for folds in folds_of} == {1}


@pytest.mark.parametrize("helps", [True, False])
def test_the_loop_is_taken_as_far_as_it_helped_held_out_labels(tmp_path, monkeypatch, helps):
    losses = iter([1.0, 0.5 if helps else 1.5])
    monkeypatch.setattr(deep_loop, "_judge", lambda number, _: LoopRound(number, next(losses), 0.9))
    gone = []
    go_round = deep_loop._go_round
    monkeypatch.setattr(deep_loop, "_go_round", lambda *one: gone.append(1) or go_round(*one))
    there = context(tmp_path, **QUICK_LOOP)
    graph_data = there.graph_data()
    labeled = label_images(there, graph_data)
    found = deep_loop.run_deep_loop(there, graph_data, labeled)

    assert len(found.rounds) == 2
    assert (found.graph_data is not graph_data) == helps
    assert found.note.startswith("deep loop: 1 round (" if helps else "deep loop: 0 rounds (")
    assert found.labeled.labeling.reason == found.note
    assert len(gone) == (5 + 1 if helps else 1)  # a fold each and all labels, or the first alone
    if not helps:
        assert found.labeled.held_out is labeled.held_out


@pytest.mark.usefixtures("_helps")
def test_the_network_that_learns_takes_the_place_of_an_expert_of_ones_own(tmp_path):
    torch.manual_seed(0)
    torch.save(SimpleCNN(1, 10).state_dict(), tmp_path / "own.pth")
    there = context(
        tmp_path / "cache",
        **{**QUICK_LOOP, "embedding": "cnn", "expert_network": tmp_path / "own.pth"},
    )
    found = looped(there)

    assert len(found.rounds) == 2
    assert not np.allclose(found.graph_data.data.embeddings, there.graph_data().data.embeddings)
    np.testing.assert_array_equal(
        found.labeled.held_out.rows, np.flatnonzero(there.experiment.labels >= 0)
    )


@pytest.mark.parametrize(("method", "trains"), [("spreading", 0), ("classifier", 4)])
def test_networks_are_trained_without_two_folds_only_if_a_setting_is_to_be_chosen(
    tmp_path, monkeypatch, method, trains
):
    there = context(tmp_path, **{**QUICK_LOOP, "method": method})
    problem = there.problem(there.graph_data())
    known = []
    with_labels = Context.with_labels
    monkeypatch.setattr(
        Context,
        "with_labels",
        lambda self, labels: known.append(labels) or with_labels(self, labels),
    )
    next(deep_loop._run_without(there, problem, problem.folds[0]))

    without_one, *without_two = [set(np.flatnonzero(labels >= 0)) for labels in known]
    folds = [set(fold.held_out) for fold in problem.folds]
    every = set.union(*folds)
    assert without_one == every - folds[0]
    assert without_two == [every - folds[0] - other for other in folds[1:]][:trains]


def test_without_labels_to_hold_out_it_says_so_in_a_line_and_there_is_no_loop(tmp_path):
    there = context(tmp_path, **{**QUICK_LOOP, "method": "consensus"})
    one_each = np.full_like(there.experiment.labels, -1)
    for c in range(10):
        one_each[np.flatnonzero(there.experiment.labels == c)[0]] = c
    there = replace(there, experiment=replace(there.experiment, labels=one_each))
    graph_data = there.graph_data()
    labeled = label_images(there, graph_data)
    found = deep_loop.run_deep_loop(there, graph_data, labeled)
    assert found.rounds == ()
    assert found.graph_data is graph_data
    assert found.note.startswith("deep loop: no round, as no label can be held out")
    assert found.labeled.labeling.reason == f"{labeled.labeling.reason}; {found.note}"


def test_a_run_without_labels_to_hold_out_says_once_that_there_was_no_loop(tmp_path):
    lines = []
    images = open_images("digits").take(np.arange(200))
    run(
        images,
        tmp_path / "out",
        labels_per_class=1,
        loop_rounds=1,
        ceiling=False,
        log=lines.append,
        **{**QUICK, "embedding": "cnn-augmented"},
    )
    said = [line.strip() for line in lines if "consensus" in line or "deep loop" in line]
    assert [line.partition(",")[0] for line in said] == ["consensus", "deep loop: no round"]
