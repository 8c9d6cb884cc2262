"""What every source promises, whatever its kind."""

import os
from dataclasses import fields

import numpy as np
import pytest

from tests.sources.small import (
    medmnist_arrays,
    random_pixels,
    write_folder,
    write_image,
    write_table,
)
from voisin.errors import InputError
from voisin.sources.collection import Columns, summarize
from voisin.sources.opening import KINDS, open_images
from voisin.sources.reading import load_picture, read_images


def small_digits(folder):
    return "digits"


def small_medmnist(folder):
    return "BreastMNIST"


def small_split_npz(folder):
    np.savez_compressed(folder / "split.npz", **medmnist_arrays())
    return folder / "split.npz"


def small_npz(folder):
    np.savez(
        folder / "plain.npz",
        images=random_pixels(7),
        labels=["cat", "dog", "", "cat", "dog", "dog", ""],
        groups=list("aabbccd"),
    )
    return folder / "plain.npz"


def small_folder(folder):
    return write_folder(
        folder / "photos", "cat/1.png", "cat/2.png", "dog/1.png", "unlabeled/1.png", "2.png"
    )


def small_table(folder):
    for number in range(4):
        write_image(folder / f"{number}.png", random_state=number)
    return write_table(
        folder / "table.csv",
        [
            ["path", "label", "group", "split"],
            ["0.png", "cat", "a", "train"],
            ["1.png", "dog", "a", "train"],
            ["2.png", "", "", "test"],
            ["3.png", "dog", "c", "test"],
        ],
    )


SOURCES = {
    "digits": small_digits,
    "medmnist": small_medmnist,
    "split npz": small_split_npz,
    "npz": small_npz,
    "folder": small_folder,
    "table": small_table,
}


@pytest.fixture(params=list(SOURCES.values()), ids=list(SOURCES))
def source(request, tmp_path, medmnist_server):
    return request.param(tmp_path)


def test_every_kind_is_tested_here(tmp_path, medmnist_server):
    recognized = {
        kind.description
        for make in SOURCES.values()
        for kind in KINDS
        if kind.recognizes(make(tmp_path))
    }

    assert recognized == {kind.description for kind in KINDS}


def test_exactly_one_kind_recognizes_a_source(source):
    assert [kind.recognizes(source) for kind in KINDS].count(True) == 1


def test_all_arrays_have_one_entry_an_image(source):
    images = open_images(source)

    for array in (images.labels, images.ids, images.positions, images.groups, images.splits):
        assert array is None or array.shape == (len(images),)
    assert len(images) > 0


def test_ids_are_unique_and_stay_the_same(source):
    images = open_images(source)

    assert len(set(images.ids)) == len(images)
    assert images.ids.tolist() == open_images(source).ids.tolist()


def test_labels_are_integers_within_the_classes_or_minus_one(source):
    images = open_images(source)

    assert images.labels.dtype == np.int64
    assert images.labels.min() >= -1
    assert images.labels.max() < images.n_classes
    assert len(set(images.class_names)) == images.n_classes


def test_splits_are_train_val_and_test(source):
    images = open_images(source)

    assert images.splits is None or set(images.splits) <= {"train", "val", "test"}
    assert len(images.in_split("train")) > 0


def test_pixels_stay_with_their_ids_when_images_are_taken_in_any_order(source):
    images = open_images(source)
    row = dict(zip(images.ids, read_images(images).pixels, strict=True))
    order = np.random.default_rng(0).permutation(len(images))[: len(images) - 1]

    taken = read_images(images.take(order))

    assert taken.images.ids.tolist() == images.ids[order].tolist()
    for id_, pixels in zip(taken.images.ids, taken.pixels, strict=True):
        np.testing.assert_array_equal(pixels, row[id_])


def test_images_differ_from_one_another(source):
    pixels = read_images(open_images(source), size=8).pixels

    assert len(np.unique(pixels, axis=0)) == len(pixels)


def test_pictures_are_gray_or_color_as_the_reader_says(source):
    images = open_images(source)
    modes = {images.reader.load(int(position)).mode for position in images.positions}

    assert modes == ({"L"} if images.reader.n_channels == 1 else {"RGB"})
    assert read_images(images, size=3).pixels.shape == (len(images), 3, 3, images.reader.n_channels)


def test_a_picture_to_look_at_is_no_longer_than_asked(source):
    assert max(load_picture(open_images(source), 0, size=3).size) == 3


def test_the_fingerprint_stays_while_the_source_does(source):
    assert open_images(source).reader.fingerprint() == open_images(source).reader.fingerprint()


@pytest.mark.parametrize("kind", ["split npz", "npz"])
def test_the_fingerprint_changes_with_the_images_of_a_file(kind, tmp_path):
    path = SOURCES[kind](tmp_path)
    before = open_images(path).reader.fingerprint()
    with np.load(path) as arrays:
        changed = {key: 255 - arrays[key] if "images" in key else arrays[key] for key in arrays}
    np.savez(path, **changed)

    assert open_images(path).reader.fingerprint() != before


@pytest.mark.parametrize("kind", ["folder", "table"])
@pytest.mark.parametrize("change", ["content", "removal", "time"])
def test_the_fingerprint_changes_with_any_image_file(kind, change, tmp_path):
    images = open_images(SOURCES[kind](tmp_path))
    before = images.reader.fingerprint()
    path = images.reader.folder / images.reader.paths[1]
    time = path.stat().st_mtime_ns
    if change == "removal":
        path.unlink()
    elif change == "content":
        path.write_bytes(path.read_bytes() + b"more")
        os.utime(path, ns=(time, time))
    else:
        os.utime(path, ns=(0, 0))

    assert images.reader.fingerprint() != before


def test_the_summary_counts_every_image_once(source):
    images = open_images(source)
    summary = summarize(images)

    assert summary.n_images == len(images)
    assert sum(summary.class_counts.values()) == summary.n_labeled
    assert tuple(summary.class_counts) == images.class_names
    assert sum(summary.split_counts.values()) == (0 if images.splits is None else len(images))


@pytest.mark.parametrize("column", [field.name for field in fields(Columns)])
def test_columns_are_refused_where_there_is_no_table(source, column):
    option = {f"{column}_column": "colour"}
    expected = "does not exist" if str(source).endswith(".csv") else "only a table has columns"

    with pytest.raises(InputError, match=expected):
        open_images(source, **option)
