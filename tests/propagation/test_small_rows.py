"""Rows far from all labels are as accurate, by their own measure, as the others."""

import numpy as np
import pytest
from scipy import sparse

from tests.propagation.graphs import film
from voisin.propagation.harmonic import Harmonic
from voisin.propagation.matrices import Solution, normalize_affinity
from voisin.propagation.reweighted import ReweightedLaplace
from voisin.propagation.small_rows import refine_small_rows
from voisin.propagation.solvers import chebyshev, conjugate_gradients
from voisin.propagation.spreading import LabelSpreading

ENDS = np.full(600, -1)
ENDS[0], ENDS[-1] = 0, 1


def path(n, weight):
    return sparse.diags_array([np.full(n - 1, weight)] * 2, offsets=[-1, 1], format="csr")


@pytest.mark.parametrize("alpha", [0.5, 0.9, 0.99])
def test_spreading_gives_every_frame_of_a_film_its_exact_probabilities(alpha):
    smoother = normalize_affinity(film()).toarray()
    exact = np.linalg.solve(np.eye(600) - alpha * smoother, np.eye(600)[:, [0, -1]])

    found = LabelSpreading(alpha=alpha).propagate(film(), ENDS)

    exact /= exact.sum(axis=1, keepdims=True)
    assert found.reached.all()
    np.testing.assert_allclose(found.probabilities, exact, atol=0.01)


def test_harmonic_functions_fall_evenly_along_a_film():
    found = Harmonic().propagate(path(600, 1.0), ENDS)

    np.testing.assert_allclose(found.probabilities[:, 0], np.linspace(1, 0, 600), atol=0.01)


def test_reweighted_learning_labels_both_halves_of_a_long_path():
    found = ReweightedLaplace().propagate(path(600, 1.0), ENDS)

    assert found.reached.all()
    np.testing.assert_array_equal(found.labels, np.repeat([0, 1], 300))


def test_a_column_that_falls_below_any_number_keeps_its_level():
    n, weight = 400, 0.1
    first = chebyshev(path(n, 1.0), weight, np.eye(n)[:, :1], tol=1e-6, max_iter=99)

    refined, levels = refine_small_rows(
        path(n, weight), np.ones(n), np.eye(n)[:, :1], first, max_iter=99
    )

    ratio = (1 - np.sqrt(1 - 4 * weight**2)) / (2 * weight)  # x_{i+1} / x_i far from both ends
    logs = np.log(refined.values[:, 0]) + levels
    np.testing.assert_allclose(np.diff(logs[:-20]), np.log(ratio), atol=0.02)
    assert logs[-1] < -900


def test_rows_that_nothing_leads_to_stay_zero():
    two = sparse.block_diag([path(5, 0.3), path(5, 0.3)], format="csr")
    right = np.eye(10)[:, :1]
    equation = (sparse.eye_array(10) - two).tocsr()
    first = conjugate_gradients(equation, right, tol=1e-6, max_iter=99)

    refined, _ = refine_small_rows(two, np.ones(10), right, first, max_iter=99)

    assert (refined.values[:5] > 0).all()
    assert not refined.values[5:].any()


def test_where_the_first_solution_is_not_found_empty_rows_follow_their_strongest_path():
    chain = sparse.csr_array(np.diag([0.4, 0.4, 0.1, 0.4], 1) + np.diag([0.4, 0.4, 0.1, 0.4], -1))
    values = np.array([[2.0, 1], [0, 0], [0, 0], [0, 0], [1, 3]])
    unfinished = Solution(values, 1, 0.5, converged=False)

    refined, _ = refine_small_rows(chain, np.ones(5), np.zeros((5, 2)), unfinished, max_iter=99)

    assert refined.values.tolist() == [[2, 1], [2, 1], [2, 1], [1, 3], [1, 3]]
    assert not refined.converged
