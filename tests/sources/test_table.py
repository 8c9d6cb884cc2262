"""A table with one row an image, beside its files."""

import numpy as np
import pytest

from tests.sources.small import write_folder, write_image, write_table
from voisin.errors import InputError
from voisin.sources.opening import open_images
from voisin.sources.reading import read_images


@pytest.fixture
def photos(tmp_path):
    return write_folder(tmp_path, *(f"{number}.png" for number in range(4)))


@pytest.mark.parametrize("column", ["path", "file_name", "image"])
def test_the_file_of_an_image_is_found_by_its_usual_column(photos, column):
    table = write_table(photos / "t.csv", [[column, "label"], ["2.png", "cat"], ["0.png", "dog"]])

    images = open_images(table)

    assert images.name == "t"
    assert images.ids.tolist() == ["2.png", "0.png"]
    assert images.reader.paths == ("2.png", "0.png")
    assert images.class_names == ("cat", "dog")
    assert images.groups is None
    assert images.splits is None


def test_every_column_is_read_by_its_usual_name(photos):
    table = write_table(
        photos / "t.csv",
        [
            ["id", "path", "label", "group", "split"],
            ["a", "0.png", "cat", "p1", "training"],
            ["b", "1.png", "", "p1", "valid"],
            ["c", "2.png", "dog", "", ""],
            ["d", "3.png", "dog", "", "TEST"],
        ],
    )

    images = open_images(table)

    assert images.ids.tolist() == ["a", "b", "c", "d"]
    assert images.labels.tolist() == [0, -1, 1, 1]
    assert images.splits.tolist() == ["train", "val", "train", "test"]
    assert images.groups[0] == images.groups[1] == "p1"
    assert len(set(images.groups)) == 3  # an empty group stands alone


def test_every_column_can_have_another_name(photos):
    table = write_table(
        photos / "t.csv",
        [["no", "photo", "dx", "patient", "fold"], ["a", "0.png", "cat", "p1", "test"]],
    )

    images = open_images(
        table,
        id_column="no",
        path_column="photo",
        label_column="dx",
        group_column="patient",
        split_column="fold",
    )

    assert images.ids.tolist() == ["a"]
    assert images.class_names == ("cat",)
    assert images.groups.tolist() == ["p1"]
    assert images.splits.tolist() == ["test"]


def test_a_table_without_labels_is_unlabeled(photos):
    images = open_images(write_table(photos / "t.csv", [["path"], ["0.png"], ["1.png"]]))

    assert images.labels.tolist() == [-1, -1]
    assert images.class_names == ()


@pytest.mark.parametrize(
    ("stored", "written"),
    [
        ("a.png", "a"),
        ("a.JPG", "a"),
        ("images/a.png", "a.png"),
        ("images/a.png", "a"),
        ("deep/down/a.png", "deep/down/a"),
        ("images/deep/a.png", "deep/a.png"),
        ("a.b.png", "a.b"),
    ],
)
def test_suffix_and_images_folder_may_be_left_out(tmp_path, stored, written):
    write_image(tmp_path / stored)
    table = write_table(tmp_path / "t.csv", [["path"], [written]])

    images = open_images(table)

    assert images.ids.tolist() == [written]
    assert len(read_images(images).images) == 1


def test_the_name_as_it_is_written_goes_before_a_guess(tmp_path):
    for number, name in enumerate(["a.png", "a.png.jpg", "a.jpg", "images/a.png"]):
        write_image(tmp_path / name, np.full((2, 2), number * 50, dtype=np.uint8))
    table = write_table(tmp_path / "t.csv", [["id", "path"], ["whole", "a.png"], ["stem", "a"]])

    images = open_images(table)

    assert images.reader.paths == ("a.png", "a.jpg")


def test_an_absolute_path_is_taken_as_it_is(tmp_path):
    path = write_image(tmp_path / "elsewhere" / "a.png")
    table = write_table(tmp_path / "here" / "t.csv", [["path"], [str(path)]])

    assert len(read_images(open_images(table)).images) == 1


def test_missing_files_are_unreadable_images(photos):
    rows = [["path"], ["0.png"], ["gone.png"], ["1.png"]]

    read = read_images(open_images(write_table(photos / "t.csv", rows)), max_unreadable=0.5)

    assert read.images.ids.tolist() == ["0.png", "1.png"]
    assert "there is no such file" in read.unreadable["gone.png"]


def test_a_column_without_any_file_is_refused_before_the_work(photos):
    table = write_table(photos / "t.csv", [["path", "file"], ["x1", "0.png"], ["x2", "1.png"]])

    with pytest.raises(InputError, match=r"None of the 2 images .* looked for 'x1' in .*images"):
        open_images(table)


def test_a_wrong_column_says_which_there_are_and_the_closest(photos):
    table = write_table(photos / "t.csv", [["path", "diagnosis"], ["0.png", "cat"]])

    with pytest.raises(
        InputError,
        match=r"label_column='diagnosys' does not exist: the columns are path, diagnosis\. "
        r"Did you mean diagnosis\?",
    ):
        open_images(table, label_column="diagnosys")


def test_a_table_without_a_column_of_files_says_how_to_name_it(photos):
    table = write_table(photos / "t.csv", [["photo", "dx"], ["0.png", "cat"]])

    with pytest.raises(
        InputError, match=r"none of the columns path.* path_column, out of photo, dx"
    ):
        open_images(table)


@pytest.mark.parametrize(
    ("header", "rows", "expected"),
    [
        (["id", "path"], [["a", "0.png"], ["a", "1.png"]], "The id 'a' occurs more than once"),
        (["path"], [["0.png"], ["1.png"], ["0.png"]], "The path '0.png' occurs more than once"),
        (["id", "path"], [["a", "0.png"], ["", "1.png"]], "The id of row 2 is empty"),
        (["path", "label"], [["", "cat"], ["0.png", "cat"]], "The path of row 1 is empty"),
        (["path", "split"], [["0.png", "dev"]], "'dev' is no split: there are train, val and test"),
    ],
)
def test_values_that_cannot_be_used_are_refused(photos, header, rows, expected):
    with pytest.raises(InputError, match=expected):
        open_images(write_table(photos / "t.csv", [header, *rows]))


def test_the_same_file_may_stand_in_two_rows_with_their_own_ids(photos):
    table = write_table(photos / "t.csv", [["id", "path"], ["a", "0.png"], ["b", "0.png"]])

    assert len(read_images(open_images(table)).images) == 2


@pytest.mark.parametrize("suffix", [".tsv", ".parquet"])
def test_other_formats_give_the_same_collection(photos, suffix):
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [["path", "label"], ["0.png", "10"], ["1.png", ""], ["2.png", "9"]]
    other = photos / f"t{suffix}"
    if suffix == ".tsv":
        write_table(other, rows, delimiter="\t")
    else:
        pq.write_table(
            pa.table({"path": ["0.png", "1.png", "2.png"], "label": [10, None, 9]}), other
        )

    images = open_images(other)
    expected = open_images(write_table(photos / "t.csv", rows))

    assert images.ids.tolist() == expected.ids.tolist()
    assert images.labels.tolist() == expected.labels.tolist() == [1, -1, 0]
    assert images.class_names == expected.class_names == ("9", "10")
