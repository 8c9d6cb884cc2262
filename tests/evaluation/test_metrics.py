"""Every figure equals its independent reference, with and without weights."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from voisin.evaluation import metrics

seeds = st.integers(0, 2**32 - 1)


def random_case(seed, n_images=60, n_classes=4):
    rng = np.random.default_rng(seed)
    truth = np.concatenate(
        [np.arange(n_classes), rng.integers(n_classes, size=n_images - n_classes)]
    )
    probabilities = rng.dirichlet(np.ones(n_classes), size=n_images).round(2)  # rounding makes ties
    return truth, probabilities, np.ones((1, n_images)), rng


def medmnist_auc(truth, scores):
    """One-against-rest areas, averaged, as MedMNIST's evaluator defines it."""
    return np.mean(
        [reference.roc_auc_score(truth == c, scores[:, c]) for c in range(scores.shape[1])]
    )


@given(seeds)
def test_auc_is_the_mean_of_one_against_rest_areas(seed):
    truth, probabilities, ones, _ = random_case(seed)
    found = metrics.macro_auc(truth, probabilities, ones)
    np.testing.assert_allclose(found, medmnist_auc(truth, probabilities))


@given(seeds)
def test_auc_of_two_classes_is_that_of_the_second_column(seed):
    truth, probabilities, ones, _ = random_case(seed, n_classes=2)  # the first column is not used
    found = metrics.macro_auc(truth, probabilities, ones)
    np.testing.assert_allclose(found, reference.roc_auc_score(truth, probabilities[:, 1]))


@given(seeds)
def test_figures_of_the_confusion_matrix_equal_those_of_scikit_learn(seed):
    truth, probabilities, ones, _ = random_case(seed)
    predicted = probabilities.argmax(axis=1)
    confusion = metrics.confusion(truth, predicted, 4, ones)

    np.testing.assert_array_equal(
        confusion[0, :, :-1], reference.confusion_matrix(truth, predicted)
    )
    assert not confusion[0, :, -1].any()
    assert metrics.accuracy(confusion) == pytest.approx(reference.accuracy_score(truth, predicted))
    assert metrics.balanced_accuracy(confusion) == pytest.approx(
        reference.balanced_accuracy_score(truth, predicted)
    )
    assert metrics.macro_f1(confusion) == pytest.approx(
        reference.f1_score(truth, predicted, average="macro")
    )
    np.testing.assert_allclose(
        metrics.recall(confusion)[0], reference.recall_score(truth, predicted, average=None)
    )


@given(seeds)
def test_a_weight_counts_as_that_many_copies_of_the_image(seed):
    truth, probabilities, _, rng = random_case(seed)
    counts = rng.integers(0, 3, size=len(truth))
    counts[:4] = 1
    copied = np.repeat(np.arange(len(truth)), counts)
    weights, ones = counts[None].astype(float), np.ones((1, len(copied)))

    for figure in (metrics.macro_auc, metrics.expected_calibration_error):
        np.testing.assert_allclose(
            figure(truth, probabilities, weights),
            figure(truth[copied], probabilities[copied], ones),
        )


def test_calibration_error_of_a_hand_made_case():
    truth = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.4, 0.6]])
    # Three at 0.9, two of them right; one at 0.6, right: (3 |2/3 - 0.9| + |1 - 0.6|) / 4
    found = metrics.expected_calibration_error(truth, probabilities, np.ones((1, 4)))
    assert found[0] == pytest.approx((3 * abs(2 / 3 - 0.9) + 0.4) / 4)


def test_reliability_bins_count_every_prediction_once():
    truth, probabilities, _, _ = random_case(3)
    bins = metrics.reliability(truth, probabilities)
    assert sum(b.n for b in bins) == len(truth)
    assert all(b.low <= b.confidence <= b.high for b in bins)


def test_a_class_without_images_has_no_recall_and_is_left_out_of_the_means():
    truth = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.2, 0.7, 0.1], [0.0, 0.9, 0.1]])
    ones = np.ones((1, 4))
    confusion = metrics.confusion(truth, probabilities.argmax(axis=1), 3, ones)

    np.testing.assert_allclose(metrics.recall(confusion)[0], [0.5, 1.0, np.nan])
    assert metrics.balanced_accuracy(confusion)[0] == 0.75
    assert metrics.macro_auc(truth, probabilities, ones)[0] == pytest.approx(
        (reference.roc_auc_score(truth == 0, probabilities[:, 0]) + 0.75) / 2
    )


def test_an_image_without_an_answer_is_not_found_but_given_to_no_class():
    truth, predicted = np.array([0, 0, 1, 1]), np.array([0, 2, 1, 1])
    confusion = metrics.confusion(truth, predicted, 2, np.ones((1, 4)))
    assert metrics.accuracy(confusion)[0] == 0.75
    np.testing.assert_allclose(metrics.recall(confusion)[0], [0.5, 1])
    assert metrics.macro_f1(confusion)[0] == pytest.approx((2 / 3 + 1) / 2)
