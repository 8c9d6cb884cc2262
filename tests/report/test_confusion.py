"""A large confusion matrix keeps its counts when it is made readable."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voisin.report.confusion import condense, most_frequent_mixups

matrices = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).integers(0, 9, size=(20, 20))
)


@given(matrices)
def test_no_image_of_a_shown_class_is_lost_and_the_shown_are_the_largest(confusion):
    matrix = condense(confusion, 12)
    shown = list(matrix.classes)

    np.testing.assert_array_equal(matrix.counts.sum(axis=1), confusion[shown].sum(axis=1))
    np.testing.assert_array_equal(matrix.counts[:, :12], confusion[np.ix_(shown, shown)])
    np.testing.assert_allclose(matrix.shares.sum(axis=1), 1)
    left_out = np.delete(confusion.sum(axis=1), shown)
    assert confusion.sum(axis=1)[shown].min() >= left_out.max()


def test_a_small_matrix_is_kept_and_an_empty_row_has_no_shares():
    matrix = condense(np.array([[2, 2], [0, 0]]))
    assert matrix.classes == (0, 1)
    np.testing.assert_array_equal(matrix.shares, [[0.5, 0.5], [np.nan, np.nan]])


@given(matrices)
def test_mixups_are_the_largest_counts_off_the_diagonal(confusion):
    off = confusion.copy()
    np.fill_diagonal(off, 0)
    found = most_frequent_mixups(confusion, 5)
    assert [m.n for m in found] == sorted(off.ravel(), reverse=True)[:5]
    assert all(confusion[m.truth, m.predicted] == m.n and m.truth != m.predicted for m in found)


def test_a_perfect_matrix_has_no_mixups():
    assert most_frequent_mixups(np.eye(3, dtype=np.int64)) == ()
