"""Augmentation: turn, mirror and crop images at random, and change their light and color.

It handles batches of tensors and a generator, and must not know networks or labels.
"""

import math
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn

from voisin.training.orientation import ORIENTATIONS
from voisin.validation import check_at_least, check_in_closed_interval, check_one_of

Range: TypeAlias = tuple[float, float]  # lowest and highest value

# From red, green and blue to brightness (ITU-R BT.601) and two values of color: the YIQ of NTSC, in
# which hue is an angle and saturation a length.
_TO_YIQ = ((0.299, 0.587, 0.114), (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))


@dataclass(frozen=True)
class Augmentation:
    """Changes each image of a batch at random, independently of the others.

    The new image has at the place u, in [−1, 1]², the value that the old one has at the place

        s · M · R(angle) · diag(r, 1/r) · u + t,   |t| <= |1 − s| + shift

    where M mirrors left and right, or is the identity; the old image is reflected at its edges.
    Values v, in −1..1, become ``contrast · C · (v − m) + m + brightness``, with m the image's mean
    and C a matrix that scales saturation and rotates hue (only of color images).

    Parameters
    ----------
    orientation : {"any", "upright", "fixed"}, default="upright"
        How images may lie: ``any`` turns freely and mirrors (skin, cells, the earth from above),
        ``upright`` turns by up to 10° and mirrors (photographs, clothes), ``fixed`` turns by up to
        10° and does not mirror (digits, letters).
    scale : (float, float), default=(1, 1)
        Range of s, the side of the part that is shown; below 1 the image is enlarged.
    stretch : float, default=0
        The logarithm of r², width by height, is between ±`stretch`.
    shift : float, default=0
        Largest shift in each direction, as a share of half the image's side.
    brightness : float, default=0
        Brightness is between ±`brightness`.
    contrast, saturation : float, default=0
        Each factor is drawn between 1 − this value and 1 + this value.
    hue : float, default=0
        Largest rotation of hue in either direction, as a share of a half turn.
    gray : float, default=0
        Probability that an image loses all color.
    size : int, optional
        Pixels per side of the new images; by default that of the old images.

    Raises
    ------
    InputError
        If the orientation is unknown or a range is negative.

    Examples
    --------
    >>> images = torch.zeros(2, 3, 28, 28)
    >>> generator = torch.Generator().manual_seed(0)
    >>> Augmentation("any", scale=(0.5, 1)).apply(images, generator).shape
    torch.Size([2, 3, 28, 28])
    """

    orientation: str = "upright"
    scale: Range = (1.0, 1.0)
    stretch: float = 0.0
    shift: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    gray: float = 0.0
    size: int | None = None

    def __post_init__(self) -> None:
        check_one_of("orientation", self.orientation, ORIENTATIONS)
        for name in ("stretch", "shift", "brightness", "contrast", "saturation", "hue"):
            check_at_least(name, getattr(self, name), 0)
        check_in_closed_interval("gray", self.gray, 0, 1)

    def apply(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return changed images of shape (n, channels, size, size), values about −1..1.

        Only the generator decides the changes; it is on the CPU, even if the images are not.
        """
        places = self._draw_places(len(images), generator).to(images.device)
        size = images.shape[-1] if self.size is None else self.size
        shape = [*images.shape[:2], size, size]
        grid = nn.functional.affine_grid(places, shape, align_corners=False)
        moved = nn.functional.grid_sample(
            images, grid, padding_mode="reflection", align_corners=False
        )
        return self._change_light(moved, generator)

    def _draw_places(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw for each image a matrix of shape (2, 3) that maps new places to old ones."""
        orientation = ORIENTATIONS[self.orientation]
        angle = _uniform(count, generator, 0, math.radians(orientation.degrees))
        low, high = self.scale
        side = _uniform(count, generator, (low + high) / 2, (high - low) / 2)
        stretch = torch.exp(_uniform(count, generator, 0, self.stretch) / 2)
        mirror = torch.ones(count)
        if orientation.mirrored:
            mirror -= 2 * torch.randint(2, (count,), generator=generator)
        places = torch.empty(count, 2, 3)
        width, height = side * stretch, side / stretch
        places[:, 0, 0] = mirror * width * angle.cos()
        places[:, 0, 1] = -mirror * height * angle.sin()
        places[:, 1, 0] = width * angle.sin()
        places[:, 1, 1] = height * angle.cos()
        max_shift = (1 - side).abs() + self.shift
        for axis in range(2):
            places[:, axis, 2] = _uniform(count, generator, 0, 1) * max_shift
        return places

    def _change_light(self, images: Tensor, generator: torch.Generator) -> Tensor:
        count, n_channels = images.shape[:2]
        contrast = _uniform(count, generator, 1, self.contrast).view(-1, 1, 1)
        brightness = _uniform(count, generator, 0, self.brightness).view(-1, 1, 1, 1)
        change = contrast * torch.eye(n_channels)
        if n_channels == 3:
            change = change @ self._draw_colors(count, generator)
        means = images.mean(dim=(1, 2, 3), keepdim=True)
        changed = torch.bmm(change.to(images.device), (images - means).flatten(2))
        return changed.view_as(images) + means + brightness.to(images.device)

    def _draw_colors(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw for each image a matrix of shape (3, 3) that keeps the brightness of each pixel."""
        to_yiq = torch.tensor(_TO_YIQ)
        saturation = _uniform(count, generator, 1, self.saturation)
        angle = _uniform(count, generator, 0, self.hue * math.pi)
        saturation *= torch.rand(count, generator=generator) >= self.gray
        in_yiq = torch.zeros(count, 3, 3)
        in_yiq[:, 0, 0] = 1
        in_yiq[:, 1, 1] = in_yiq[:, 2, 2] = saturation * angle.cos()
        in_yiq[:, 1, 2] = -saturation * angle.sin()
        in_yiq[:, 2, 1] = saturation * angle.sin()
        return torch.linalg.inv(to_yiq) @ in_yiq @ to_yiq


def _uniform(count: int, generator: torch.Generator, middle: float, half: float) -> Tensor:
    """Draw `count` numbers between middle − half and middle + half, one per image."""
    return middle + half * (2 * torch.rand(count, generator=generator) - 1)
