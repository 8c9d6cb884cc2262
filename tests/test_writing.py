"""Files and folders are replaced whole: a crash at any moment leaves the old or the new."""

from contextlib import suppress
from pathlib import Path

import pytest

from voisin.writing import (
    going_on_without,
    restore_folder,
    write_atomically,
    write_folder_atomically,
)


def write(folder, text):
    with write_folder_atomically(folder) as partial:
        (partial / "text").write_text(text)


def test_a_failed_write_leaves_the_old_folder_and_nothing_beside(tmp_path):
    write(tmp_path / "result", "old")

    def fail_half_way():
        with write_folder_atomically(tmp_path / "result") as partial:
            (partial / "text").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert (tmp_path / "result" / "text").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


@pytest.mark.parametrize("killed_at_rename", [0, 1, 2])
def test_killed_at_any_rename_the_old_or_the_new_is_found(tmp_path, monkeypatch, killed_at_rename):
    write(tmp_path / "result", "old")
    rename, done = Path.replace, []

    def killed(path, target):
        if len(done) == killed_at_rename:
            raise KeyboardInterrupt
        done.append(path)
        return rename(path, target)

    monkeypatch.setattr(Path, "replace", killed)
    with suppress(KeyboardInterrupt):
        write(tmp_path / "result", "new")
    monkeypatch.setattr(Path, "replace", rename)

    restore_folder(tmp_path / "result")

    expected = "new" if killed_at_rename == 2 else "old"
    assert (tmp_path / "result" / "text").read_text() == expected


def fail_to_write(way, path, error):
    with way(path):
        raise error


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), OSError("8 of 9 bytes")])
@pytest.mark.parametrize("way", [write_atomically, write_folder_atomically])
def test_a_full_disk_is_told_with_the_name_of_the_file(tmp_path, way, error):
    with pytest.raises(OSError, match=r"No space left on device: .*labels"):
        fail_to_write(way, tmp_path / "labels", error)
    assert list(tmp_path.iterdir()) == []


def test_what_only_saves_time_is_done_without_and_that_is_told_once(tmp_path, recwarn):
    for _ in range(3):
        fail_to_write(going_on_without, tmp_path, OSError(28, "No space left on device"))

    assert len(recwarn) == 1
    assert f"cannot be kept in {tmp_path} (No space left" in str(recwarn[0].message)
