"""A large confusion matrix keeps its counts when it is made readable."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voisin.report.confusion import condense, count_classes, most_frequent_pairs

matrices = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).integers(0, 9, size=(20, 20))
)


@given(matrices)
def test_no_image_of_a_shown_class_is_lost_and_the_shown_are_the_largest(confusion):
    matrix = condense(confusion, confusion.sum(axis=1), 12)
    shown = list(matrix.classes)

    np.testing.assert_array_equal(matrix.counts.sum(axis=1), confusion[shown].sum(axis=1))
    np.testing.assert_array_equal(matrix.counts[:, :12], confusion[np.ix_(shown, shown)])
    np.testing.assert_allclose(matrix.shares.sum(axis=1), 1)
    left_out = np.delete(confusion.sum(axis=1), shown)
    assert confusion.sum(axis=1)[shown].min() >= left_out.max()


def test_a_small_matrix_is_kept_and_an_empty_row_has_no_shares():
    matrix = condense(np.array([[2, 2], [0, 0]]), np.array([4, 0]))
    assert matrix.classes == (0, 1)
    np.testing.assert_array_equal(matrix.shares, [[0.5, 0.5], [np.nan, np.nan]])


@given(matrices)
def test_the_most_frequent_pairs_are_the_largest_counts_off_the_diagonal(confusion):
    off = confusion.copy()
    np.fill_diagonal(off, 0)
    pairs = most_frequent_pairs(confusion, confusion.sum(axis=1), 5)
    assert [pair.n for pair in pairs] == sorted(off.ravel(), reverse=True)[:5]
    for pair in pairs:
        assert confusion[pair.truth, pair.predicted] == pair.n
        assert pair.truth != pair.predicted


def test_a_perfect_matrix_has_no_confusion_pairs():
    assert most_frequent_pairs(np.eye(3, dtype=np.int64), np.ones(3)) == ()


def test_the_images_without_an_answer_have_a_column_and_count_among_their_class():
    answered = np.array([[6, 2], [0, 5]])
    in_part = np.array([[4, 1], [0, 5]])
    n_images = count_classes([in_part, answered])

    matrix = condense(in_part, n_images)

    assert n_images.tolist() == [8, 5]
    assert matrix.extra == ("no answer",)
    assert matrix.counts.tolist() == [[4, 1, 3], [0, 5, 0]]
    np.testing.assert_allclose(matrix.shares, [[0.5, 0.125, 0.375], [0, 1, 0]])
    assert condense(answered, n_images).extra == ()
    assert most_frequent_pairs(in_part, n_images)[0].share == 1 / 8


@given(matrices, st.integers(0, 2**32 - 1))
def test_no_image_is_lost_whether_shown_answered_or_not(confusion, seed):
    unanswered = np.random.default_rng(seed).integers(0, 5, size=20)
    n_images = confusion.sum(axis=1) + unanswered

    matrix = condense(confusion, n_images, 12)

    shown = list(matrix.classes)
    np.testing.assert_array_equal(matrix.counts.sum(axis=1), n_images[shown])
    assert n_images[shown].min() >= np.delete(n_images, shown).max()
    if unanswered.any():
        np.testing.assert_array_equal(matrix.counts[:, -1], unanswered[shown])
