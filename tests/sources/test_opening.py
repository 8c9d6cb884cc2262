"""`open_images` refuses a source that does not exist, or is of no known kind."""

import subprocess
import sys

import numpy as np
import pytest

from voisin.errors import InputError
from voisin.sources.opening import locate_source, open_images


@pytest.mark.parametrize(
    ("source", "meant"), [("dermamnits", "dermamnist"), ("digit", "digits"), ("DigitS!", "digits")]
)
def test_a_mistyped_name_is_corrected(source, meant):
    with pytest.raises(InputError, match=rf"{source} does not exist\. Did you mean {meant}\?"):
        open_images(source)


def test_a_missing_path_says_so_and_names_the_nearest(tmp_path):
    (tmp_path / "lesions.csv").touch()

    with pytest.raises(InputError, match=r"lesion\.csv does not exist\. .*lesions\.csv\?"):
        open_images(tmp_path / "lesion.csv")


def test_an_unknown_source_is_answered_with_all_kinds():
    with pytest.raises(InputError) as caught:
        open_images("/nowhere/at/all")

    line = str(caught.value)
    assert "\n" not in line
    for word in ("digits", "dermamnist", ".npz", ".csv", ".tsv", ".parquet", "folder"):
        assert word in line


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("none")

    with pytest.raises(InputError, match=r"notes\.txt is of no known kind\. Pass one of: digits"):
        open_images(tmp_path / "notes.txt")


def test_a_name_goes_before_a_path_of_the_same_name(tmp_path, monkeypatch):
    (tmp_path / "digits").mkdir()
    monkeypatch.chdir(tmp_path)

    assert len(open_images("digits")) == 1797
    with pytest.raises(InputError, match="holds no image"):
        open_images("./digits")


def test_a_source_is_found_again_from_elsewhere_by_its_name_or_an_absolute_path(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits" / "a").mkdir(parents=True)
    np.savez(tmp_path / "dermamnist.npz")

    assert locate_source("digits") == "digits"
    assert locate_source("./digits") == str(tmp_path / "digits")
    assert locate_source("dermamnist_64") == "dermamnist_64"
    assert locate_source("dermamnist.npz") == str(tmp_path / "dermamnist.npz")


def test_a_size_below_one_is_refused():
    with pytest.raises(InputError, match="`size=0` is too small"):
        open_images("digits", size=0)


def test_opening_loads_no_library_that_the_source_does_not_need(tmp_path):
    heavy = ["torch", "pyarrow", "sklearn", "pooch", "requests", "matplotlib"]
    code = f"import sys, voisin.sources.opening; print([m for m in {heavy} if m in sys.modules])"

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    assert printed.stdout.strip() == b"[]"


def test_what_the_system_refuses_is_one_line():
    with pytest.raises(InputError, match=r"cannot be read: .*too long"):
        open_images("x" * 5_000)


def test_an_empty_source_is_not_taken_for_this_folder():
    with pytest.raises(InputError, match="The source is an empty text: pass a path or a name"):
        open_images("")


def test_an_array_is_no_source():
    with pytest.raises(InputError, match="The source is a ndarray: pass a path or a name"):
        open_images(np.zeros((5, 28, 28)))
