"""Quotas give every class its number of images, from any start."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from voisin.propagation.class_quotas import quota_weights

quick = settings(deadline=None, max_examples=20)


def random_rows(seed, n_classes=4, n_samples=2_000):
    generator = np.random.default_rng(seed)
    rows = generator.dirichlet(generator.uniform(0.3, 3, n_classes), size=n_samples)
    return rows, generator.dirichlet(np.full(n_classes, 5.0))


def numbers(rows, weights):
    return np.bincount((rows * weights).argmax(axis=1), minlength=len(weights))


@quick
@given(seed=st.integers(0, 2**32 - 1), n_classes=st.integers(2, 7))
def test_every_class_gets_its_number_of_images(seed, n_classes):
    rows, shares = random_rows(seed, n_classes)

    weights = quota_weights(rows, shares, np.ones(n_classes))

    np.testing.assert_allclose(numbers(rows, weights), shares * len(rows), atol=3)


def test_a_class_without_a_share_gets_no_image():
    rows, _ = random_rows(0)

    weights = quota_weights(rows, np.array([0, 0.5, 0.3, 0.2]), np.ones(4))

    assert numbers(rows, weights)[0] == 0


def test_a_class_of_all_images_gets_them_all():
    rows, _ = random_rows(0)

    weights = quota_weights(rows, np.array([0, 1.0, 0, 0]), np.ones(4))

    assert numbers(rows, weights)[1] == len(rows)


def test_weights_that_keep_the_quotas_stay():
    rows, shares = random_rows(0)
    weights = quota_weights(rows, shares, np.ones(4))

    again = quota_weights(rows, shares, weights)

    np.testing.assert_allclose(again, weights, rtol=1e-5)
