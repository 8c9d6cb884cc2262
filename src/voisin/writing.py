"""Write files and folders atomically: a crash leaves either the old or the new version.

This module must not know what is written.
"""

import errno
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from voisin.errors import InputWarning

PARTIAL = ".partial"  # suffix of a file or folder that is being written
_told: set[Path] = set()  # folders that a warning named
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
    except OSError as error:
        raise _naming(path, error) from error
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
    try:
        partial.mkdir(parents=True)
        yield partial
        for file in partial.iterdir():
            _sync(file)
        if path.exists():
            path.replace(replaced)
        partial.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise _naming(path, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        if path.exists():
            shutil.rmtree(replaced, ignore_errors=True)


@contextmanager
def going_on_without(folder: Path) -> Iterator[None]:
    """Go on if a file that only saves time later cannot be written into `folder`; warn once.

    Warns
    -----
    InputWarning
        If the disk is full, or the folder cannot be written to.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp()) / "absent"
    >>> with warnings.catch_warnings(record=True, action="always") as told:
    ...     with going_on_without(folder):
    ...         _ = (folder / "half-done.txt").write_text("0.5")
    >>> len(told)
    1
    """
    try:
        yield
    except OSError as error:
        if folder not in _told:
            _told.add(folder)
            message = (
                f"Unfinished work cannot be kept in {folder} ({error.strerror}): "
                "the run goes on, but if it is stopped, it begins again."
            )
            warnings.warn(message, InputWarning, stacklevel=3)  # at the caller of the context


def user_cache_folder() -> Path:
    """Return the folder of what all projects share: ``$VOISIN_CACHE``, or the system's for caches.

    Examples
    --------
    >>> user_cache_folder().is_absolute()
    True
    """
    import pooch

    return Path(os.environ.get("VOISIN_CACHE") or pooch.os_cache("voisin")).absolute()


def restore_folder(path: Path) -> None:
    """Put back a folder if the program was killed while the folder was being replaced."""
    replaced = path.with_name(f"{path.name}{REPLACED}")
    if replaced.exists() and not path.exists():
        replaced.replace(path)


def _naming(path: Path, error: OSError) -> OSError:
    """Return the error with the file in its text: none is named if the disk is full.

    NumPy's error then has no number either: it only says how much it wrote.
    """
    return OSError(
        error.errno or errno.ENOSPC, error.strerror or os.strerror(errno.ENOSPC), str(path)
    )


def _sync(path: Path) -> None:
    """Write a file, or the names in a folder, to disk before other steps rely on it."""
    if path.is_dir() and os.name == "nt":
        return  # Windows cannot open folders
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
