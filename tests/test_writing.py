"""Files and folders are replaced whole: a crash at any moment leaves the old or the new."""

from contextlib import suppress
from pathlib import Path

import pytest

from voisin.writing import restore_folder, write_folder_atomically


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
