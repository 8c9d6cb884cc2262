"""Decode image files to gray or color with 8 bits. This module must not know labels or ids.

====================== ==========================================================
in the file            becomes
====================== ==========================================================
EXIF orientation       applied
1 bit, gray            gray
palette, CMYK, YCbCr   color
alpha, transparent     placed on white
16 bits per channel    8 bits, with the full range scaled: 65535 becomes 255
several frames, pages  the first; `decode_file` marks it
32-bit float           unreadable: its range is not known
====================== ==========================================================
"""

import hashlib
import os
import threading
import warnings
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from voisin.errors import UnreadableImageError

# All suffixes of `_FORMATS` that Pillow knows, and of JPEGs with a second picture (.mpo). Where a
# table leaves the suffix out, the first goes before the others.
IMAGE_SUFFIXES = (
    ".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".jfif", ".jpe",
    ".mpo", ".apng", ".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx", ".ppm", ".pgm", ".pbm",
    ".pnm", ".pfm",
)  # fmt: skip
# The formats that Pillow may try. Others are left out because, for example, a PostScript file would
# start another program, whatever its suffix.
_FORMATS = ("BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
# First bytes of PNG, JPEG, GIF, TIFF, JPEG 2000 and Photoshop files; WebP, HEIC and AVIF have
# theirs further on. Those of BMP and PPM are too short to tell such files from others.
_FIRST_BYTES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*", b"\0\0\0\x0cjP", b"8BPS")
SEVERAL = "several"  # key in the info of a picture whose file holds others, too
_SUBFILE_TYPE = 254  # a page's tag in TIFF; the lowest bit marks a smaller copy of another page
_WIDE_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N")  # Pillow's modes with over 8 bits per pixel
_GRAY_MODES = ("1", "L", "LA", *_WIDE_MODES)  # Pillow's modes without color
# Number of spaced files that are asked first whether they are color, chosen by hand: color is
# mostly found among them. Only if all are gray, every header is read: 70,000 take 2 seconds.
_N_HEADERS = 100
_warnings_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class FileReader:
    """Reads images from files that hold one image each.

    Parameters
    ----------
    folder : Path
        Folder that relative paths start from.
    paths : tuple of str
        Path of the image at each position.
    """

    folder: Path
    paths: tuple[str, ...]

    @cached_property
    def n_channels(self) -> int:
        """1 if all files are gray by their headers, else 3; files without a header do not count."""
        spaced = np.linspace(0, len(self.paths) - 1, min(_N_HEADERS, len(self.paths))).astype(int)
        known = False
        for position in chain(spaced.tolist(), range(len(self.paths))):
            is_gray = is_gray_file(self.folder / self.paths[position])
            if is_gray is False:
                return 3
            known |= is_gray is True
        return 1 if known else 3

    def load(self, position: int) -> Image.Image:
        """Decode one file to mode ``L`` or ``RGB``."""
        return decode_file(self.folder / self.paths[position])

    def path(self, position: int) -> str:
        """Path of one image file."""
        return str(self.folder / self.paths[position])

    def fingerprint(self) -> str:
        """Hash of the path, size and modification time of all files."""
        digest = hashlib.sha256()
        for path in self.paths:
            try:
                status = os.stat(self.folder / path)  # noqa: PTH116 - twice as quick as Path.stat
                state = f"{status.st_size} {status.st_mtime_ns}"
            except OSError:
                state = "absent"
            digest.update(f"{path}\0{state}\0".encode())
        return digest.hexdigest()


def decode_file(path: Path) -> Image.Image:
    r"""Decode an image file to mode ``L`` or ``RGB``, turned upright by its EXIF orientation.

    If the file holds several images, the first is returned, and `SEVERAL` is in its ``info``.

    Raises
    ------
    UnreadableImageError
        If the file is missing, truncated, damaged, of an unknown format, or larger than
        Pillow's ``Image.MAX_IMAGE_PIXELS``; the message says which file and why.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "white.png"
    >>> Image.new("1", (3, 2), 1).save(path)
    >>> decode_file(path).tobytes()
    b'\xff\xff\xff\xff\xff\xff'
    """
    try:
        with _open_file(path) as picture:
            picture.load()
            try:
                upright = ImageOps.exif_transpose(picture)
            except Exception:  # noqa: BLE001 - damaged EXIF: keep the pixels as they are
                upright = picture
            decoded = to_gray_or_color(upright)
            decoded.info = {SEVERAL: True} if _holds_several(picture) else {}
            return decoded
    except Exception as error:  # on damaged files, Pillow raises almost any error
        match error:
            case FileNotFoundError():
                reason = "there is no such file"
            case UnidentifiedImageError():
                reason = f"it is none of {', '.join(_FORMATS)}"
            case Image.DecompressionBombWarning() | Image.DecompressionBombError():
                reason = f"it has more pixels than the {Image.MAX_IMAGE_PIXELS} allowed"
            case OSError(strerror=str(strerror)):
                reason = strerror.lower()
            case _:
                reason = str(error).rstrip(".") or type(error).__name__
        message = f"{path} cannot be read: {reason}."
        raise UnreadableImageError(message) from error


def looks_like_picture(path: Path) -> bool:
    r"""Whether a file begins as pictures do, whatever its suffix; False if it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "photo"
    >>> _ = path.write_bytes(b"\x89PNG ...")
    >>> looks_like_picture(path)
    True
    """
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError:
        return False
    of_phones = start[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypavif")
    return start.startswith(_FIRST_BYTES) or start[8:12] == b"WEBP" or of_phones


def is_gray_file(path: Path) -> bool | None:
    """Return whether a file is gray by its header; None if it cannot be opened."""
    try:
        with _open_file(path) as picture:
            return _is_gray(picture)
    except Exception:  # noqa: BLE001 - decode_file will say why
        return None


def to_gray_or_color(picture: Image.Image) -> Image.Image:
    """Convert a picture of any mode to ``L`` or ``RGB``; transparent pixels become white.

    Raises
    ------
    UnreadableImageError
        If its values have no known range.

    Examples
    --------
    >>> half_black = Image.new("LA", (1, 1), (0, 127))
    >>> to_gray_or_color(half_black).getpixel((0, 0))
    128
    """
    if picture.mode in _WIDE_MODES:
        values = np.asarray(picture)
        if values.min() < 0 or values.max() > np.iinfo(np.uint16).max:
            message = (
                f"its values go from {values.min()} to {values.max()}, beyond 16 bits: "
                "save it with 8 or 16 bits"
            )
            raise UnreadableImageError(message)
        return Image.fromarray(to_bytes(values.astype(np.uint16)))
    if picture.mode == "F":
        message = "its 32-bit float values have no known range: save it with 8 or 16 bits"
        raise UnreadableImageError(message)
    target = "L" if _is_gray(picture) else "RGB"
    if not picture.has_transparency_data:
        return picture.convert(target)
    opaque = picture.convert("RGBA")
    white = Image.new("RGBA", opaque.size, "white")
    return Image.alpha_composite(white, opaque).convert(target)


def to_bytes(values: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Convert 16 bits to 8 by ``round(value / 257)``, so that 65535 becomes 255."""
    return np.round(values / 257).astype(np.uint8)


def _open_file(path: Path) -> Image.Image:
    # Warning filters belong to the whole process, so only one thread at a time may change them.
    with _warnings_lock, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return Image.open(path, formats=_FORMATS)


def _holds_several(picture: Image.Image) -> bool:
    """Whether a file holds pages or frames beside its first that are no smaller copies of it."""
    try:
        if picture.format == "MPO" or not getattr(picture, "is_animated", False):
            return False  # in an MPO, cameras keep previews and second views of a photograph
        if picture.format == "TIFF":
            picture.seek(1)
            return not picture.tag_v2.get(_SUBFILE_TYPE, 0) & 1  # type: ignore[attr-defined]
    except Exception:  # noqa: BLE001 - what follows the first is damaged: it counts for nothing
        return False
    return True


def _is_gray(picture: Image.Image) -> bool:
    if picture.mode == "P":
        colors = np.asarray(picture.getpalette("RGB")).reshape(-1, 3)
        return bool((colors == colors[:, :1]).all())
    return picture.mode in _GRAY_MODES
