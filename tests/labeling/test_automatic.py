"""What is chosen for those who choose nothing."""

from dataclasses import replace

import numpy as np
import pytest

from tests.labeling.problems import clouds, few_labels, keep_few, problem_of, relabel, view_of
from voisin.labeling.automatic import Automatic
from voisin.labeling.consensus import SmoothedClassifier
from voisin.labeling.cross_validation import make_folds
from voisin.labeling.graph_only import GraphOnly
from voisin.labeling.registry import make_method
from voisin.types import Fold, GraphData, Problem


@pytest.mark.parametrize("n", [1, 2])
def test_too_few_labels_to_compare_by_are_told_so(n):
    problem, _ = few_labels(n)

    found = Automatic().label(problem)

    assert found.reason.startswith("consensus, the rule where a class has fewer than 3 labels")
    assert isinstance(found.method, SmoothedClassifier)


def test_the_reason_has_the_figures_of_every_candidate():
    problem, _ = few_labels(5)
    reason = Automatic().label(problem).reason
    assert "log loss" in reason
    assert "15 labels held out in turn" in reason
    for name in ("consensus", "correct-and-smooth", "classifier", "spreading", "poisson"):
        assert name in reason


def test_a_graph_that_knows_all_beats_vectors_that_know_nothing():
    vectors, truth = clouds()
    noise = np.random.default_rng(0).standard_normal(vectors.shape).astype(np.float32)
    data = GraphData(
        noise, view_of(np.eye(3, 6)[truth] + np.float32(0.1) * vectors).affinity, noise[:0]
    )
    labels = keep_few(truth, 10)
    folds = tuple(Fold(rows, data) for rows in make_folds(labels))

    found = Automatic().label(Problem(data, labels, 3, folds))

    assert isinstance(found.method, GraphOnly)
    assert found.reason.startswith(("spreading: ", "poisson: "))


def test_the_choice_does_not_hang_on_the_class_shares():
    problem, _ = few_labels(5)
    told = replace(problem, class_priors=np.array([0.8, 0.1, 0.1]))
    assert Automatic().label(problem).method == Automatic().label(told).method


@pytest.mark.parametrize("name", ["smoothed-classifier", "consensus", "correct-and-smooth"])
def test_settings_are_chosen_without_the_held_out_labels_of_each_fold(name, monkeypatch):
    """Whatever a fold's labels are, what is said of its images while choosing stays the same."""
    from voisin.labeling import consensus as smoothed_classifier
    from voisin.labeling import correct_and_smooth

    seen = []

    def note(found, labels, default):
        seen.append(found)
        return default

    problem, _ = few_labels(4)
    method = make_method(name)
    for module in (correct_and_smooth, smoothed_classifier):
        monkeypatch.setattr(module, "select_by_held_out", note)
    classifier = replace(method.classifier, strength=3.0, temperature=1.0)
    fold = problem.folds[0].held_out
    for one in (problem, relabel(problem, fold, (problem.labels[fold] + 1) % 3)):
        replace(method, classifier=classifier).select_settings(one)

    honest, changed = seen
    for before, after in zip(honest, changed, strict=True):
        np.testing.assert_array_equal(before[: len(fold)], after[: len(fold)])
        assert (before[len(fold) :] != after[len(fold) :]).any()


def test_unequal_and_missing_classes_are_no_obstacle():
    vectors, truth = clouds()
    labels = keep_few(truth, 6)
    labels[np.flatnonzero(labels == 2)[3:]] = -1
    found = Automatic().label(problem_of(vectors, labels, n_classes=5))
    assert (found.propagation.labels < 3).all()
