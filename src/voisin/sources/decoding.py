"""From an image file to gray or color of 8 bits; it knows files, not collections or labels.

====================== ==========================================================
in the file            becomes
====================== ==========================================================
EXIF orientation       applied
1 bit, gray            gray
palette, CMYK, YCbCr   color
alpha, transparent     laid over white
16 bits a channel      the full range, 65535 becomes 255
several frames         the first
32-bit float           unreadable: its range is not known
====================== ==========================================================
"""

import threading
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from voisin.errors import UnreadableImageError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp")
# Named, so that a file in disguise never starts another program, as PostScript would.
_FORMATS = ("BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
_GRAY_MODES = ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L", "I;16N")
_WIDE_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N")
_filters_of_warnings = threading.Lock()


def decode_file(path: Path) -> Image.Image:
    r"""Decode an image file, upright, as mode ``L`` or ``RGB``.

    Raises
    ------
    UnreadableImageError
        If the file is missing, truncated, damaged, of an unknown format, or larger than
        Pillow's ``Image.MAX_IMAGE_PIXELS``; the line says which file and why.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "white.png"
    >>> Image.new("1", (3, 2), 1).save(path)
    >>> decode_file(path).tobytes()
    b'\xff\xff\xff\xff\xff\xff'
    """
    try:
        with _open(path) as picture:
            picture.load()
            return to_gray_or_color(_upright(picture))
    except Exception as error:
        message = f"{path} cannot be read: {_reason(error)}."
        raise UnreadableImageError(message) from error


def is_gray_file(path: Path) -> bool | None:
    """Tell from its header whether a file is gray; None where it cannot be opened."""
    try:
        with _open(path) as picture:
            return _is_gray(picture)
    except Exception:  # noqa: BLE001 - decode_file will tell why
        return None


def to_gray_or_color(picture: Image.Image) -> Image.Image:
    """Convert a picture of any mode to ``L`` or ``RGB``, alpha laid over white.

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
        return Image.fromarray(to_bytes(_sixteen_bits(picture)))
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
    """Bring 16 bits to 8: ``round(value / 257)``, so that 65535 becomes 255."""
    return np.round(values / 257).astype(np.uint8)


def _open(path: Path) -> Image.Image:
    # Filters of warnings belong to the process: one thread at a time may change them.
    with _filters_of_warnings, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return Image.open(path, formats=_FORMATS)


def _upright(picture: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # noqa: BLE001 - damaged EXIF: the pixels are good as they lie
        return picture


def _is_gray(picture: Image.Image) -> bool:
    if picture.mode == "P":
        colors = np.asarray(picture.getpalette("RGB")).reshape(-1, 3)
        return bool((colors == colors[:, :1]).all())
    return picture.mode in _GRAY_MODES


def _sixteen_bits(picture: Image.Image) -> NDArray[np.uint16]:
    values = np.asarray(picture)
    if values.min() < 0 or values.max() > np.iinfo(np.uint16).max:
        message = (
            f"its values go from {values.min()} to {values.max()}, beyond 16 bits: "
            "save it with 8 or 16 bits"
        )
        raise UnreadableImageError(message)
    return values.astype(np.uint16)


def _reason(error: Exception) -> str:
    match error:
        case FileNotFoundError():
            return "there is no such file"
        case UnidentifiedImageError():
            return f"it is none of {', '.join(_FORMATS)}"
        case Image.DecompressionBombWarning() | Image.DecompressionBombError():
            return f"it has more pixels than the {Image.MAX_IMAGE_PIXELS} allowed"
        case OSError(strerror=str(reason)):
            return reason.lower()
    return str(error).rstrip(".") or type(error).__name__
