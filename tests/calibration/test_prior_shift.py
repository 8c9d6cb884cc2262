"""Class priors: estimated from probabilities alone, and shifted by Bayes' rule."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_sample_weight

from tests.labeling.test_class_prior_estimation import TRUE, simulated
from voisin.calibration.prior_shift import (
    estimate_priors,
    shift_priors,
    weigh_by_class,
)


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


def test_a_shift_is_undone_by_its_reverse():
    rows = np.random.default_rng(0).dirichlet([1, 1, 1], 9)
    shifted = rows * PRIORS
    np.testing.assert_allclose(
        shift_priors(shifted / shifted.sum(axis=1, keepdims=True), old=PRIORS), rows
    )


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
