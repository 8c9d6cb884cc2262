"""Folds hold every label out at most once, never a class's last, groups together."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voisin.labeling.cross_validation import NOT_DEALT, make_folds


@given(
    labels=st.lists(st.integers(-1, 3), min_size=4, max_size=60).map(np.array),
    n_folds=st.integers(2, 6),
    random_state=st.integers(0, 9),
)
def test_every_label_is_held_out_at_most_once_and_no_class_loses_all(labels, n_folds, random_state):
    folds = make_folds(labels, n_folds=n_folds, random_state=random_state)
    held_out = np.concatenate([*folds, np.empty(0, int)])
    assert len(set(held_out)) == len(held_out)
    assert (labels[held_out] >= 0).all()
    for rows in folds:
        rest = np.delete(labels, rows)
        assert set(labels[labels >= 0]) == set(rest[rest >= 0])


def test_without_labels_there_are_no_folds():
    assert make_folds(np.array([-1, -1])) == ()


def test_a_class_with_two_labels_has_both_held_out_in_turn():
    folds = make_folds(np.array([0, 0, 1, 1, 1, -1]), n_folds=3)
    assert sorted(np.concatenate(folds)) == [0, 1, 2, 3, 4]


def test_images_of_a_group_are_held_out_together():
    labels = np.repeat([0, 1], 20)
    groups = np.array([f"g{i // 4}" for i in range(40)])
    for rows in make_folds(labels, groups, n_folds=5):
        assert not set(groups[rows]) & set(np.delete(groups, rows))


@given(
    labels=st.lists(st.integers(-1, 3), min_size=4, max_size=60).map(np.array),
    n_groups=st.integers(1, 30),
    n_folds=st.integers(2, 6),
    seed=st.integers(0, 99),
)
def test_images_of_a_group_are_held_out_together_whatever_their_classes(
    labels, n_groups, n_folds, seed
):
    groups = np.random.default_rng(seed).integers(0, n_groups, len(labels)).astype(str)
    known = labels >= 0
    for rows in make_folds(labels, groups, n_folds=n_folds):
        rest = np.setdiff1d(np.flatnonzero(known), rows)
        assert not set(groups[rows]) & set(groups[rest])
        assert set(labels[rest]) == set(labels[known])


def test_patients_with_images_of_every_class_are_dealt_evenly():
    labels, groups = np.tile([0, 1, 2], 20), np.repeat(np.arange(20), 3).astype(str)
    assert [len(rows) for rows in make_folds(labels, groups)] == [12] * 5


def test_a_class_of_one_group_is_never_held_out():
    labels = np.array([0, 0, 1, 1])
    groups = np.array(["a", "a", "b", "c"])
    assert sorted(np.concatenate(make_folds(labels, groups))) == [2, 3]


def test_labels_that_were_dealt_stay_in_their_folds_and_take_their_group_along():
    labels = np.tile([0, 1], 12)
    groups = np.array([f"patient {i // 2}" for i in range(24)])
    dealt = np.full(24, NOT_DEALT)
    dealt[[0, 4, 8]], dealt[12] = [0, 1, 2], -1

    folds = make_folds(labels, groups, n_folds=3, dealt=dealt)

    for fold, (first, second) in zip(folds, [(0, 1), (4, 5), (8, 9)], strict=True):
        assert {first, second} <= set(fold)
    assert set(range(24)) - set(np.concatenate(folds)) == {12, 13}
