"""Solvers find what a dense solver finds, and say how they ended."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from voisin.errors import ConvergenceWarning
from voisin.propagation.solvers import _Smoothing, chebyshev, conjugate_gradients, iterate

seeds = st.integers(0, 2**32 - 1)
quick = settings(deadline=None, max_examples=25)


def random_smoother(seed, n=30):
    weights = np.triu(np.random.default_rng(seed).random((n, n)), k=1)
    weights += weights.T
    scale = 1 / np.sqrt(weights.sum(axis=1))
    return scale[:, None] * weights * scale


def random_columns(seed, n=30, n_columns=3):
    return np.random.default_rng(seed).normal(size=(n, n_columns))


@quick
@given(seed=seeds, alpha=st.floats(0.05, 0.99))
def test_chebyshev_solves_the_smoothing_equation(seed, alpha):
    smoother, right = random_smoother(seed), random_columns(seed)

    solution = chebyshev(sparse.csr_array(smoother), alpha, right, tol=1e-10, max_iter=2_000)

    expected = np.linalg.solve(np.eye(30) - alpha * smoother, right)
    np.testing.assert_allclose(solution.values, expected, atol=1e-6)
    assert solution.converged


@quick
@given(seed=seeds)
def test_the_residual_is_the_largest_relative_one(seed):
    smoother, right = random_smoother(seed), random_columns(seed)

    solution = chebyshev(sparse.csr_array(smoother), 0.9, right, tol=1e-6, max_iter=99)

    residual = right - solution.values + 0.9 * smoother @ solution.values
    worst = (np.linalg.norm(residual, axis=0) / np.linalg.norm(right, axis=0)).max()
    assert solution.residual == pytest.approx(worst, rel=1e-3)
    assert worst <= 1e-6


def test_a_coarse_tolerance_is_reached_in_single_precision():
    smoother, right = sparse.csr_array(random_smoother(0)), random_columns(0)

    solution = chebyshev(smoother, 0.9, right, tol=1e-4, max_iter=99)

    assert solution.values.dtype == np.float32
    assert solution.residual <= 1e-4


def test_chebyshev_takes_far_fewer_steps_than_plain_iteration():
    smoother, right = random_smoother(0), random_columns(0)

    solution = chebyshev(sparse.csr_array(smoother), 0.99, right, tol=1e-8, max_iter=9_999)
    plain = right
    for _ in range(4 * solution.n_iter):
        plain = 0.99 * smoother @ plain + right

    assert np.abs(plain - solution.values).max() > 1e-4 * np.abs(solution.values).max()


def test_the_blocks_of_every_step_start_at_a_cache_line(monkeypatch):
    smoother, right = sparse.csr_array(random_smoother(0)), random_columns(0)
    step, offsets = _Smoothing.step, []

    def watched(smoothing, now, before, omega):
        offsets.extend(block.ctypes.data % 64 for block in (now, before))
        return step(smoothing, now, before, omega)

    monkeypatch.setattr(_Smoothing, "step", watched)
    chebyshev(smoother, 0.9, right, tol=1e-4, max_iter=99)
    chebyshev(smoother, 0.9, right, tol=1e-9, max_iter=99)
    iterate(smoother, right, right, 3)

    assert set(offsets) == {0}


def test_the_number_of_threads_does_not_change_a_bit():
    graph = sparse.random_array((40_000, 40_000), density=1e-4, rng=np.random.default_rng(0))
    graph = (graph + graph.T).tocsr()
    graph /= abs(graph).sum(axis=1).max()
    right = random_columns(0, 40_000, 2)

    one, three = (chebyshev(graph, 0.9, right, tol=1e-8, max_iter=99, n_jobs=n) for n in (1, 3))

    np.testing.assert_array_equal(one.values, three.values)


@quick
@given(seed=seeds)
def test_conjugate_gradients_solve_positive_definite_equations(seed):
    matrix = 1.1 * np.eye(30) - random_smoother(seed)
    right = random_columns(seed)

    solution = conjugate_gradients(sparse.csr_array(matrix), right, tol=1e-10, max_iter=99)

    np.testing.assert_allclose(solution.values, np.linalg.solve(matrix, right), atol=1e-6)


@quick
@given(seed=seeds)
def test_conjugate_gradients_solve_a_singular_laplacian_within_its_range(seed):
    laplacian = np.diag([1.0] * 30) - random_smoother(seed)
    right = laplacian @ random_columns(seed)

    solution = conjugate_gradients(sparse.csr_array(laplacian), right, tol=1e-10, max_iter=200)

    np.testing.assert_allclose(laplacian @ solution.values, right, atol=1e-7)


def test_a_large_equation_is_solved_in_another_order_of_its_rows(monkeypatch):
    monkeypatch.setattr("voisin.propagation.solvers._MIN_ROWS_TO_REORDER", 10)
    path = sparse.diags_array([-np.ones(29)] * 2, offsets=[-1, 1]) + 3 * sparse.eye_array(30)
    shuffle = np.random.default_rng(0).permutation(30)
    matrix, right = path.tocsr()[shuffle][:, shuffle].tocsr(), random_columns(0)
    expected = np.linalg.solve(matrix.toarray(), right)

    solution = conjugate_gradients(matrix, right, tol=1e-9, max_iter=99)

    np.testing.assert_allclose(solution.values, expected, atol=1e-7)


def test_converged_columns_keep_their_values():
    matrix = sparse.csr_array(np.diag(np.arange(1.0, 31)) + 0.3 * random_smoother(0))
    right = random_columns(0)
    right[:, 1] = 0
    right[:, 2] = matrix @ np.eye(30)[3]

    solution = conjugate_gradients(matrix, right, tol=1e-9, max_iter=99)

    np.testing.assert_allclose(matrix @ solution.values, right, atol=1e-7)
    assert (solution.values[:, 1] == 0).all()


@pytest.mark.parametrize("solver", ["chebyshev", "conjugate gradients"])
def test_a_thousand_columns_are_solved_as_one_by_one(solver):
    smoother, right = random_smoother(1), random_columns(1, n_columns=1_000)
    matrix = sparse.csr_array(smoother)
    expected = np.linalg.solve(np.eye(30) - 0.5 * smoother, right)

    if solver == "chebyshev":
        solution = chebyshev(matrix, 0.5, right, tol=1e-9, max_iter=99)
    else:
        equation = sparse.csr_array(np.eye(30) - 0.5 * smoother)
        solution = conjugate_gradients(equation, right, tol=1e-9, max_iter=99)

    np.testing.assert_allclose(solution.values, expected, atol=1e-6)


def test_chebyshev_warns_when_it_stops_early():
    smoother, right = sparse.csr_array(random_smoother(0)), random_columns(0)

    with pytest.warns(ConvergenceWarning, match="max_iter=2 steps"):
        solution = chebyshev(smoother, 0.99, right, tol=1e-9, max_iter=2)

    assert (solution.converged, solution.n_iter) == (False, 2)


def test_conjugate_gradients_warn_when_they_stop_early():
    matrix = sparse.csr_array(sparse.eye_array(30) - 0.99 * random_smoother(0))

    with pytest.warns(ConvergenceWarning, match="max_iter=2 steps"):
        solution = conjugate_gradients(matrix, random_columns(0), tol=1e-9, max_iter=2)

    assert (solution.converged, solution.n_iter) == (False, 2)


def test_the_residual_of_conjugate_gradients_is_the_true_one():
    n = 3_000  # a long path: the residual that is carried along drifts far from the true one
    rows = np.arange(n - 1)
    path = sparse.coo_array((np.ones(n - 1), (rows, rows + 1)), shape=(n, n))
    links = sparse.csr_array(path + path.T)
    degrees = np.asarray(links.sum(axis=1)) + 1e-5
    matrix = sparse.csr_array(sparse.diags_array(degrees) - links)
    right = np.zeros((n, 2))
    right[[0, n // 2], [0, 1]] = 1

    solution = conjugate_gradients(matrix, right, tol=1e-4, max_iter=100_000)

    norms = np.linalg.norm(right - matrix @ solution.values, axis=0)
    assert solution.converged
    assert norms.max() <= 1e-4
    assert solution.residual == pytest.approx(norms.max(), rel=1e-6, abs=1e-9)
