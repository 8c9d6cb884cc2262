"""Weights of the classes bring the shares of the decisions to those expected."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voisin.propagation.decision import balanced_weights, class_mass_weights, rebalance


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), n_classes=st.integers(2, 7))
def test_balanced_weights_give_every_class_its_share_of_decisions(seed, n_classes):
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(generator.uniform(0.3, 3, n_classes), size=3_000)
    shares = generator.dirichlet(np.full(n_classes, 5.0))

    weights = balanced_weights(probabilities, shares)

    decided = (probabilities * weights).argmax(axis=1)
    assert np.bincount(decided, minlength=n_classes) / 3_000 == pytest.approx(shares, abs=0.02)


def test_class_mass_weights_bring_the_mean_to_the_shares():
    probabilities = np.random.default_rng(0).dirichlet([5.0, 2, 1], size=500)
    shares = np.array([0.2, 0.3, 0.5])

    weighted = probabilities * class_mass_weights(probabilities, shares)

    np.testing.assert_allclose(weighted.mean(axis=0), shares)


def test_rebalanced_rows_sum_to_one():
    rows = rebalance(np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([1.0, 3.0]))

    np.testing.assert_allclose(rows, [[0.25, 0.75], [1, 0]], atol=1e-9)
