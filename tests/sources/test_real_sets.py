"""The real data sets are read as they are meant."""

import tarfile

import numpy as np
import pytest

from voisin.sources.collection import summarize
from voisin.sources.opening import open_images
from voisin.sources.reading import read_images

pytestmark = pytest.mark.data
SPLITS = ("train", "val", "test")


def test_dermamnist_has_its_classes_lesions_splits_and_pixels(data_folder):
    images = open_images(data_folder / "dermamnist.npz")
    summary = summarize(images)

    assert summary.split_counts == {"train": 7007, "val": 1003, "test": 2005}
    assert images.class_names[4] == "melanoma"
    train = summarize(images.in_split("train"))
    assert list(train.class_counts.values()) == [228, 359, 769, 80, 779, 4693, 99]
    in_train = np.isin(images.groups, images.in_split("train").groups)
    assert in_train[images.splits == "test"].mean() == pytest.approx(0.346, abs=0.0005)
    assert images.ids[0].startswith("ISIC_")
    with np.load(data_folder / "dermamnist.npz") as arrays:
        expected = np.concatenate([arrays[f"{split}_images"] for split in SPLITS])
    np.testing.assert_array_equal(read_images(images).pixels, expected)


def test_fashion_mnist_is_gray_and_has_no_val(data_folder):
    images = open_images(data_folder / "fashion_mnist.npz")
    some = images.take(np.arange(0, 70_000, 700))

    assert summarize(images).split_counts == {"train": 60_000, "test": 10_000}
    assert images.class_names == tuple("0123456789")
    with np.load(data_folder / "fashion_mnist.npz") as arrays:
        expected = np.concatenate([arrays["train_images"], arrays["test_images"]])[::700]
    np.testing.assert_array_equal(read_images(some).pixels[..., 0], expected)


def test_ham10000_is_a_table_beside_its_photographs_and_gives_dermamnist(data_folder, tmp_path):
    with tarfile.open(data_folder / "ham10000_200x150.tar") as archive:
        members = [member for member in archive if member.isfile()][:300]
        for member in members:
            (tmp_path / member.name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / member.name).write_bytes(archive.extractfile(member).read())
    table = (data_folder / "ham10000_metadata.csv").read_text().splitlines()
    unpacked = {member.name.removeprefix("images/").removesuffix(".jpg") for member in members}
    rows = [row for row in table[1:] if row.split(",")[1] in unpacked]
    (tmp_path / "ham10000_metadata.csv").write_text("\n".join([table[0], *rows]))

    images = open_images(
        tmp_path / "ham10000_metadata.csv",
        path_column="image_id",
        label_column="dx",
        group_column="lesion_id",
    )
    read = read_images(images)

    assert len(images) == 300
    assert set(images.class_names) <= {"akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"}
    assert images.groups[0].startswith("HAM_")
    assert read.unreadable == {}
    derma = open_images(data_folder / "dermamnist.npz")
    place = {id_: row for row, id_ in enumerate(derma.ids)}
    same = derma.take(np.array([place[id_] for id_ in read.images.ids]))
    # Both were made from the same photographs by the same rule; decoders of JPEG may differ by one.
    difference = abs(read.pixels.astype(int) - read_images(same).pixels)
    assert difference.max() <= 2
    assert (read.images.groups == same.groups).all()


def test_all_of_ham10000_without_photographs_is_read_as_a_table(data_folder, tmp_path):
    (tmp_path / "images").mkdir()
    with tarfile.open(data_folder / "ham10000_200x150.tar") as archive:
        for member in archive:
            if member.isfile():
                (tmp_path / member.name).touch()
    (tmp_path / "t.csv").write_bytes((data_folder / "ham10000_metadata.csv").read_bytes())

    images = open_images(
        tmp_path / "t.csv", path_column="image_id", label_column="dx", group_column="lesion_id"
    )

    assert summarize(images).class_counts == {
        "akiec": 327,
        "bcc": 514,
        "bkl": 1099,
        "df": 115,
        "mel": 1113,
        "nv": 6705,
        "vasc": 142,
    }
    assert summarize(images).n_groups == 7470
