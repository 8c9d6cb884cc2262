"""NPZ files, with MedMNIST's keys or plain."""

import re
import zipfile

import numpy as np
import pytest
from PIL import Image

from tests.sources.small import medmnist_arrays, random_pixels
from voisin.errors import InputError
from voisin.sources.medmnist import read_sets
from voisin.sources.npz_file import NpzArray
from voisin.sources.opening import open_images
from voisin.sources.reading import read_images


def saved(tmp_path, name="plain.npz", **arrays):
    np.savez_compressed(tmp_path / name, **arrays)
    return tmp_path / name


def test_splits_follow_one_another_with_unique_ids(tmp_path):
    arrays = medmnist_arrays()
    images = open_images(saved(tmp_path, "mine.npz", **arrays))

    assert images.name == "mine"
    assert images.ids.tolist() == [
        *(f"train-{number:05d}" for number in range(4)),
        *(f"val-{number:05d}" for number in range(2)),
        *(f"test-{number:05d}" for number in range(3)),
    ]
    assert images.labels.tolist() == [0, 1, 0, 1, 0, 1, 0, 1, 0]
    expected = np.concatenate([arrays[f"{split}_images"] for split in ("train", "val", "test")])
    np.testing.assert_array_equal(read_images(images, size=6).pixels[..., 0], expected)


@pytest.mark.parametrize("present", [("train",), ("test",), ("test", "train"), ("val", "test")])
def test_any_subset_of_the_splits_will_do(tmp_path, present):
    arrays = {key: value for key, value in medmnist_arrays().items() if key.startswith(present)}

    images = open_images(saved(tmp_path, **arrays))

    assert set(images.splits) == set(present)
    assert images.class_names == ("0", "1")


@pytest.mark.parametrize(("id_key", "group_key"), [("image_ids", "lesion_ids"), ("ids", "groups")])
def test_ids_and_groups_of_the_splits_are_read(tmp_path, id_key, group_key):
    arrays = medmnist_arrays()
    for split, n_images in [("train", 4), ("val", 2), ("test", 3)]:
        arrays[f"{split}_{id_key}"] = np.array([f"{split}{n}" for n in range(n_images)])
        arrays[f"{split}_{group_key}"] = np.array(["shared", *"abc"[: n_images - 1]])

    images = open_images(saved(tmp_path, **arrays))

    assert images.ids[[0, 4, 8]].tolist() == ["train0", "val0", "test2"]
    assert images.groups[[0, 4, 6]].tolist() == ["shared"] * 3


def test_groups_for_some_splits_only_are_refused(tmp_path):
    arrays = medmnist_arrays() | {"train_groups": np.array(list("abcd"))}

    with pytest.raises(InputError, match="groups for some splits only"):
        open_images(saved(tmp_path, **arrays))


@pytest.mark.parametrize("stem", ["dermamnist", "DermaMNIST_64", "dermamnist-mine"])
def test_class_names_are_those_of_the_set_that_the_file_is_named_after(tmp_path, stem):
    images = open_images(saved(tmp_path, f"{stem}.npz", **medmnist_arrays()))

    assert images.class_names == read_sets()["dermamnist"].class_names


def test_a_plain_file_is_not_named_after_a_set(tmp_path):
    path = saved(tmp_path, "dermamnist.npz", images=random_pixels(2), labels=[0, 1])

    assert open_images(path).class_names == ("0", "1")


def test_numbers_are_the_class_names_where_labels_do_not_fit_the_set(tmp_path):
    arrays = medmnist_arrays()
    arrays["train_labels"][0] = 9

    images = open_images(saved(tmp_path, "breastmnist.npz", **arrays))

    assert images.class_names == tuple("0123456789")


def test_class_names_of_the_file_go_before_all(tmp_path):
    arrays = medmnist_arrays() | {"class_names": np.array(["no", "yes", "perhaps"])}

    assert open_images(saved(tmp_path, "dermamnist.npz", **arrays)).class_names == (
        "no",
        "yes",
        "perhaps",
    )


def test_a_plain_file_has_integers_with_minus_one_where_unknown(tmp_path):
    images = open_images(saved(tmp_path, images=random_pixels(4), labels=[2, -1, 0, -1]))

    assert images.labels.tolist() == [2, -1, 0, -1]
    assert images.class_names == ("0", "1", "2")
    assert images.ids.tolist() == ["image-00000", "image-00001", "image-00002", "image-00003"]
    assert images.splits is None
    assert images.groups is None


def test_a_plain_file_may_have_texts_with_nothing_where_unknown(tmp_path):
    images = open_images(
        saved(
            tmp_path,
            images=random_pixels(4),
            labels=["dog", "", "cat", "dog"],
            ids=["w", "x", "y", "z"],
            groups=["p", "p", "", ""],
            splits=["train", "", "validation", "test"],
        )
    )

    assert images.labels.tolist() == [1, -1, 0, 1]
    assert images.class_names == ("cat", "dog")
    assert images.ids.tolist() == ["w", "x", "y", "z"]
    assert images.splits.tolist() == ["train", "train", "val", "test"]
    assert len(set(images.groups)) == 3


@pytest.mark.parametrize(
    "groups", [np.array([1.0, 1.0, np.nan, np.nan]), np.array(["1.0", "1.0", "nan", "nan"])]
)
def test_an_image_with_nan_for_a_group_stands_alone(tmp_path, groups):
    path = saved(tmp_path, images=random_pixels(4), labels=[0, 1, 0, 1], groups=groups)

    read = open_images(path).groups

    assert read[0] == read[1]
    assert len(set(read)) == 3


def test_nan_among_texts_is_an_unknown_label_and_no_split(tmp_path):
    images = open_images(
        saved(
            tmp_path,
            images=random_pixels(3),
            labels=["cat", "nan", "dog"],
            splits=["nan", "train", "test"],
        )
    )

    assert images.class_names == ("cat", "dog")
    assert images.labels.tolist() == [0, -1, 1]
    assert images.splits.tolist() == ["train", "train", "test"]


def test_splits_may_have_labels_of_different_integers(tmp_path):
    arrays = medmnist_arrays()
    arrays["train_labels"] = arrays["train_labels"].astype(np.uint64)
    arrays["test_labels"] = np.array([1, -1, 0], dtype=np.int64)

    images = open_images(saved(tmp_path, **arrays))

    assert images.labels.tolist() == [0, 1, 0, 1, 0, 1, 1, -1, 0]
    assert images.labels.dtype == np.int64


def test_labels_of_text_in_one_split_and_integers_in_another_are_refused(tmp_path):
    arrays = medmnist_arrays() | {"test_labels": np.array(["0", "1", "0"])}

    with pytest.raises(InputError, match="labels has dtype <U1, uint8: pass integers"):
        open_images(saved(tmp_path, **arrays))


@pytest.mark.parametrize(
    ("key", "values", "expected"),
    [
        ("labels", np.zeros(100_000, dtype=np.int8), r"shape \(100000,\): pass \(2,\)"),
        ("ids", np.zeros(100_000, dtype="<U1"), r"shape \(100000,\): pass \(2,\)"),
        ("groups", np.zeros(2, dtype="<U100000"), "entries of 400,000 bytes, more than the 16,384"),
        (
            "class_names",
            np.zeros(100_000, dtype="<U1"),
            r"shape \(100000,\): pass one name per class",
        ),
        ("class_names", np.zeros(2, dtype="<U100000"), "entries of 400,000 bytes"),
    ],
)
def test_an_array_far_too_large_is_refused_before_it_is_read(
    tmp_path, monkeypatch, key, values, expected
):
    arrays = {"images": random_pixels(2), "labels": np.array([0, 1])} | {key: values}
    path = saved(tmp_path, **arrays)
    read = NpzArray.read
    monkeypatch.setattr(
        NpzArray, "read", lambda self: pytest.fail("was read") if self.key == key else read(self)
    )

    with pytest.raises(InputError, match=expected):
        open_images(path)


def test_all_labels_may_be_unknown(tmp_path):
    images = open_images(saved(tmp_path, images=random_pixels(2), labels=[-1, -1]))

    assert images.class_names == ()


def test_texts_must_be_among_the_class_names_given(tmp_path):
    path = saved(
        tmp_path, images=random_pixels(2), labels=["cat", "dgo"], class_names=["cat", "dog"]
    )

    with pytest.raises(
        InputError, match=r"'dgo' is no class: there are cat, dog\. Did you mean dog"
    ):
        open_images(path)


def test_integers_beyond_the_class_names_are_refused(tmp_path):
    path = saved(tmp_path, images=random_pixels(2), labels=[0, 2], class_names=["cat", "dog"])

    with pytest.raises(InputError, match=r"labels go from 0 to 2, but there are 2 class_names"):
        open_images(path)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (np.array([0, -2]), "labels go from -2 to 0: number the classes from 0"),
        (np.array([0, 70_000]), "number the classes from 0"),
        (np.array([0, 2**64 - 1], dtype=np.uint64), "number the classes from 0"),
        (np.array([0.0, 1.0]), "dtype float64: pass integers, -1 where unknown"),
        (np.array([[0, 1], [1, 0]]), "labels has 2 columns: several labels per image"),
        (np.array([0, 1, 2]), r"labels has shape \(3,\): pass \(2,\), one per image"),
    ],
)
def test_labels_that_cannot_be_used_are_refused(tmp_path, labels, expected):
    with pytest.raises(InputError, match=expected):
        open_images(saved(tmp_path, images=random_pixels(2), labels=labels))


def test_pickled_arrays_are_refused(tmp_path):
    labels = np.array(["cat", None], dtype=object)

    with pytest.raises(InputError, match=r"plain\.npz: labels holds Python objects"):
        open_images(saved(tmp_path, images=random_pixels(2), labels=labels))


def test_a_file_without_the_keys_says_which_it_has(tmp_path):
    with pytest.raises(InputError, match=r"neither images and labels.*: it has x, y"):
        open_images(saved(tmp_path, x=np.zeros(1), y=np.zeros(1)))
    with pytest.raises(InputError, match="has no array 'labels': it has images, label"):
        open_images(saved(tmp_path, images=random_pixels(2), label=np.zeros(2)))


def test_repeated_ids_are_refused(tmp_path):
    path = saved(tmp_path, images=random_pixels(2), labels=[0, 1], ids=["a", "a"])

    with pytest.raises(InputError, match="The id 'a' occurs more than once"):
        open_images(path)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"\x80\x04K\x01."])
def test_what_is_no_npz_file_is_refused(tmp_path, content):
    (tmp_path / "bad.npz").write_bytes(content)

    with pytest.raises(InputError, match=r"bad\.npz is no NPZ file, or damaged"):
        open_images(tmp_path / "bad.npz")


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (np.zeros((2, 3, 8, 9), np.uint8), r"channels come first here: .*transpose\(0, 2, 3, 1\)"),
        (np.zeros((2, 784), np.uint8), r"shape \(2, 784\): pass \(n, height, width\)"),
        (np.zeros((2, 8, 8, 8), np.uint8), r"shape \(2, 8, 8, 8\): pass \(n, height, width\)"),
        (np.zeros((0, 8, 8), np.uint8), r"shape \(0, 8, 8\)"),
        (np.zeros((2, 8, 8), np.int64), r"dtype int64: pass uint8"),
    ],
)
def test_arrays_that_are_no_images_are_refused(tmp_path, images, expected):
    with pytest.raises(InputError, match=expected):
        open_images(saved(tmp_path, images=images, labels=np.zeros(len(images), dtype=int)))


def test_images_with_too_many_pixels_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)

    with pytest.raises(InputError, match="5 × 4 pixels per image, more than the 10 allowed"):
        open_images(saved(tmp_path, images=random_pixels(2), labels=[0, 1]))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([0, 128, 129, 65535], dtype=np.uint16), [0, 0, 1, 255]),
        (np.array([0, 0.4, 0.5, 1], dtype=np.float32), [0, 102, 128, 255]),
        (np.array([0, 0.4, 0.5, 1], dtype=np.float16), [0, 102, 128, 255]),
        (np.array([False, True, True, False]), [0, 255, 255, 0]),
        (np.array([0, 7, 8, 255], dtype=np.uint8), [0, 7, 8, 255]),
    ],
)
def test_values_of_other_types_are_brought_to_eight_bits(tmp_path, values, expected):
    path = saved(tmp_path, images=values.reshape(1, 2, 2), labels=[0])

    pixels = read_images(open_images(path), size=2).pixels

    np.testing.assert_allclose(pixels.ravel(), expected, atol=int(values.dtype == np.float16))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            1.01,
            r"images\[2\] has float64 values from 0 to 1\.01: pass uint8, or floats from 0 to 1",
        ),
        (-0.5, "from -0.5 to 1"),
        (np.nan, r"images\[2\] has NaN among its float64 values"),
        (np.inf, "from 0 to inf"),
    ],
)
def test_an_image_of_floats_beyond_one_is_unreadable_and_the_others_are_not(
    tmp_path, value, expected
):
    values = np.linspace(0, 1, 40 * 4).reshape(40, 2, 2)
    values[2] = [[0, 1], [1, value]]
    path = saved(tmp_path, images=values, labels=np.zeros(40, dtype=int))

    read = read_images(open_images(path), size=2)

    assert len(read.images) == 39
    assert list(read.unreadable) == ["image-00002"]
    assert re.search(expected, read.unreadable["image-00002"])


def test_an_array_of_floats_up_to_255_says_what_to_pass(tmp_path):
    path = saved(tmp_path, images=random_pixels(9).astype(float), labels=[0] * 9)

    with pytest.raises(InputError, match=r"pass uint8, or floats from 0 to 1.*Mend or remove them"):
        read_images(open_images(path))


def test_channels_are_gray_color_or_color_with_alpha_over_white(tmp_path):
    gray = random_pixels(3, 4, 4, 1)
    color = random_pixels(3, 4, 4, 3)
    half_red = np.full((3, 4, 4, 4), (255, 0, 0, 51), dtype=np.uint8)

    def read(images):
        path = saved(tmp_path, images=images, labels=[0, 1, 0])
        return read_images(open_images(path), size=4).pixels

    np.testing.assert_array_equal(read(gray), gray)
    np.testing.assert_array_equal(read(gray[..., 0]), gray)
    np.testing.assert_array_equal(read(color), color)
    np.testing.assert_array_equal(read(half_red)[0, 0, 0], [255, 204, 204])


def test_a_gray_split_beside_one_in_color_gives_color(tmp_path):
    arrays = medmnist_arrays()
    arrays["test_images"] = random_pixels(3, 6, 6, 3)

    images = open_images(saved(tmp_path, **arrays))

    assert images.reader.n_channels == 3
    assert read_images(images).pixels.shape == (9, 28, 28, 3)


def test_images_are_not_read_before_they_are_asked_for(tmp_path):
    path = saved(tmp_path, images=random_pixels(50, 40, 40, 3), labels=np.zeros(50, dtype=int))
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo("images.npy")
    content = bytearray(path.read_bytes())
    middle = member.header_offset + member.compress_size // 2
    content[middle : middle + 100] = bytes(100)
    path.write_bytes(content)

    images = open_images(path)

    with pytest.raises(InputError, match="images is damaged, encrypted or packed"):
        read_images(images)
