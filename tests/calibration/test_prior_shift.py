"""Class priors: estimated from probabilities alone, shifted by Bayes' rule, and decided under."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_sample_weight

from tests.labeling.test_class_prior_estimation import TRUE, simulated
from voisin.calibration.prior_shift import (
    decide_for_balanced_accuracy,
    estimate_priors,
    shift_priors,
    weigh_by_class,
)
from voisin.evaluation.metrics import balanced_accuracy, confusion
from voisin.types import Propagation


def test_shares_of_classes_are_found_in_calibrated_probabilities():
    truth, images = simulated(TRUE, 20_000)

    np.testing.assert_allclose(estimate_priors(images), np.bincount(truth) / 20_000, atol=0.04)


def test_the_shares_agree_with_the_mean_of_the_probabilities_they_lead_to():
    _, images = simulated(TRUE, 5_000)

    shares = estimate_priors(images)

    weighted = images * shares
    mean = (weighted / weighted.sum(axis=1, keepdims=True)).mean(axis=0)
    np.testing.assert_allclose(shares, (mean + 0.03 / 3) / 1.03, atol=1e-4)


def test_a_class_that_cannot_occur_gets_nothing():
    _, images = simulated(TRUE, 1_000)

    shares = estimate_priors(images, possible=np.array([True, True, False]))

    assert shares[2] == 0
    np.testing.assert_allclose(shares.sum(), 1)


@given(st.integers(0, 2**32 - 1), st.integers(1, 50), st.integers(2, 6))
def test_shares_are_a_distribution_and_no_class_vanishes(seed, n_images, n_classes):
    rows = np.random.default_rng(seed).dirichlet(np.full(n_classes, 0.1), n_images)

    shares = estimate_priors(rows)

    assert shares.min() >= 0.029 / n_classes
    np.testing.assert_allclose(shares.sum(), 1)


PRIORS = np.array([0.85, 0.1, 0.05])


@pytest.fixture
def under_priors():
    """Images of three overlapping classes, with their exact probabilities under the priors."""
    generator = np.random.default_rng(0)
    truth = generator.choice(3, 20_000, p=PRIORS)
    points = np.array([0, 1.5, -1.5])[truth] + generator.standard_normal(len(truth))
    joint = PRIORS * np.exp(-((points[:, None] - [0, 1.5, -1.5]) ** 2) / 2)
    probabilities = joint / joint.sum(axis=1, keepdims=True)
    everywhere = np.full(len(truth), fill_value=True)
    return truth, Propagation(probabilities, everywhere, 1, 0.0, converged=True)


def test_each_decision_is_the_better_one_at_what_it_is_for(under_priors):
    truth, found = under_priors
    likeliest, balanced = found.labels, decide_for_balanced_accuracy(found, PRIORS)
    counts = [confusion(truth, one, 3, np.ones((1, len(truth)))) for one in (likeliest, balanced)]

    assert (likeliest == truth).mean() > (balanced == truth).mean()
    assert balanced_accuracy(counts[1])[0] > balanced_accuracy(counts[0])[0]


def test_without_priors_there_is_one_decision(under_priors):
    _, found = under_priors
    np.testing.assert_array_equal(decide_for_balanced_accuracy(found, None), found.labels)


def test_images_without_evidence_are_given_no_class():
    found = Propagation(np.full((2, 3), 1 / 3), np.array([True, False]), 1, 0.0, converged=True)
    assert decide_for_balanced_accuracy(found, PRIORS).tolist() == [2, -1]


def test_a_shift_is_undone_by_its_reverse():
    rows = np.random.default_rng(0).dirichlet([1, 1, 1], 9)
    shifted = rows * PRIORS
    np.testing.assert_allclose(
        shift_priors(shifted / shifted.sum(axis=1, keepdims=True), old=PRIORS), rows
    )


def test_a_class_of_prior_zero_is_never_decided_for():
    found = Propagation(
        np.array([[0.9, 0.1 - 1e-9, 1e-9]]), np.array([True]), 1, 0.0, converged=True
    )
    assert decide_for_balanced_accuracy(found, np.array([0.8, 0.2, 0.0])).tolist() == [0]


def test_a_shift_by_bayes_rule_is_the_product_with_the_new_priors_over_the_old():
    rows = np.random.default_rng(0).dirichlet([1, 1, 1], 9)
    old, new = np.array([0.2, 0.3, 0.5]), np.array([0.6, 0.4, 0.0])

    shifted = shift_priors(rows, old=old, new=new)

    expected = rows * new / old
    np.testing.assert_allclose(shifted, expected / expected.sum(axis=1, keepdims=True))


def test_a_row_that_is_sure_of_a_class_that_cannot_be_becomes_the_priors():
    priors = np.array([0.0, 0.75, 0.25])
    np.testing.assert_allclose(shift_priors(np.eye(3)[:1], new=priors)[0], priors)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40).map(np.array))
def test_weights_by_class_are_scikit_learns_balanced_ones(labels):
    expected = compute_sample_weight("balanced", labels)
    np.testing.assert_allclose(weigh_by_class(labels), expected)
    unknown = np.append(labels, [-1, -1])
    np.testing.assert_allclose(weigh_by_class(unknown), [*expected, 0, 0])
