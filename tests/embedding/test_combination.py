"""Parts side by side, each with the same say."""

import numpy as np
import pytest

from voisin.embedding import combination
from voisin.embedding.combination import learn_combination
from voisin.errors import InputError


def centered(part):
    return part - part.mean(axis=0)


def combine(pool, test):
    joined = learn_combination(pool)
    return joined.apply(pool), joined.apply(test)


def test_each_part_is_centered_by_the_pool_brought_to_length_one_and_put_beside():
    pool = [
        np.array([[1, 0], [3, 0], [2, 3]], dtype=np.float32),  # mean (2, 1)
        np.array([[10], [20], [60]], dtype=np.float32),  # mean 30
    ]
    test = [np.array([[2, 5]], dtype=np.float32), np.array([[31]], dtype=np.float32)]
    r = np.sqrt(0.5)

    of_pool, of_test = combine(pool, test)

    np.testing.assert_allclose(of_pool, [[-r, -r, -1], [r, -r, -1], [0, 1, 1]], atol=1e-6)
    np.testing.assert_allclose(of_test, [[0, 1, 1]], atol=1e-6)
    assert of_pool.dtype == of_test.dtype == np.float32


def test_the_formula_holds_over_many_rows():
    rng = np.random.default_rng(0)
    pool = [rng.normal(3, 5, (5000, d)).astype(np.float32) for d in (2, 7)]
    test = [rng.normal(3, 5, (10, d)).astype(np.float32) for d in (2, 7)]

    for found, rows in zip(combine(pool, test), (pool, test), strict=True):
        moved = [x - p.mean(axis=0) for x, p in zip(rows, pool, strict=True)]
        expected = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in moved]
        np.testing.assert_allclose(found, np.hstack(expected), atol=1e-4)


def test_a_vector_that_equals_the_mean_becomes_zero():
    part = np.array([[0.0], [1.0], [2.0]], dtype=np.float32)

    of_pool, _ = combine([part, part], [part[:0], part[:0]])

    np.testing.assert_array_equal(of_pool, [[-1, -1], [0, 0], [1, 1]])


def test_the_scale_of_a_part_does_not_matter():
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(20, 3)), rng.normal(size=(20, 4))

    small, _ = combine([left, right], [left, right])
    large, _ = combine([1000 * left, right], [1000 * left, right])

    np.testing.assert_allclose(large, small, atol=1e-6)


def test_many_dimensions_are_projected_onto_few_axes_that_keep_what_varies(monkeypatch):
    monkeypatch.setattr(combination, "MOST_DIMS", 8)
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(300, 5))
    parts = [(hidden @ rng.normal(size=(5, d))).astype(np.float32) for d in (20, 600)]
    joined = learn_combination(parts)
    full = np.hstack([p / np.linalg.norm(p, axis=1, keepdims=True) for p in map(centered, parts)])

    found = joined.apply(parts)

    assert found.shape == (300, 8)
    assert joined.axes.shape == (620, 8)
    np.testing.assert_allclose(joined.axes.T @ joined.axes, np.eye(8), atol=1e-5)
    # both parts vary in the same 5 directions, but for the scaling of their rows
    np.testing.assert_allclose(found @ found.T, full @ full.T, atol=0.1)
    top = np.linalg.svd(full, compute_uv=False)[:8]
    np.testing.assert_allclose(np.linalg.svd(found, compute_uv=False)[:5], top[:5], rtol=1e-5)
    alone = joined.apply([part[7:8] for part in parts])
    np.testing.assert_allclose(alone, found[7:8], atol=1e-5)


def test_up_to_256_dimensions_are_kept_as_they_are():
    part = np.random.default_rng(0).normal(size=(40, 128)).astype(np.float32)

    assert learn_combination([part, part]).axes is None
    assert learn_combination([part, part, part[:, :1]]).axes.shape == (257, 256)


def test_parts_with_different_numbers_of_rows_are_refused():
    with pytest.raises(InputError, match=r"The parts have \[3, 2\] rows"):
        combine([np.ones((3, 1)), np.ones((2, 1))], [np.ones((1, 1)), np.ones((1, 1))])
