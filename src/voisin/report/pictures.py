"""Encode small pictures as text for a page. This module must not know what pages say."""

import base64
import io
from dataclasses import dataclass

from voisin.errors import UnreadableImageError
from voisin.sources.reading import load_picture
from voisin.types import ImageCollection

_PIXELATED_BELOW = 64  # pixels of the longer side; chosen by hand: smoothing blurs small pictures


@dataclass(frozen=True)
class Picture:
    """A picture as a PNG data URI.

    Attributes
    ----------
    uri : str
    width, height : int
        In pixels of the page.
    pixelated : bool
        Whether the picture is so small that its pixels should be shown as squares.
    """

    uri: str
    width: int
    height: int
    pixelated: bool


def read_picture(images: ImageCollection, index: int, size: int) -> Picture | None:
    """Read one image, its longer side at most `size` pixels; None if it cannot be decoded.

    A smaller image is not resized; the browser enlarges it.
    """
    try:
        picture = load_picture(images, index, size)
    except UnreadableImageError:
        return None
    longer = max(picture.size)
    width, height = (max(1, round(side * size / longer)) for side in picture.size)
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    text = base64.b64encode(file.getvalue()).decode("ascii")
    return Picture(f"data:image/png;base64,{text}", width, height, longer < _PIXELATED_BELOW)
