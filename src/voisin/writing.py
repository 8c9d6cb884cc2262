"""Write files and folders atomically: a crash leaves either the old or the new version.

This module must not know what is written.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial"  # suffix of a file or folder that is being written
REPLACED = ".replaced"  # suffix of a folder that is about to be removed


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """Yield a file path to write to; the file replaces `path` if the block ends without error.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "figures.txt"
    >>> with write_atomically(target) as partial:
    ...     _ = partial.write_text("0.83")
    >>> target.read_text()
    '0.83'
    """
    partial = path.with_name(f"{path.name}{PARTIAL}")
    try:
        yield partial
        _sync(partial)
        partial.replace(path)
        _sync(path.parent)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def write_folder_atomically(path: Path) -> Iterator[Path]:
    """Yield a new folder to write to; it replaces `path` if the block ends without error.

    A folder cannot be renamed over another, so the old one is renamed first, and removed when the
    new one is in place. Before reading, call `restore_folder`: it undoes a crash between the two
    renames.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "arrays"
    >>> for text in ("old", "new"):
    ...     with write_folder_atomically(target) as partial:
    ...         _ = (partial / "name.txt").write_text(text)
    >>> (target / "name.txt").read_text(), sorted(path.name for path in target.parent.iterdir())
    ('new', ['arrays'])
    """
    partial, replaced = (path.with_name(f"{path.name}{end}") for end in (PARTIAL, REPLACED))
    restore_folder(path)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        for file in partial.iterdir():
            _sync(file)
        if path.exists():
            path.replace(replaced)
        partial.replace(path)
        _sync(path.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        if path.exists():
            shutil.rmtree(replaced, ignore_errors=True)


def restore_folder(path: Path) -> None:
    """Put back a folder if the program was killed while the folder was being replaced."""
    replaced = path.with_name(f"{path.name}{REPLACED}")
    if replaced.exists() and not path.exists():
        replaced.replace(path)


def _sync(path: Path) -> None:
    """Write a file, or the names in a folder, to disk before other steps rely on it."""
    if path.is_dir() and os.name == "nt":
        return  # Windows cannot open folders
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
