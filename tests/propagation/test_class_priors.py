"""Probabilities weighed by class are probabilities again."""

import numpy as np

from voisin.propagation.class_priors import rebalance


def test_rebalanced_rows_sum_to_one():
    rows = rebalance(np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([1.0, 3.0]))

    np.testing.assert_allclose(rows, [[0.25, 0.75], [1, 0]], atol=1e-9)
