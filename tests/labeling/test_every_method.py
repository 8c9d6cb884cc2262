"""What every labeling method promises, whatever its equations."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from tests.labeling.problems import clouds, few_labels, keep_few, problem_of, view_of
from voisin.errors import InputError
from voisin.labeling.induction import induce
from voisin.labeling.registry import METHODS, make_method
from voisin.types import Problem

every_method = pytest.mark.parametrize("name", METHODS)


@every_method
@settings(max_examples=3)
@given(seed=st.integers(0, 99), n=st.sampled_from([1, 2, 5]))
def test_rows_sum_to_one_for_the_images_of_the_graph_and_for_new_ones(name, seed, n):
    problem, _ = few_labels(n, seed)

    found = make_method(name).label(problem)

    for rows, count in ((found.propagation.probabilities, 90), (found.new_probabilities, 10)):
        assert rows.shape == (count, 3)
        assert (rows >= 0).all()
        np.testing.assert_allclose(rows.sum(axis=1), 1, rtol=1e-6)
    assert found.new_reached.shape == (10,)


@every_method
def test_most_images_of_clouds_that_lie_apart_get_their_class(name):
    problem, truth = few_labels(5)

    found = make_method(name).label(problem)

    assert (found.propagation.labels == truth).mean() > 0.8


@every_method
@pytest.mark.parametrize("n", [1, 4])
def test_the_method_that_is_returned_has_no_choice_left_and_finds_the_same(name, n):
    problem, _ = few_labels(n)

    found = make_method(name).label(problem)
    again = found.method.label(replace(problem, folds=()))

    np.testing.assert_allclose(again.propagation.probabilities, found.propagation.probabilities)
    np.testing.assert_allclose(again.new_probabilities, found.new_probabilities)


@every_method
def test_images_that_come_later_get_what_they_would_have_got_with_the_others(name):
    problem, _ = few_labels(4)
    data = problem.data
    nobody = replace(data, new_embeddings=data.new_embeddings[:0], new_neighbors=None)

    found = make_method(name).label(problem)
    before = make_method(name).label(replace(problem, data=nobody))
    reached = before.propagation.reached
    later, answered = induce(before.induction, data.new_embeddings, data.new_neighbors, reached)

    np.testing.assert_allclose(later, found.new_probabilities, atol=1e-9)
    assert (answered == found.new_reached).all()


@every_method
def test_a_class_without_labels_takes_no_image(name):
    vectors, truth = clouds()
    labels = keep_few(truth, 4)

    found = make_method(name).label(problem_of(vectors, labels, n_classes=4))

    assert found.propagation.probabilities.shape == (90, 4)
    assert (found.propagation.labels < 3).all()


@every_method
def test_unequal_numbers_of_labels_do_not_sway_the_method(name):
    vectors, truth = clouds()
    labels = keep_few(truth, 12)
    labels[np.flatnonzero(labels == 1)[1:]] = -1
    labels[np.flatnonzero(labels == 2)[3:]] = -1

    found = make_method(name).label(problem_of(vectors, labels))

    shares = np.bincount(found.propagation.labels, minlength=3) / 90
    assert shares.min() > 0.15


@every_method
def test_class_shares_that_are_told_move_the_probabilities_their_way(name):
    problem, _ = few_labels(5)
    told = replace(problem, class_priors=np.array([0.9, 0.05, 0.05]))
    method = make_method(name).label(problem).method

    before, after = method.label(problem), method.label(told)

    gain = after.propagation.probabilities[:, 0] - before.propagation.probabilities[:, 0]
    assert gain.mean() > 0.01
    assert after.new_probabilities[:, 0].mean() > before.new_probabilities[:, 0].mean()


@every_method
def test_the_form_of_the_scores_is_kept_where_it_is_said(name):
    problem, _ = few_labels(5)

    found = make_method(name).label(problem)

    if found.initial_scores is None:
        return
    degrees = problem.data.affinity.sum(axis=1)
    smoother = problem.data.affinity.toarray() / np.sqrt(np.outer(degrees, degrees))
    scores = np.linalg.solve(
        np.eye(90) - found.alpha * smoother, (1 - found.alpha) * found.initial_scores
    )
    scores /= scores.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.propagation.probabilities, scores, atol=1e-5)


@every_method
def test_images_that_no_edge_reaches_get_a_distribution_all_the_same(name):
    vectors, truth = clouds()
    data = view_of(vectors)
    alone = sparse.lil_array(data.affinity)
    alone[7], alone[:, 7] = 0, 0
    data = replace(data, affinity=alone.tocsr())
    labels = keep_few(truth, 4)
    labels[7] = -1

    found = make_method(name).label(Problem(data, labels, 3)).propagation

    assert found.probabilities[7].sum() == pytest.approx(1)
    assert found.reached.sum() >= 89
    if not found.reached[7]:
        assert found.labels[7] == -1


def test_an_unknown_method_is_refused_with_the_ones_there_are():
    with pytest.raises(
        InputError, match=r"`method='votes'` is not known: choose one of .*spreading"
    ):
        make_method("votes")
