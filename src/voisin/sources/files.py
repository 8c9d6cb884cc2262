"""Images that lie in files, one a file; it knows paths, not labels."""

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from voisin.sources.decoding import decode_file, is_gray_file

_N_HEADERS = 100  # files looked at to tell gray from color


@dataclass(frozen=True, eq=False)
class FileReader:
    """Decodes image files.

    Parameters
    ----------
    folder : Path
        Where relative paths start.
    paths : tuple of str
        Path of the image at each position.
    """

    folder: Path
    paths: tuple[str, ...]

    @cached_property
    def n_channels(self) -> int:
        """1 if up to 100 evenly spaced files are all gray by their headers, else 3."""
        spaced = np.unique(np.linspace(0, len(self.paths) - 1, _N_HEADERS).astype(int))
        seen = (is_gray_file(self.folder / self.paths[position]) for position in spaced)
        known = [gray for gray in seen if gray is not None]
        return 1 if known and all(known) else 3

    def load(self, position: int) -> Image.Image:
        """Decode one file, as mode ``L`` or ``RGB``."""
        return decode_file(self.folder / self.paths[position])

    def path(self, position: int) -> str:
        """Where the image's file is."""
        return str(self.folder / self.paths[position])

    def fingerprint(self) -> str:
        """Digest of every file's path, size and time of change."""
        digest = hashlib.sha256()
        for path in self.paths:
            digest.update(f"{path}\0{_size_and_time(self.folder / path)}\0".encode())
        return digest.hexdigest()


def _size_and_time(path: Path) -> str:
    try:
        found = os.stat(path)  # noqa: PTH116 - a million of them: twice as quick as Path.stat
    except OSError:
        return "absent"
    return f"{found.st_size} {found.st_mtime_ns}"
