"""Learning curves of the benchmark: the same start for all, judged on images nobody asks for."""

import numpy as np
import pytest
from benchmarks.query_comparison.asking import asker
from benchmarks.query_comparison.curves import begin, learning_curves
from benchmarks.query_comparison.savings import labels_to_reach, share
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.querying.problems import blobs
from voisin.errors import VoisinError
from voisin.labeling.registry import make_method

TRUTH = np.arange(120) % 3
METHOD = make_method("spreading", alpha=0.9)


@pytest.fixture(scope="module")
def data():
    return blobs(4, n_samples=120).data


def curves(data, ask):
    return learning_curves(data, TRUTH, ask, METHOD, 2, until=7)


def test_labels_grow_by_two_a_class_and_images_set_apart_stay_hidden(data):
    seen = []

    def ask(problem, labeling, n, candidates):
        seen.append((problem.labels, candidates))
        return candidates[problem.labels[candidates] < 0][:n]

    n_labels, figures, found = curves(data, ask)

    assert n_labels.tolist() == [6, 12, 18, 21]
    assert figures.shape == (2, 4, 3)
    assert found.sum(axis=1).tolist() == [21, 21]
    assert [(labels >= 0).sum() for labels, _ in seen] == [6, 12, 18] * 2
    for labels, candidates in seen:
        assert len(candidates) == 120 - 3 * 12
        assert (labels[np.setdiff1d(np.arange(120), candidates)] == -1).all()


def test_all_start_alike_and_are_judged_on_the_images_set_apart(data):
    figures = [curves(data, asker(name)[0])[1] for name in ("random", "margin")]
    labels, apart, _ = begin(TRUTH, 0)
    problem = blobs(4, n_samples=120)
    given = METHOD.label(type(problem)(data, labels, 3)).propagation.labels
    recalls = [(given[apart] == c)[TRUTH[apart] == c].mean() for c in range(3)]

    assert figures[0][0, 0, 0] == figures[1][0, 0, 0] == pytest.approx(np.mean(recalls))
    assert (figures[0][:, -1] != figures[1][:, -1]).any()


@pytest.mark.parametrize("wrong", ["twice", "labeled", "apart", "too few"])
def test_who_asks_for_what_may_not_be_asked_for_is_refused(data, wrong):
    def ask(problem, labeling, n, candidates):
        rows = candidates[problem.labels[candidates] < 0][:n]
        others = {"labeled": np.flatnonzero(problem.labels >= 0)[0], "twice": rows[1]}
        others["apart"] = np.setdiff1d(np.arange(120), candidates)[0]
        return rows[1:] if wrong == "too few" else np.append(rows[1:], others[wrong])

    with pytest.raises(VoisinError, match="did not ask for 6 images"):
        curves(data, ask)


def test_labels_for_a_level_lie_on_the_line_between_two_steps():
    n_labels, curve = np.array([10, 20, 30]), np.array([0.2, 0.4, 0.8])

    assert labels_to_reach(n_labels, curve, 0.6) == pytest.approx(25)
    assert labels_to_reach(n_labels, curve, 0.1) == 10
    assert labels_to_reach(n_labels, curve, 0.9) == float("inf")


@given(arrays(float, 4, elements=st.floats(0, 1, width=16)))
def test_the_curve_of_random_saves_nothing(curve):
    n_labels = np.array([10, 20, 30, 40])
    assert all(0 < share(n_labels, curve, curve, step) <= 1 for step in range(4))
    rising = np.sort(curve) + np.arange(4)
    assert share(n_labels, rising, rising, 3) == pytest.approx(1)


def test_one_lucky_step_decides_nothing():
    n_labels, chance = np.array([10, 20, 30, 40]), np.array([0.1, 0.2, 0.3, 0.4])
    assert share(n_labels, np.array([0.1, 0.45, 0.2, 0.42]), chance, 3) > 0.75
