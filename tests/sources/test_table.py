"""Tables: their columns as text, and the errors of damaged ones; their rows as images."""

import string

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sources.small import write_folder, write_image, write_table
from voisin.errors import InputError, InputWarning
from voisin.sources.opening import open_images
from voisin.sources.reading import read_images
from voisin.sources.table import pick_column, read_columns

texts = st.text(string.printable + "éß猫", max_size=5).map(str.strip)


# --- columns of text -----------------------------------------------------------------------


def written(tmp_path, content, name="t.csv"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.mark.filterwarnings("ignore:.*a value in quotes goes on over lines")
@pytest.mark.parametrize(("suffix", "delimiter"), [(".csv", ","), (".csv", ";"), (".tsv", "\t")])
@given(rows=st.lists(st.tuples(texts, texts).filter(any), min_size=1, max_size=5))
def test_what_was_written_is_read(suffix, delimiter, rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / f"t{suffix}"
    write_table(path, [["path", "label"], *rows], delimiter)

    columns = read_columns(path)

    assert columns == {"path": [row[0] for row in rows], "label": [row[1] for row in rows]}


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfpath,label\r\na.png,cat\r\n",
        b"path,label\na.png,cat",
        b"path , label\n\n a.png, cat \n\n",
        b'"path","label"\n"a.png","cat"\n',
        b"path;label\na.png;cat\n",
        b"path,label\ra.png,cat\r",
    ],
)
def test_marks_quotes_spaces_blank_lines_and_line_ends_do_not_matter(tmp_path, content):
    assert read_columns(written(tmp_path, content)) == {"path": ["a.png"], "label": ["cat"]}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"path,label\na.png,cat\nb.png\n", r"line 3: 1 values, but the header has 2"),
        (b'path,label\n"a\nb",cat\nb.png,cat,big\n', r"line 4: 3 values, but the header has 2"),
        ("path,label\na.png,café\n".encode("latin-1"), r"line 2: byte 0xe9 is not UTF-8"),
        (b"path,path\na.png,cat\n", r"two columns 'path'"),
        (b"path,label\n", r"has no row"),
        (b"", r"has no row"),
    ],
)
def test_a_damaged_table_names_the_line(tmp_path, content, expected):
    with pytest.raises(InputError, match=expected) as caught:
        read_columns(written(tmp_path, content))
    assert "\n" not in str(caught.value)


def test_a_value_that_never_ends_names_the_line(tmp_path):
    with pytest.raises(InputError, match="line 2: field larger than field limit"):
        read_columns(written(tmp_path, b"path,label\na.png," + b"x" * 200_000 + b"\n"))


def test_parquet_is_read_as_text_with_nothing_where_there_is_null(tmp_path):
    table = pa.table(
        {
            "text": ["a", None],
            "whole": pa.array([1, None], pa.int16()),
            "float": [2.0, 0.5],
            "class": pa.array(["x", "y"]).dictionary_encode(),
            "zero": [0, 10],
            "nested": [[1], [2]],
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")

    assert read_columns(tmp_path / "t.parquet") == {
        "text": ["a", ""],
        "whole": ["1", ""],
        "float": ["2", "0.5"],
        "class": ["x", "y"],
        "zero": ["0", "10"],
    }


def test_nan_in_parquet_is_nothing_but_the_texts_na_and_nan_are_texts(tmp_path):
    table = pa.table(
        {
            "number": [1.5, float("nan"), None],
            "half": pa.array(np.array([1, np.nan, 2], dtype=np.float16)),
            "coded": pa.array([1.5, float("nan"), None]).dictionary_encode(),
            "text": ["NA", "nan", None],
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")

    columns = read_columns(tmp_path / "t.parquet")

    assert columns["number"] == ["1.5", "", ""]
    assert columns["half"] == ["1", "", "2"]
    assert columns["coded"] == ["1.5", "", ""]
    assert columns["text"] == ["NA", "nan", ""]
    assert read_columns(written(tmp_path, b"path,label\na.png,NA\n"))["label"] == ["NA"]


def test_columns_of_parquet_that_are_not_asked_for_do_not_matter(tmp_path):
    not_text = pa.Array.from_buffers(
        pa.string(), 2, pa.array([b"\xff", b"a"], pa.binary()).buffers()
    )
    table = pa.table(
        {
            "label": ["cat", "dog"],
            "bytes": pa.array([b"\xff", b"\xfe"], pa.large_binary()),
            "fixed": pa.array([b"\xff", b"\xfe"], pa.binary(1)),
            "bad.text": not_text,
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")

    columns = read_columns(tmp_path / "t.parquet")

    assert list(columns) == ["label", "bad.text"]
    assert columns["label"] == ["cat", "dog"]
    assert pick_column(columns, "label", None, ["bytes", "label"]) == ["cat", "dog"]
    with pytest.raises(InputError, match=r"t\.parquet: column 'bad\.text' cannot be read as text"):
        columns["bad.text"]


def test_a_damaged_parquet_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="is no Parquet file, or damaged"):
        read_columns(written(tmp_path, b"PAR1 and then nothing", "t.parquet"))


def test_a_column_is_taken_by_the_first_usual_name_there_is():
    columns = {"image": ["x"], "file_name": ["y"]}

    assert pick_column(columns, "path", None, ["path", "file_name", "image"]) == ["y"]
    assert pick_column(columns, "path", "image", ["path", "file_name"]) == ["x"]
    assert pick_column(columns, "label", None, ["label"]) is None


def test_usual_names_may_be_capitalized():
    columns = {"Path": ["x"], "LABEL": ["y"], "label": ["z"]}

    assert pick_column(columns, "path", None, ["path", "file_name"]) == ["x"]
    assert pick_column(columns, "label", None, ["label"]) == ["z"]


# --- one row an image ----------------------------------------------------------------------


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
        ("cafe\u0301.png", "caf\u00e9.png"),
        ("caf\u00e9.png", "cafe\u0301"),
        ("IMG_1.JPG", "img_1.jpg"),
        ("deep/down/a.png", "deep\\down\\a.png"),
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


def test_a_file_that_could_be_two_by_its_case_is_neither(tmp_path):
    for name in ("a.png", "A.png", "b.png"):
        write_image(tmp_path / name)
    table = write_table(tmp_path / "t.csv", [["path"], ["A.PNG"], ["B.PNG"], ["A.png"]])

    assert open_images(table).reader.paths == ("A.PNG", "b.png", "A.png")


def test_a_table_without_a_column_of_labels_names_the_others(photos):
    table = write_table(photos / "t.csv", [["path", "dx", "age"], ["0.png", "cat", "3"]])

    with pytest.warns(
        InputWarning, match=r"no column 'label', .* mean 'dx'\?.*label_column`, out of dx, age"
    ):
        assert open_images(table).class_names == ()


def test_paths_may_start_from_another_folder(tmp_path):
    write_image(tmp_path / "photos" / "a.png")
    write_image(tmp_path / "photos" / "images" / "b.png")
    table = write_table(tmp_path / "here" / "t.csv", [["path"], ["a.png"], ["b.png"]])

    images = open_images(table, images_from=tmp_path / "photos")

    assert images.reader.path(0) == str(tmp_path / "photos" / "a.png")
    assert images.reader.paths == ("a.png", "images/b.png")
    with pytest.raises(InputError, match=r"in .*here and in .*images_from"):
        open_images(table)
    with pytest.raises(InputError, match="no such folder"):
        open_images(table, images_from=tmp_path / "gone")
    with pytest.raises(InputError, match=r"digits is no table"):
        open_images("digits", images_from=tmp_path)


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
    table = write_table(photos / "t.csv", [["path", "id"], ["x1", "0.png"], ["x2", "1.png"]])

    with pytest.raises(InputError, match=r"None of the 2 images .* looked for 'x1' in .*images"):
        open_images(table)


def test_a_wrong_column_says_which_there_are_and_the_closest(photos):
    table = write_table(photos / "t.csv", [["path", "diagnosis"], ["0.png", "cat"]])

    with pytest.raises(
        InputError,
        match=r"`label_column='diagnosys'` does not exist: the columns are path, diagnosis\. "
        r"Did you mean diagnosis\?",
    ):
        open_images(table, label_column="diagnosys")


def test_a_table_without_a_column_of_files_says_how_to_name_it(photos):
    table = write_table(photos / "t.csv", [["photo", "dx"], ["0.png", "cat"]])

    with pytest.raises(
        InputError, match=r"none of the columns path.* `path_column`, out of photo, dx"
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
