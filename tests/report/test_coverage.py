"""The coverage curve is the accuracy of the surest images, whatever their order."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voisin.report.coverage import coverage_curve

seeds = st.integers(0, 2**32 - 1)


def test_it_matches_a_hand_computation():
    confidence, predicted = np.array([0.6, 0.95, 0.8, 0.7]), np.array([0, 0, 1, 1])
    truth = np.array([0, 0, 0, 1])  # by confidence: image 1 right, 2 wrong, 3 right, 0 right

    curve = coverage_curve(confidence, predicted, truth)

    np.testing.assert_allclose(curve.accuracy, [1, 1 / 2, 2 / 3, 3 / 4])
    assert curve.confidence.tolist() == [0.95, 0.8, 0.7, 0.6]
    assert curve.at(0.5) == (0.5, 0.8)
    assert curve.n_images(0.001) == 1


def test_equally_probable_labels_share_their_correctness():
    curve = coverage_curve(np.full(3, 0.9), np.array([0, 1, 0]), np.array([0, 0, 0]))
    np.testing.assert_allclose(curve.accuracy, [2 / 3, 2 / 3, 2 / 3])


def test_images_that_no_label_reaches_come_last_and_unknown_truth_is_left_out():
    confidence, predicted = np.array([1.0, 0.6, 0.9]), np.array([-1, 0, 0])

    curve = coverage_curve(confidence, predicted, np.array([1, 0, -1]))

    np.testing.assert_allclose(curve.accuracy, [1, 1 / 2])
    assert curve.confidence[-1] == 0


def test_without_truth_there_is_no_curve():
    assert coverage_curve(np.full(2, 0.5), np.array([0, 1]), np.array([-1, -1])) is None


@given(seeds)
def test_the_order_of_the_images_does_not_matter_and_the_end_is_the_accuracy(seed):
    rng = np.random.default_rng(seed)
    confidence = np.round(rng.random(30), 1)
    truth, predicted = rng.integers(-1, 3, size=30), rng.integers(-1, 3, size=30)
    truth[0], order = 0, rng.permutation(30)

    curve = coverage_curve(confidence, predicted, truth)
    shuffled = coverage_curve(confidence[order], predicted[order], truth[order])

    np.testing.assert_allclose(shuffled.accuracy, curve.accuracy)
    correct = (predicted == truth)[truth != -1]
    assert abs(curve.accuracy[-1] - correct.mean()) < 1e-12
