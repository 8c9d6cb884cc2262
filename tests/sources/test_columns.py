"""Tables as text: what can be read, and what is said of the rest."""

import string

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sources.small import write_table
from voisin.errors import InputError
from voisin.sources.columns import pick_column, read_columns

texts = st.text(string.printable + "éß猫", max_size=5).map(str.strip)


def written(tmp_path, content, name="t.csv"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("suffix", "delimiter"), [(".csv", ","), (".csv", ";"), (".tsv", "\t")])
@given(rows=st.lists(st.tuples(texts, texts), min_size=1, max_size=5))
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
        (b'path,label\n"a.png,cat\n', r"has no row|line 3|values"),
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
