"""Encode small pictures as text for a page. This module must not know what pages say."""

import base64
import io
from dataclasses import dataclass

from voisin.errors import UnreadableImageError
from voisin.sources.reading import load_picture
from voisin.types import ImageCollection

_PIXELATED_BELOW = 64  # pixels of the longer side; chosen by hand: smoothing blurs small pictures
_QUALITY = 85  # of a JPEG; chosen by hand: a fifth of the size of a PNG, and looks the same


@dataclass(frozen=True)
class Picture:
    """A picture as the data URI of a PNG or a JPEG.

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
    pixelated = longer < _PIXELATED_BELOW
    file = io.BytesIO()
    if pixelated:
        picture.save(file, "PNG", optimize=True)
    else:
        picture.convert("RGB").save(file, "JPEG", quality=_QUALITY, optimize=True)
    text = base64.b64encode(file.getvalue()).decode("ascii")
    kind = "png" if pixelated else "jpeg"
    return Picture(f"data:image/{kind};base64,{text}", width, height, pixelated)
