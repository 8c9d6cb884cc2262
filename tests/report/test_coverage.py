"""The coverage curve is the accuracy of the most certain images, whatever their order."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voisin.report.coverage import coverage_curve

seeds = st.integers(0, 2**32 - 1)


def test_it_matches_a_hand_computation():
    probabilities = np.array([[0.6, 0.4], [0.95, 0.05], [0.2, 0.8], [0.3, 0.7]])
    truth = np.array([0, 0, 0, 1])  # by certainty: image 1 right, 2 wrong, 3 right, 0 right

    curve = coverage_curve(probabilities, np.ones(4, dtype=bool), truth)

    np.testing.assert_allclose(curve.accuracy, [1, 1 / 2, 2 / 3, 3 / 4])
    bits = [-(p * np.log2(p) + (1 - p) * np.log2(1 - p)) for p in (0.95, 0.8, 0.7, 0.6)]
    np.testing.assert_allclose(curve.certainty, 1 - np.array(bits))
    assert curve.at(0.5) == (0.5, curve.certainty[1])
    assert curve.n_images(0.001) == 1


def test_equally_certain_images_share_their_correctness():
    probabilities = np.array([[0.9, 0.1], [0.1, 0.9], [0.9, 0.1]])
    curve = coverage_curve(probabilities, np.ones(3, dtype=bool), np.array([0, 0, 0]))
    np.testing.assert_allclose(curve.accuracy, [2 / 3, 2 / 3, 2 / 3])


def test_images_that_no_label_reaches_come_last_and_unknown_truth_is_left_out():
    probabilities = np.array([[1.0, 0.0], [0.6, 0.4], [0.9, 0.1]])
    reached = np.array([False, True, True])

    curve = coverage_curve(probabilities, reached, np.array([1, 0, -1]))

    np.testing.assert_allclose(curve.accuracy, [1, 1 / 2])
    assert curve.certainty[-1] == 0


def test_without_truth_there_is_no_curve():
    assert coverage_curve(np.full((2, 2), 0.5), np.ones(2, dtype=bool), np.array([-1, -1])) is None


@given(seeds)
def test_the_order_of_the_images_does_not_matter_and_the_end_is_the_accuracy(seed):
    rng = np.random.default_rng(seed)
    probabilities = np.round(rng.dirichlet(np.ones(3), size=30), 1) + 1e-3
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    truth, reached = rng.integers(-1, 3, size=30), rng.random(30) < 0.8
    order = rng.permutation(30)

    curve = coverage_curve(probabilities, reached, truth)
    shuffled = coverage_curve(probabilities[order], reached[order], truth[order])

    np.testing.assert_allclose(shuffled.accuracy, curve.accuracy)
    correct = (reached & (probabilities.argmax(axis=1) == truth))[truth != -1]
    assert abs(curve.accuracy[-1] - correct.mean()) < 1e-12


def test_what_counts_is_the_label_that_was_given_even_where_another_class_is_stated_likelier():
    stated = np.array([[0.4, 0.6], [0.1, 0.9]])
    truth, everywhere = np.array([0, 0]), np.ones(2, dtype=bool)

    curve = coverage_curve(stated, everywhere, truth, predicted=np.array([0, 1]))

    np.testing.assert_allclose(curve.accuracy, [0, 1 / 2])  # the surer image is wrong
