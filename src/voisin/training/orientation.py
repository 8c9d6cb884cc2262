"""How images of a kind may lie, whatever they show."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Orientation:
    """How far an image may be turned, and whether it may be mirrored, and still be one.

    Attributes
    ----------
    degrees : float
        To either side.
    mirrored : bool
    """

    degrees: float
    mirrored: bool


ORIENTATIONS: Mapping[str, Orientation] = {
    "any": Orientation(180, mirrored=True),  # skin, cells, the earth from above
    "upright": Orientation(10, mirrored=True),  # photographs, clothes
    "fixed": Orientation(10, mirrored=False),  # digits, letters
}
