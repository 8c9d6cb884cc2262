"""Labels that their surroundings contradict: the closed form against refits, and wrong labels."""

import numpy as np
import pytest
from scipy import sparse

from voisin.audit.suspect_labels import leave_one_out, out_of_fold_probabilities, rank_labels
from voisin.calibration.prior_shift import weigh_by_class
from voisin.errors import InputError
from voisin.neighbors.affinity import build_affinity
from voisin.neighbors.search import find_neighbors
from voisin.propagation.spreading import LabelSpreading


def clusters(n_of_each=40, n_classes=3, random_state=0, apart=3.0):
    generator = np.random.default_rng(random_state)
    centers = apart * generator.standard_normal((n_classes, 8))
    truth = np.repeat(np.arange(n_classes), n_of_each)
    vectors = (centers[truth] + generator.standard_normal((len(truth), 8))).astype(np.float32)
    return vectors, truth


def few_of(truth, n_of_each, random_state=0):
    generator = np.random.default_rng(random_state)
    labels = np.full(len(truth), -1)
    for c in np.unique(truth):
        labels[generator.choice(np.flatnonzero(truth == c), n_of_each, replace=False)] = c
    return labels


def refit_without(affinity, labels, image, alpha, n_classes):
    others = labels.copy()
    others[image] = -1
    method = LabelSpreading(alpha=alpha, tol=1e-12)
    return method.propagate(
        affinity, others, n_classes=n_classes, sample_weight=weigh_by_class(others)
    )


@pytest.mark.parametrize("alpha", [0.3, 0.9, 0.99])
@pytest.mark.parametrize("random_state", [0, 1])
def test_a_label_left_out_in_closed_form_is_a_refit_without_it(alpha, random_state):
    vectors, truth = clusters(random_state=random_state, apart=0.7)
    labels = few_of(truth, 6, random_state)
    labels[np.flatnonzero(labels == 2)[:3]] = -1  # uneven classes
    affinity = build_affinity(find_neighbors(vectors, 8))

    found = leave_one_out(affinity, labels, n_classes=3, alpha=alpha, tol=1e-12)

    assert (found.max(axis=1) < 0.99).all(), "the classes must overlap for this to tell anything"
    for row, image in enumerate(np.flatnonzero(labels >= 0)):
        refit = refit_without(affinity, labels, image, alpha, 3)
        np.testing.assert_allclose(found[row], refit.probabilities[image], atol=1e-9)


def test_the_only_label_of_a_part_of_the_graph_is_judged_by_nobody():
    graph = sparse.csr_array(sparse.block_diag([np.ones((2, 2)) - np.eye(2)] * 2))
    found = leave_one_out(graph, np.array([0, 1, 1, -1]), n_classes=2)
    assert np.isnan(found[2]).all()
    assert rank_labels(np.array([0, 1, 1, -1]), found).rows[-1] == 2


def test_more_labels_than_are_solved_for_at_a_time_make_no_difference():
    vectors, truth = clusters(apart=0.7)
    affinity = build_affinity(find_neighbors(vectors, 8))
    told = []
    found = leave_one_out(
        affinity, truth, n_classes=3, tol=1e-12, progress=lambda *news: told.append(news[1:])
    )
    assert told[-1] == (120, 120)
    for image in (0, 40, 119):
        refit = refit_without(affinity, truth, image, 0.9, 3)
        np.testing.assert_allclose(found[image], refit.probabilities[image], atol=1e-9)


def test_wrong_labels_are_the_most_suspect_and_their_true_class_is_suggested():
    vectors, truth = clusters()
    labels = few_of(truth, 20)
    wrong = np.random.default_rng(1).choice(np.flatnonzero(labels >= 0), 6, replace=False)
    labels[wrong] = (labels[wrong] + 1) % 3
    affinity = build_affinity(find_neighbors(vectors, 8))

    found = rank_labels(
        labels,
        leave_one_out(affinity, labels, n_classes=3),
        out_of_fold_probabilities(vectors, labels, n_classes=3),
    )

    assert set(found.rows[:6]) == set(wrong)
    np.testing.assert_array_equal(found.suggestions[:6], truth[found.rows[:6]])
    assert (np.diff(found.suspicion) <= 0).all()


def test_a_source_without_probabilities_of_an_image_is_left_out():
    silent = np.array([[np.nan, np.nan], [0.5, 0.5]])
    found = rank_labels(np.array([0, 1]), np.array([[0.9, 0.1], [0.5, 0.5]]), silent)
    np.testing.assert_allclose(found.support, [0.5, 0.9])


def test_out_of_fold_probabilities_have_not_seen_a_group():
    vectors, truth = clusters(n_of_each=6, n_classes=2)
    groups = np.array([f"g{i // 2}" for i in range(12)])
    vectors[groups == "g0"] = vectors[groups == "g5"]  # these two look like the other class
    found = out_of_fold_probabilities(vectors, truth, n_classes=2, groups=groups)
    assert (found[:2].argmax(axis=1) == 1).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_probabilities_of_another_number_of_images_are_refused():
    with pytest.raises(
        InputError, match="There are 2 labeled images, but rows of probabilities: 3"
    ):
        rank_labels(np.array([0, -1, 1]), np.ones((3, 2)))
