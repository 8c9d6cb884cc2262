"""Weights of classes shift probabilities, and give every class its number of images."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from voisin.propagation.class_priors import quota_weights, rebalance

quick = settings(deadline=None, max_examples=20)


def random_rows(seed, n_classes=4, n_samples=2_000):
    generator = np.random.default_rng(seed)
    rows = generator.dirichlet(generator.uniform(0.3, 3, n_classes), size=n_samples)
    return rows, generator.dirichlet(np.full(n_classes, 5.0))


def count_decisions(rows, weights):
    return np.bincount((rows * weights).argmax(axis=1), minlength=len(weights))


def test_rebalanced_rows_sum_to_one():
    rows = rebalance(np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([1.0, 3.0]))

    np.testing.assert_allclose(rows, [[0.25, 0.75], [1, 0]], atol=1e-9)


@quick
@given(seed=st.integers(0, 2**32 - 1), n_classes=st.integers(2, 7))
def test_every_class_gets_its_number_of_images(seed, n_classes):
    rows, priors = random_rows(seed, n_classes)

    weights = quota_weights(rows, priors, np.ones(n_classes))

    np.testing.assert_allclose(count_decisions(rows, weights), priors * len(rows), atol=3)


def test_a_class_of_prior_zero_gets_no_image():
    rows, _ = random_rows(0)

    weights = quota_weights(rows, np.array([0, 0.5, 0.3, 0.2]), np.ones(4))

    assert count_decisions(rows, weights)[0] == 0


def test_a_class_of_prior_one_gets_every_image():
    rows, _ = random_rows(0)

    weights = quota_weights(rows, np.array([0, 1.0, 0, 0]), np.ones(4))

    assert count_decisions(rows, weights)[1] == len(rows)


def test_weights_that_keep_the_quotas_stay():
    rows, priors = random_rows(0)
    weights = quota_weights(rows, priors, np.ones(4))

    again = quota_weights(rows, priors, weights)

    np.testing.assert_allclose(again, weights, rtol=1e-5)
