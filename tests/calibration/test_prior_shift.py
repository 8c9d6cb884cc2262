"""Shares come from probabilities alone; what never occurs keeps none."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.labeling.test_class_prior_estimation import TRUE, simulated
from voisin.calibration.prior_shift import estimate_priors


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
