"""Vectors of single images on disk, shared by all projects of a user.

An image is known by the hash of its content, an embedder by its fingerprint. So a vector is found
again in another run, in another folder or under another name, and one image more costs one image.

The file is an SQLite database, ``vectors.sqlite`` in the user's cache folder: several programs may
use it at once, and a crash leaves each block of vectors there as a whole or not at all. Beyond
``$VOISIN_CACHE_SIZE`` GB (5 by default; 0 keeps nothing), the vectors that were not used for the
longest time are removed. A file that cannot be read or written is done without.

This module must not know labels, projects or particular embedders.
"""

import os
import sqlite3
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voisin.errors import InputError, InputWarning
from voisin.writing import user_cache_folder

_DEFAULT_GB = 5.0  # by hand: vectors of the backbone for a million images
_SHARE_THAT_STAYS = 0.9  # of that size, by hand, when there is too much: so removing is rare
_AT_ONCE = 500  # keys in one question: every SQLite takes 999
_WAIT = 30.0  # seconds, by hand, for another program to write; a block takes less than one
_PAGE = 16_384  # bytes: three vectors of 1,280 values fill one, and none lies on two
# What is found and when it was used are apart, so that noting a use does not write vectors again.
_TABLES = """
CREATE TABLE IF NOT EXISTS kinds (kind INTEGER PRIMARY KEY, name TEXT, fingerprint TEXT UNIQUE);
CREATE TABLE IF NOT EXISTS entries (entry INTEGER PRIMARY KEY, kind INTEGER, image BLOB,
                                    used REAL, bytes INTEGER, UNIQUE (kind, image));
CREATE TABLE IF NOT EXISTS vectors (entry INTEGER PRIMARY KEY, vector BLOB);
CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, state TEXT, image BLOB);
"""
_told: set[Path] = set()  # files that a warning named


@dataclass(frozen=True)
class KeptVectors:
    """What is kept of one kind of vectors.

    Attributes
    ----------
    name : str
        As a user writes the embedder.
    n_images : int
    n_bytes : int
        Of the vectors alone.
    last_used : float
        Seconds since 1970.
    """

    name: str
    n_images: int
    n_bytes: int
    last_used: float


class VectorCache:
    """A vector for each image and kind of vectors.

    Parameters
    ----------
    folder : Path, optional
        By default ``$VOISIN_CACHE``, or the system's folder for caches.
    size : float, optional
        GB that the file may take; by default ``$VOISIN_CACHE_SIZE``, or 5.

    Raises
    ------
    InputError
        If ``$VOISIN_CACHE_SIZE`` is no number from 0.

    Examples
    --------
    >>> import tempfile
    >>> cache = VectorCache(Path(tempfile.mkdtemp()), size=0.1)
    >>> cache.keep("moments", "moments of 2026", [b"cat"], np.array([[0.5, 1.0]], dtype="f4"))
    >>> found, vectors = cache.find("moments of 2026", [b"cat", b"dog"], np.dtype("f4"))
    >>> found.tolist(), vectors.tolist()
    ([True, False], [[0.5, 1.0]])
    """

    def __init__(self, folder: Path | None = None, size: float | None = None) -> None:
        self.path = (folder or user_cache_folder()) / "vectors.sqlite"
        self.size = _read_size() if size is None else size

    @property
    def n_bytes(self) -> int:
        """Bytes that the file takes."""
        return self.path.stat().st_size if self.path.exists() else 0

    def find(
        self, fingerprint: str, images: Sequence[bytes], dtype: np.dtype[Any]
    ) -> tuple[NDArray[np.bool_], NDArray[Any]]:
        """Return which images have a vector, and these vectors, in the order of `images`.

        Parameters
        ----------
        fingerprint : str
            Names all that a vector depends on beside its image.
        images : sequence of bytes
            The hash of each image.
        dtype : dtype
            Type of the numbers.
        """
        kept: dict[bytes, bytes] = {}
        used: list[tuple[float, int]] = []
        wanted = sorted(set(images)) if self.size else []
        with self._open() as database:
            for some, marks in _in_parts(wanted):
                answer = database.execute(
                    "SELECT image, vector, entry FROM kinds JOIN entries USING (kind) "
                    "JOIN vectors USING (entry) WHERE fingerprint = ? AND bytes = LENGTH(vector) "
                    f"AND image IN ({marks})",
                    (fingerprint, *some),
                ).fetchall()
                kept |= {image: vector for image, vector, _ in answer}
                used += [(time.time(), entry) for _, _, entry in answer]
            with suppress(sqlite3.OperationalError), database:  # it may not be ours to write to
                database.execute("BEGIN IMMEDIATE")
                database.executemany("UPDATE entries SET used = ? WHERE entry = ?", used)
        found = np.array([image in kept for image in images], dtype=bool)
        vectors = np.frombuffer(b"".join(kept[i] for i in images if i in kept), dtype)
        return found, vectors.reshape(found.sum(), -1) if len(vectors) else vectors.reshape(0, 0)

    def keep(
        self, name: str, fingerprint: str, images: Sequence[bytes], vectors: NDArray[Any]
    ) -> None:
        """Keep a vector for each image; beyond the size allowed, remove those unused for longest.

        Warns
        -----
        InputWarning
            Once a file, if it cannot be written to.
        """
        if not self.size or not len(images):
            return
        with self._open(create=True) as database, database:
            database.execute("BEGIN IMMEDIATE")
            database.execute(
                "INSERT OR IGNORE INTO kinds (name, fingerprint) VALUES (?, ?)", (name, fingerprint)
            )
            find = "SELECT kind FROM kinds WHERE fingerprint = ?"
            (kind,) = database.execute(find, (fingerprint,)).fetchone()
            for image, vector in zip(images, vectors, strict=True):
                entry = database.execute(
                    "INSERT OR IGNORE INTO entries (kind, image, used, bytes) VALUES (?, ?, ?, ?)",
                    (kind, image, time.time(), vector.nbytes),
                )
                if entry.rowcount:  # else another program has kept the same
                    place = (entry.lastrowid, vector.tobytes())
                    database.execute("INSERT INTO vectors VALUES (?, ?)", place)
            self._remove_oldest(database)

    def find_files(self, states: dict[str, str]) -> dict[str, bytes]:
        """Return the hashes of the files, by path, that are in the same state as when hashed."""
        known: dict[str, bytes] = {}
        with self._open() as database:
            for some, marks in _in_parts(list(states) if self.size else []):
                query = f"SELECT path, state, image FROM files WHERE path IN ({marks})"
                rows = database.execute(query, some).fetchall()
                known |= {path: image for path, state, image in rows if state == states[path]}
        return known

    def keep_files(self, states: dict[str, str], hashes: dict[str, bytes]) -> None:
        """Keep the hashes of files by path, each with the state in which it was hashed."""
        if not self.size or not hashes:
            return
        with self._open(create=True) as database, database:
            database.execute("BEGIN IMMEDIATE")
            rows = ((path, states[path], image) for path, image in hashes.items())
            database.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", rows)

    def contents(self) -> list[KeptVectors]:
        """List what is kept, the kind used last first."""
        kept: list[Any] = []
        with self._open() as database:
            kept = database.execute(
                "SELECT name, COUNT(*), SUM(bytes), MAX(used) FROM kinds JOIN entries USING (kind) "
                "GROUP BY kind ORDER BY MAX(used) DESC"
            ).fetchall()
        return [KeptVectors(*row) for row in kept]

    def clear(self) -> None:
        """Remove everything that is kept; other programs may go on using the file."""
        with self._open() as database:
            for table in ("kinds", "entries", "vectors", "files"):
                database.execute(f"DELETE FROM {table}")
            database.execute("VACUUM")

    def _remove_oldest(self, database: sqlite3.Connection) -> None:
        """Remove the vectors used longest ago, and files without vectors, if there is too much."""
        pages, free = (
            database.execute(f"PRAGMA {of}_count").fetchone()[0] for of in ("page", "freelist")
        )
        (page,) = database.execute("PRAGMA page_size").fetchone()
        if (pages - free) * page <= 1e9 * self.size:
            return
        excess = (pages - free) * page - _SHARE_THAT_STAYS * 1e9 * self.size
        oldest = []
        for entry, size in database.execute(
            "SELECT entry, bytes FROM entries ORDER BY used, entry"
        ):
            if excess <= 0:
                break
            oldest.append((entry,))
            excess -= size
        for table in ("entries", "vectors"):
            database.executemany(f"DELETE FROM {table} WHERE entry = ?", oldest)
        database.execute("DELETE FROM files WHERE image NOT IN (SELECT image FROM entries)")

    @contextmanager
    def _open(self, *, create: bool = False) -> Iterator[sqlite3.Connection]:
        """Yield the database, or an empty one; an error ends the block with a warning."""
        with closing(self._connect(create=create)) as database:
            try:
                yield database
            except sqlite3.DatabaseError as error:
                self._warn(error)

    def _connect(self, *, create: bool) -> sqlite3.Connection:
        if create or self.path.exists():
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                return _prepare(self.path.absolute().as_uri() + "?mode=rw" + "c" * create)
            except (OSError, sqlite3.DatabaseError) as error:
                self._warn(error)
        return _prepare(":memory:")

    def _warn(self, error: Exception) -> None:
        """Warn once of a file that is full, locked or not ours; remove it if it is damaged."""
        what = f"cannot be used ({error}): the run goes on, but keeps no vectors"
        if not isinstance(error, OSError | sqlite3.OperationalError):
            with suppress(OSError):
                self.path.unlink()
            what = f"was damaged ({error}), and is begun anew"
        if self.path not in _told:
            _told.add(self.path)
            message = f"The file of kept vectors, {self.path}, {what}."
            warnings.warn(message, InputWarning, stacklevel=2)


def _prepare(place: str) -> sqlite3.Connection:
    """Open a database, and make its tables unless it is one that may only be read."""
    database = sqlite3.connect(place, timeout=_WAIT, isolation_level=None, uri=True)
    if not place.endswith("=rw"):
        database.execute(f"PRAGMA page_size = {_PAGE}")  # holds for new files alone
        database.executescript(_TABLES)
    return database


def _read_size() -> float:
    text = os.environ.get("VOISIN_CACHE_SIZE") or str(_DEFAULT_GB)
    try:
        size = float(text)
    except ValueError:
        size = -1.0
    if not 0 <= size < float("inf"):
        message = (
            f"VOISIN_CACHE_SIZE={text!r} is no number of GB: set 5, say, or 0 to keep nothing."
        )
        raise InputError(message)
    return size


def _in_parts(keys: Sequence[Any]) -> Iterator[tuple[Sequence[Any], str]]:
    """Yield some of the keys at a time, with a question mark for each."""
    for start in range(0, len(keys), _AT_ONCE):
        some = keys[start : start + _AT_ONCE]
        yield some, ", ".join("?" * len(some))
