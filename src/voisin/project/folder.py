"""A project's folder: its files, and a lock so that only one run at a time works in it."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from voisin.errors import ProjectError
from voisin.project.cache import Cache
from voisin.sources.collection import check_name
from voisin.writing import PARTIAL, write_atomically

SETTINGS = "voisin.toml"
SCHEMA = 2  # version of a run's files; by convention raised when older ones cannot be read
_LOCK = ".voisin.lock"  # marks a folder as a project, even if its first run was interrupted


class Project:
    """The files of one project.

    Parameters
    ----------
    folder : Path
        Made when it is first written to. A folder that holds other things is refused.

    Raises
    ------
    ProjectError
        If the path is a file, or a folder with files that are not a project's.
    InputError
        If the path cannot be written as UTF-8.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        check_name(str(folder.absolute()))
        if folder.exists() and not folder.is_dir():
            message = f"{folder} is a file: pass a new or empty folder, or an earlier project's."
            raise ProjectError(message)
        ours = any((folder / name).exists() for name in (SETTINGS, _LOCK))
        if folder.is_dir() and not ours and any(folder.iterdir()):
            message = (
                f"{folder} is not empty and has no {SETTINGS}, so its files are not a project's: "
                "pass a new or empty folder."
            )
            raise ProjectError(message)

    @contextmanager
    def locked(self) -> Iterator[Cache]:
        """Lock the folder against other runs, and yield the project's cache.

        Raises
        ------
        ProjectError
            If another run works in this folder.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = (
                f"{self.folder} cannot be made ({error.strerror}): pass a folder that you may "
                "write to."
            )

            raise ProjectError(message) from error
        lock = FileLock(self.folder / _LOCK, timeout=0)
        try:
            lock.acquire()
        except Timeout as error:
            message = (
                f"{self.folder} is in use by another run: wait for it, or pass another folder."
            )
            raise ProjectError(message) from error
        except OSError as error:
            message = f"{self.folder} cannot be written to ({error.strerror}): pass another folder."
            raise ProjectError(message) from error
        try:
            for leftover in self.folder.glob(f"*{PARTIAL}"):
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
            yield Cache(self.folder / "cache")
        finally:
            lock.release()

    def write_settings(self, settings: Mapping[str, object]) -> None:
        """Write ``voisin.toml``; leave out settings that are None, since TOML has no null."""
        lines = [
            f"{name} = {_toml(value)}" for name, value in settings.items() if value is not None
        ]
        self.write_text(SETTINGS, "\n".join([f"schema = {SCHEMA}", *lines, ""]))

    def write_text(self, name: str, text: str) -> Path:
        """Write one text file, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / name
        with write_atomically(path) as partial:
            partial.write_text(text, encoding="utf-8")
        return path


def _toml(value: object) -> str:
    """Write a value as TOML: numbers and booleans as in JSON, all else as strings or a list."""
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return json.dumps(str(value), ensure_ascii=False)
