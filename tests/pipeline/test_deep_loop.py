"""The deep loop: what it is taught, what it never sees, and when it stops."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from tests.pipeline.test_views import viewpoint
from voisin.labeling import make_method
from voisin.pipeline import deep_loop
from voisin.pipeline.deep_loop import LoopRound
from voisin.pipeline.labeling import label
from voisin.pipeline.stages import lesson_of
from voisin.training import fine_tuning
from voisin.training.fine_tuning import FineTuning
from voisin.types import Propagation

QUICK_LOOP = {"embedding": "cnn-augmented", "method": "spreading", "loop_rounds": 1}


@pytest.fixture(autouse=True)
def _short_lessons(monkeypatch):
    monkeypatch.setattr("voisin.pipeline.networks._FEWEST_EPOCHS", 1)
    monkeypatch.setattr(fine_tuning, "FineTuning", partial(FineTuning, epochs=1))


def test_a_lesson_weighs_given_labels_most_and_classes_evenly(tmp_path):
    task = viewpoint(tmp_path).task
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.full(10, 0.1), len(task.labels))
    reached = rng.random(len(task.labels)) > 0.1
    lesson = lesson_of(task, Propagation(probabilities, reached, 1, 0.0, True), even=True)

    given = task.labels >= 0
    np.testing.assert_array_equal(lesson.labels[given], task.labels[given])
    assert (lesson.weights[~reached & ~given] == 0).all()
    taught = lesson.weights > 0
    mass = np.bincount(lesson.labels[taught], lesson.weights[taught], minlength=10)
    np.testing.assert_allclose(mass, mass[0])


def test_labels_held_out_have_no_part_in_what_is_found_for_them(tmp_path):
    found = []
    for shift in (0, 1):
        there = viewpoint(tmp_path / str(shift), **QUICK_LOOP)
        problem = there.problem(there.sight())
        rows = problem.folds[0].held_out
        labels = problem.labels.copy()
        labels[rows] = (labels[rows] + shift) % 10
        told = replace(there, task=replace(there.task, labels=labels))
        _, held_out = deep_loop._watch(
            told, make_method("spreading"), replace(problem, labels=labels), 1
        )
        found.append([one.probabilities for one in held_out])
    np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.parametrize("helps", [True, False])
def test_the_loop_is_taken_as_far_as_it_helped_held_out_labels(tmp_path, monkeypatch, helps):
    losses = iter([1.0, 0.5 if helps else 1.5])
    monkeypatch.setattr(deep_loop, "_judge", lambda number, _: LoopRound(number, next(losses), 0.9))
    there = viewpoint(tmp_path, **QUICK_LOOP)
    sight = there.sight()
    labeled = label(there, sight)
    looped = deep_loop.deep_loop(there, sight, labeled)

    assert len(looped.rounds) == 2
    assert (looped.sight is not sight) == helps
    expected = "1 round" if helps else "0 rounds"
    assert f"deep loop: {expected}" in looped.labeled.reason


def test_without_labels_to_hold_out_there_is_no_loop(tmp_path):
    there = viewpoint(tmp_path, **{**QUICK_LOOP, "embedding": "pixels"})
    one_each = np.full_like(there.task.labels, -1)
    for c in range(10):
        one_each[np.flatnonzero(there.task.labels == c)[0]] = c
    there = replace(there, task=replace(there.task, labels=one_each))
    sight = there.sight()
    looped = deep_loop.deep_loop(there, sight, label(there, sight))
    assert looped.rounds == ()
    assert looped.sight is sight
