"""A folder: sub-folders are classes, perhaps below splits."""

import os
import shutil
import subprocess
import sys

import pytest
from PIL import Image

from tests.sources.small import write_folder, write_image
from voisin.errors import InputError, InputWarning
from voisin.sources import decoding
from voisin.sources.decoding import IMAGE_SUFFIXES
from voisin.sources.opening import open_images
from voisin.sources.reading import read_images


def named(images):
    """Class name, or None, by id."""
    return {
        str(id_): images.class_names[label] if label >= 0 else None
        for id_, label in zip(images.ids, images.labels, strict=True)
    }


def test_a_sub_folder_is_a_class_and_loose_images_have_none(tmp_path):
    write_folder(
        tmp_path / "pets", "dog/a.png", "cat/b.png", "unlabeled/c.png", "Unlabelled/d.png", "e.png"
    )

    images = open_images(tmp_path / "pets")

    assert images.name == "pets"
    assert images.class_names == ("cat", "dog")
    assert images.splits is None
    assert images.groups is None
    assert named(images) == {
        "cat/b.png": "cat",
        "dog/a.png": "dog",
        "e.png": None,
        "unlabeled/c.png": None,
        "Unlabelled/d.png": None,
    }


def test_splits_stand_above_the_classes(tmp_path):
    write_folder(
        tmp_path,
        "train/cat/1.png",
        "train/unlabeled/2.png",
        "Validation/cat/3.png",
        "test/dog/4.png",
        "test/5.png",
        "unlabeled/6.png",
        "7.png",
    )

    images = open_images(tmp_path)

    assert dict(zip(images.ids.tolist(), images.splits.tolist(), strict=True)) == {
        "train/cat/1.png": "train",
        "train/unlabeled/2.png": "train",
        "Validation/cat/3.png": "val",
        "test/dog/4.png": "test",
        "test/5.png": "test",
        "unlabeled/6.png": "train",
        "7.png": "train",
    }
    assert images.class_names == ("cat", "dog")
    assert [id_ for id_, name in named(images).items() if name is None] == [
        "7.png",
        "test/5.png",
        "train/unlabeled/2.png",
        "unlabeled/6.png",
    ]


def test_a_split_beside_other_folders_is_a_class_with_a_warning(tmp_path):
    write_folder(tmp_path, "train/1.png", "car/1.png", "bus/1.png")

    with pytest.warns(InputWarning, match="train in .* could be splits, but bus is not one"):
        images = open_images(tmp_path)

    assert images.class_names == ("bus", "car", "train")
    assert images.splits is None


def test_folders_below_a_class_belong_to_it(tmp_path):
    write_folder(tmp_path, "cat/left/1.png", "cat/right/deep/1.png", "dog/1.png")

    assert named(open_images(tmp_path)) == {
        "cat/left/1.png": "cat",
        "cat/right/deep/1.png": "cat",
        "dog/1.png": "dog",
    }


def test_an_empty_folder_of_a_class_is_a_class_without_images(tmp_path):
    write_folder(tmp_path, "cat/1.png", "dog/1.png")
    (tmp_path / "cow").mkdir()

    assert open_images(tmp_path).class_names == ("cat", "cow", "dog")


def test_an_empty_folder_elsewhere_is_no_class(tmp_path):
    write_folder(tmp_path / "plain", "cat/1.png", "dog/1.png")
    (tmp_path / "plain" / "cat" / "empty").mkdir()
    (tmp_path / "plain" / "notes" / "empty").mkdir(parents=True)
    write_folder(tmp_path / "split", "train/cat/1.png", "test/dog/1.png")
    for name in ("cache", "train/cow", "train/notes/empty"):
        (tmp_path / "split" / name).mkdir(parents=True)

    assert open_images(tmp_path / "plain").class_names == ("cat", "dog")
    assert open_images(tmp_path / "split").class_names == ("cat", "cow", "dog")


@pytest.mark.parametrize("mark", ["voisin.toml", ".voisin.lock"])
@pytest.mark.parametrize("place", ["project", "cat/project", "deep/below/project"])
def test_a_project_among_the_images_is_passed_over(tmp_path, mark, place):
    write_folder(tmp_path, "cat/1.png", "dog/1.png", f"{place}/picture.png")
    (tmp_path / place / "cache").mkdir()
    (tmp_path / place / mark).touch()

    images = open_images(tmp_path)

    assert images.ids.tolist() == ["cat/1.png", "dog/1.png"]
    assert images.class_names == ("cat", "dog")


def test_a_folder_that_is_asked_for_is_read_whatever_it_holds(tmp_path):
    write_folder(tmp_path, "cat/1.png")
    (tmp_path / "voisin.toml").touch()

    assert open_images(tmp_path).ids.tolist() == ["cat/1.png"]


def test_the_order_is_that_of_the_paths_whatever_their_case(tmp_path):
    write_folder(tmp_path, "b/1.png", "A/2.png", "a2/1.png", "b/B.png", "b/a.png")

    assert open_images(tmp_path).ids.tolist() == [
        "A/2.png",
        "a2/1.png",
        "b/1.png",
        "b/a.png",
        "b/B.png",
    ]


def test_classes_that_are_numbers_are_sorted_as_numbers(tmp_path):
    write_folder(tmp_path, *(f"{number}/1.png" for number in (10, 9, 1)))

    assert open_images(tmp_path).class_names == ("1", "9", "10")


def test_other_and_hidden_files_are_passed_over(tmp_path):
    write_folder(tmp_path, "cat/1.png", "cat/.2.png", ".git/3.png", "cat/4.JPG")
    (tmp_path / "cat" / "notes.txt").write_text("none")
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "readme.md").write_text("none")

    images = open_images(tmp_path)

    assert images.ids.tolist() == ["cat/1.png", "cat/4.JPG"]
    assert images.class_names == ("cat",)


def test_the_name_is_the_folders_even_when_it_is_written_as_a_dot(tmp_path, monkeypatch):
    write_folder(tmp_path / "pets", "cat/1.png")
    monkeypatch.chdir(tmp_path / "pets")

    assert open_images(".").name == "pets"


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_are_followed_but_not_in_circles(tmp_path):
    write_folder(tmp_path / "elsewhere", "1.png")
    write_folder(tmp_path / "pets", "cat/1.png")
    (tmp_path / "pets" / "dog").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "pets" / "cat" / "round").symlink_to(tmp_path / "pets")

    images = open_images(tmp_path / "pets")

    assert images.ids.tolist() == ["cat/1.png", "dog/1.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_broken_link_is_an_unreadable_image(tmp_path):
    write_folder(tmp_path, "cat/1.png")
    (tmp_path / "cat" / "2.png").symlink_to(tmp_path / "gone.png")

    read = read_images(open_images(tmp_path), max_unreadable=0.5)

    assert "there is no such file" in read.unreadable["cat/2.png"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes there")
def test_a_pipe_is_passed_over(tmp_path):
    write_folder(tmp_path, "cat/1.png")
    os.mkfifo(tmp_path / "cat" / "2.png")

    assert open_images(tmp_path).ids.tolist() == ["cat/1.png"]


def test_a_folder_without_images_says_which_suffixes_there_are(tmp_path):
    (tmp_path / "notes.txt").write_text("none")

    with pytest.raises(InputError, match=r"holds no image: .*\.jpg.*\.webp"):
        open_images(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="file names are Unicode there")
def test_a_file_name_that_is_not_unicode_is_refused(tmp_path):
    path = write_image(tmp_path / "cat" / "1.png")
    os.rename(path, os.fsencode(tmp_path) + b"/cat/caf\xe9.png")  # noqa: PTH104

    with pytest.raises(InputError, match=r"caf\\udce9\.png' is not UTF-8: rename"):
        open_images(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are UTF-8 elsewhere")
@pytest.mark.parametrize("source", ["", "t.csv", "caf\u00e9"])
def test_a_locale_without_utf8_is_blamed_and_not_the_file(tmp_path, source):
    write_folder(tmp_path, "caf\u00e9/1.png", "tea/1.png")
    (tmp_path / "t.csv").write_text("path,label\ncaf\u00e9/1.png,cup\n", encoding="utf-8")
    code = "import sys, voisin; voisin.open_images(sys.argv[1])"
    ascii_only = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}

    ended = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / source)],
        env=ascii_only | kept,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "set PYTHONUTF8=1, or a UTF-8 locale" in ended.stderr
    assert "rename this file" not in ended.stderr


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="all may be read here")
def test_a_folder_that_may_not_be_read_is_an_error(tmp_path):
    write_folder(tmp_path, "cat/1.png", "dog/1.png")
    (tmp_path / "dog").chmod(0)

    with pytest.raises(InputError, match="cannot be read"):
        open_images(tmp_path)


def test_pictures_of_kinds_that_are_not_read_are_counted_in_a_warning(tmp_path):
    write_folder(tmp_path, "cat/a.png", "dog/b.png")
    for name in ("cat/c.HEIC", "cat/d.heic", "dog/e.dcm", "dog/notes.txt"):
        (tmp_path / name).write_bytes(b"?")

    with pytest.warns(
        InputWarning, match=r"Pictures in .* not read: 3 \(\.dcm 1, \.heic 2\)\. Convert"
    ):
        images = open_images(tmp_path)

    assert images.ids.tolist() == ["cat/a.png", "dog/b.png"]


def test_every_suffix_of_a_format_that_is_read_is_an_image(tmp_path):
    Image.init()
    read = {suffix for suffix, kind in Image.EXTENSION.items() if kind in decoding._FORMATS}
    assert set(IMAGE_SUFFIXES) == read | {".mpo"}

    write_folder(tmp_path, "cat/1.png", "dog/1.ppm", "dog/2.jp2")
    for name in ("bird/1.jfif", "bird/2.JPE", "cat/2.mpo"):
        photo = write_image(tmp_path / "photo.jpg")
        (tmp_path / name).parent.mkdir(exist_ok=True)
        photo.rename(tmp_path / name)

    images = open_images(tmp_path)

    assert images.class_names == ("bird", "cat", "dog")
    assert len(read_images(images).images) == 6


def test_pictures_without_a_suffix_of_pictures_are_counted_in_a_warning(tmp_path):
    write_folder(tmp_path, "cat/a.png", "dog/b.png")
    for name in ("cat/c", "cat/d.png_old", "dog/e.0001"):
        shutil.copy(tmp_path / "cat" / "a.png", tmp_path / name)
    (tmp_path / "cat" / "notes").write_text("none")

    with pytest.warns(
        InputWarning, match=r"not read: 3 \(\.0001 1, \.png_old 1, no suffix 1\).* give them"
    ):
        images = open_images(tmp_path)

    assert images.ids.tolist() == ["cat/a.png", "dog/b.png"]


@pytest.mark.parametrize("name", ["__MACOSX", "@eaDir"])
def test_folders_of_the_system_are_passed_over(tmp_path, name):
    write_folder(tmp_path, "cat/1.png", "dog/1.png", f"{name}/._1.png", f"cat/{name}/1.png")

    images = open_images(tmp_path)

    assert images.ids.tolist() == ["cat/1.png", "dog/1.png"]
    assert images.class_names == ("cat", "dog")


def test_a_spreadsheet_is_to_be_saved_as_csv(tmp_path):
    (tmp_path / "pets.xlsx").write_bytes(b"PK")

    with pytest.raises(InputError, match=r"pets\.xlsx is a spreadsheet: save it as CSV \(UTF-8\)"):
        open_images(tmp_path / "pets.xlsx")


@pytest.mark.parametrize("name", ["pets.zip", "pets.tar.gz"])
def test_an_archive_is_to_be_unpacked(tmp_path, name):
    (tmp_path / name).write_bytes(b"PK")

    with pytest.raises(InputError, match=f"{name} is an archive: unpack it"):
        open_images(tmp_path / name)
