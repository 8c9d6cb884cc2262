"""CSV as it is typed by hand and saved by spreadsheets: read right, or refused by line."""

import warnings

import pytest

from tests.sources.small import write_folder
from voisin.errors import InputError, InputWarning
from voisin.sources.csv_file import read_rows
from voisin.sources.label_table import KnownImages, read_label_table
from voisin.sources.opening import open_images

ROWS = [["path", "label"], ["a.png", "cat"]]


def written(tmp_path, content, name="t.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("path\tlabel\na.png\tcat\n", "t.csv"),
        ("path;label\na.png;cat\n", "t.tsv"),
        ("sep=;\r\npath;label\r\na.png;cat\r\n", "t.csv"),
        ('sep=,\n"path","label"\n"a.png","cat"\n', "t.csv"),
        ("path\tlabel\r\na.png\tcat\r\n".encode("utf-16"), "t.csv"),
        ("path;label;;\r\na.png;cat;;\r\n;;;\r\n;;;\r\n", "t.csv"),
        (",path,label\n0,a.png,cat\n", "t.csv"),
        ('path, label\n"a.png", "cat"\n', "t.csv"),
        ('"path" ,"label" \n"a.png"  ,"cat" \n', "t.csv"),
    ],
)
def test_tables_of_spreadsheets_and_of_data_frames_are_read(tmp_path, content, name):
    assert read_rows(written(tmp_path, content, name)) == ROWS


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (['a.png,cat,"5 cm', "b.png,dog,", "c.png,cat,"], 2),
        (["a.png,cat,", 'b.png,dog,"5 cm', "c.png,cat,", 'd.png,dog,"6 cm', "e.png,cat,"], 3),
        (["a.png,cat,", 'b.png,dog,"5" cm', "c.png,cat,"], 3),
        (["a.png,cat,", 'b.png,"dog,', *["c.png,cat," + "x" * 70_000] * 2], 3),
        (["a.png,cat,two", 'b.png,dog,"two\nlines"', 'c.png,cat,"'], 5),
    ],
)
def test_a_stray_quotation_mark_names_its_line_and_no_row_is_lost(tmp_path, lines, line):
    content = "\n".join(["path,label,note", *lines]) + "\n"

    with pytest.raises(InputError, match=f"line {line}: a value begins with a quotation mark"):
        read_rows(written(tmp_path, content))


def test_a_stray_quotation_mark_is_refused_in_a_source_and_in_a_file_of_labels(tmp_path):
    write_folder(tmp_path, "unlabeled/a.png", "unlabeled/b.png")
    table = written(tmp_path, 'path,label\nunlabeled/a.png,"cat\nunlabeled/b.png,dog\n')

    with pytest.raises(InputError, match="line 2: a value begins with a quotation mark"):
        open_images(table)
    with pytest.raises(InputError, match="line 2: a value begins with a quotation mark"):
        read_label_table(table, KnownImages(open_images(tmp_path).ids.tolist(), ()))


def test_rows_between_two_stray_quotation_marks_are_warned_of(tmp_path):
    content = 'path,label,note\na.png,cat,"5 cm\nb.png,dog,\nc.png,cat,"\n'

    with pytest.warns(InputWarning, match="line 2: a value in quotes goes on over lines that look"):
        read_rows(written(tmp_path, content))


def test_marks_within_values_and_lines_within_quotes_are_no_fault(tmp_path):
    content = 'path,label,note\na.png,5" pipe,"says ""no"""\nb.png,cat,"one\ntwo, or so"\n'

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = read_rows(written(tmp_path, content))

    assert rows[1:] == [["a.png", '5" pipe', 'says "no"'], ["b.png", "cat", "one\ntwo, or so"]]
