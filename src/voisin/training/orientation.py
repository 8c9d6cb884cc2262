"""How images may be oriented: names for the settings, and how far augmentation turns them.

Settings and the command line import this module, so it must not import PyTorch.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Orientation:
    """How far images may be turned, and whether mirrored, and still look like real images.

    Attributes
    ----------
    degrees : float
        Largest angle in either direction.
    mirrored : bool
    """

    degrees: float
    mirrored: bool


# The 10° are chosen by hand, for tilted cameras and handwriting.
ORIENTATIONS: Mapping[str, Orientation] = {
    "any": Orientation(180, mirrored=True),  # skin, cells, the earth from above
    "upright": Orientation(10, mirrored=True),  # photographs, clothes
    "fixed": Orientation(10, mirrored=False),  # digits, letters
}
