"""A few labels: drawn, read from a file and checked; and a test split drawn by groups."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voisin.errors import InputError, InputWarning
from voisin.sources.arrays import ArrayReader
from voisin.sources.collection import collect_images
from voisin.sources.few_labels import check_classes, draw_labels, draw_test
from voisin.sources.opening import open_images

seeds = st.integers(0, 2**32 - 1)
LABELS = np.repeat([0, 1, 2, -1], [50, 20, 10, 5])


def collection(labels, n_classes, groups=None):
    pixels = np.zeros((len(labels), 2, 2), dtype=np.uint8)
    return collect_images(
        "made up",
        ArrayReader([pixels], "made up"),
        [f"image-{number}" for number in range(len(labels))],
        np.asarray(labels),
        [f"class-{number}" for number in range(n_classes)],
        groups=None if groups is None else [str(group) for group in groups],
    )


def grouped(random_state, n_samples=300, n_groups=120, n_classes=4):
    """Labels and groups, where a group holds images of one class only."""
    rng = np.random.default_rng(random_state)
    groups = rng.integers(0, n_groups, n_samples)
    return rng.integers(0, n_classes, n_groups)[groups], groups


# --- draw_labels ---------------------------------------------------------------------------


@given(seed=seeds, count=st.integers(1, 10))
def test_each_class_gets_as_many_labels_as_asked_and_keeps_its_own(seed, count):
    drawn = draw_labels(LABELS, labels_per_class=count, random_state=seed)

    assert np.bincount(drawn[drawn >= 0]).tolist() == [count] * 3
    assert (drawn[drawn >= 0] == LABELS[drawn >= 0]).all()


@given(seed=seeds)
def test_the_same_random_state_draws_the_same(seed):
    first = draw_labels(LABELS, labels_per_class=5, random_state=seed)
    second = draw_labels(LABELS, labels_per_class=5, random_state=np.random.default_rng(seed))

    np.testing.assert_array_equal(first, second)


def test_another_random_state_draws_others_and_all_images_have_the_same_chance():
    hits = np.zeros(len(LABELS))
    for seed in range(2_000):
        hits += draw_labels(LABELS, labels_per_class=5, random_state=seed) >= 0

    expected = np.array([5 / 50, 5 / 20, 5 / 10, 0])[LABELS]
    deviation = np.sqrt(expected * (1 - expected) / 2_000)
    assert (abs(hits / 2_000 - expected) <= 5 * deviation).all()


@given(seed=seeds, fewer=st.integers(1, 10), more=st.integers(1, 10))
def test_fewer_labels_are_a_part_of_more(seed, fewer, more):
    fewer, more = sorted([fewer, more])
    small = draw_labels(LABELS, labels_per_class=fewer, random_state=seed) >= 0
    large = draw_labels(LABELS, labels_per_class=more, random_state=seed) >= 0

    assert (large | ~small).all()


@given(seed=seeds, extra=st.integers(1, 40))
def test_a_draw_does_not_change_with_the_size_of_other_classes(seed, extra):
    longer = np.concatenate([LABELS, np.full(extra, 1), [3] * 5])

    before = draw_labels(LABELS, labels_per_class=5, random_state=seed)
    after = draw_labels(longer, labels_per_class=5, random_state=seed)

    for class_ in (0, 2):
        np.testing.assert_array_equal(
            np.flatnonzero(before == class_), np.flatnonzero(after == class_)
        )


@given(seed=seeds)
def test_no_two_images_of_a_group_are_drawn(seed):
    labels, groups = grouped(seed)
    drawn = draw_labels(labels, labels_per_class=5, groups=groups, random_state=seed)

    assert np.unique(groups[drawn >= 0], return_counts=True)[1].max() == 1
    assert np.bincount(drawn[drawn >= 0]).tolist() == [5] * 4


@given(seed=seeds)
def test_no_two_images_of_a_group_are_drawn_even_of_different_classes(seed):
    groups = np.repeat(np.arange(40), 2)
    labels = np.tile([0, 1], 40)
    drawn = draw_labels(labels, labels_per_class=20, groups=groups, random_state=seed)

    assert len(set(groups[drawn >= 0])) == 40
    assert np.bincount(drawn[drawn >= 0]).tolist() == [20, 20]


def test_the_rarest_class_draws_first_where_groups_are_shared():
    labels = np.array([0] * 8 + [1])
    groups = np.array(["a"] * 2 + list("bcdefg") + ["a"])

    for seed in range(50):
        drawn = draw_labels(labels, labels_per_class=1, groups=groups, random_state=seed)
        assert drawn[8] == 1
        assert (drawn[:2] == -1).all()


def test_too_small_a_class_gives_all_it_has_and_is_named():
    with pytest.warns(
        InputWarning,
        match=r"Fewer than `labels_per_class=15` labeled images: cow \(10\); all are taken",
    ):
        drawn = draw_labels(
            LABELS, labels_per_class=15, class_names=["cat", "dog", "cow"], random_state=0
        )

    assert np.bincount(drawn[drawn >= 0]).tolist() == [15, 15, 10]


def test_a_class_with_too_few_groups_gives_one_image_of_each():
    labels = np.array([0] * 6 + [1] * 6)
    groups = np.array(list("aabbcc") + list("defghi"))

    with pytest.warns(InputWarning, match=r"groups of labeled images: class 0 \(3\)"):
        drawn = draw_labels(labels, labels_per_class=4, groups=groups, random_state=0)

    assert sorted(groups[drawn == 0]) == ["a", "b", "c"]
    assert (drawn == 1).sum() == 4


def test_there_must_be_labels_to_draw():
    with pytest.raises(InputError, match="None of the 3 images is labeled"):
        draw_labels(np.full(3, -1), labels_per_class=1)
    with pytest.raises(InputError, match="`labels_per_class=0` is too small"):
        draw_labels(LABELS, labels_per_class=0)


# --- draw_test -----------------------------------------------------------------------------


@given(seed=seeds, share=st.sampled_from([0.1, 0.25, 0.5, 0.8]))
def test_each_class_gives_its_share_to_the_nearest_image(seed, share):
    images = collection(LABELS, n_classes=3)
    in_test = draw_test(images, share=share, random_state=seed) == "test"

    counts = np.bincount(LABELS[in_test & (LABELS >= 0)], minlength=3)
    assert (abs(counts - share * np.array([50, 20, 10])) <= 0.5).all()
    assert not in_test[LABELS == -1].any()


@given(seed=seeds)
def test_groups_never_part_between_train_and_test(seed):
    labels, groups = grouped(seed)
    splits = draw_test(collection(labels, 4, groups), share=0.3, random_state=seed)

    assert not set(groups[splits == "test"]) & set(groups[splits == "train"])
    for class_ in range(4):
        largest = max(np.bincount(groups[labels == class_]), default=0)
        n_test = (labels[splits == "test"] == class_).sum()
        assert abs(n_test - 0.3 * (labels == class_).sum()) <= largest / 2 + 1e-9


def test_the_same_random_state_sets_the_same_aside_and_another_others():
    images = collection(LABELS, n_classes=3)
    first, same, other = (draw_test(images, share=0.3, random_state=seed) for seed in (0, 0, 1))

    assert (first == same).all()
    assert (first != other).any()


def test_unlabeled_images_follow_their_group():
    images = collection([0, -1, 0, -1, -1], 1, groups=["a", "a", "b", "b", "c"])

    for seed in range(10):
        splits = draw_test(images, share=0.5, random_state=seed)
        assert splits[0] == splits[1] != splits[2] == splits[3]
        assert splits[4] == "train"


def test_a_collection_labeled_in_part_gives_each_class_its_share_of_the_known_labels():
    labels = np.full(1_000, -1)
    labels[:60] = np.repeat([0, 1], [40, 20])  # class 2 has none
    in_test = draw_test(collection(labels, n_classes=3), share=0.25, random_state=0) == "test"

    assert np.bincount(labels[in_test]).tolist() == [10, 5]


def test_a_source_with_splits_keeps_them():
    with pytest.raises(InputError, match="digits has splits already"):
        draw_test(open_images("digits"), share=0.2)


@pytest.mark.parametrize("labels", [[0, 1], [-1, -1]])
def test_a_share_that_leaves_one_side_empty_is_refused(labels):
    message = r"test share of 0\.1 of the . labeled images of made up.*pass another \(`test_share`"
    with pytest.raises(InputError, match=message):
        draw_test(collection(labels, 2), share=0.1)


@pytest.mark.parametrize("share", [0, 1, -0.2, 1.5])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(InputError, match=r"outside \(0, 1\)"):
        draw_test(replace(open_images("digits"), splits=None), share=share)


# --- check_classes --------------------------------------------------------------------------


def test_labels_of_two_classes_are_enough():
    check_classes(np.array([0, -1, 1]), ["cat", "dog"])


def test_no_label_is_an_error():
    with pytest.raises(InputError, match="None of the 2 images is labeled"):
        check_classes(np.array([-1, -1]), ["cat", "dog"])


@pytest.mark.parametrize("class_names", [["cat"], ["cat", "dog", "cow"]])
def test_a_single_label_is_an_error_in_the_singular(class_names):
    with pytest.raises(InputError, match="There is one label, so all are of one class, cat"):
        check_classes(np.array([0, -1]), class_names)


@pytest.mark.parametrize("class_names", [["cat"], ["cat", "dog", "cow"]])
def test_labels_of_one_class_are_an_error(class_names):
    with pytest.raises(InputError, match="All 2 labels are of one class, cat"):
        check_classes(np.array([0, 0, -1]), class_names)


def test_classes_without_labels_are_named():
    with pytest.warns(InputWarning, match="No image is labeled dog, ant, so no image will get"):
        check_classes(np.array([0, 2, -1]), ["cat", "dog", "cow", "ant"])
