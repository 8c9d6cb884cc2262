"""A small residual network for small images.

He, Zhang, Ren & Sun, "Deep residual learning for image recognition", 2016.
"""

import torch
from torch import Tensor, nn

# Channels of the blocks: those of ResNet-18's first three stages, with one block each in place of
# two, chosen by hand so that training takes minutes on two cores.
_WIDTHS = (64, 128, 256)
N_OUTPUTS = _WIDTHS[-1]


class ResidualNetwork(nn.Module):
    """One convolution, then three residual blocks of 64, 128 and 256 channels.

    The second and third block halve width and height. Features are the mean and the standard
    deviation of each channel of each block over height and width: the last block holds what tells
    images apart, the blocks before it hold colors and textures.

    Parameters
    ----------
    in_channels : int
        1 for gray images, 3 for color.

    Examples
    --------
    >>> import torch
    >>> ResidualNetwork(in_channels=3).features(torch.zeros(2, 3, 28, 28)).shape
    torch.Size([2, 896])
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        narrow, middle, wide = _WIDTHS
        self.stem = _convolution(in_channels, narrow)
        self.blocks = nn.Sequential(
            _Block(narrow, narrow, stride=1),
            _Block(narrow, middle, stride=2),
            _Block(middle, wide, stride=2),
        )

    def features(self, images: Tensor) -> Tensor:
        """Return 896 values per image, from images of shape (n, channels, height, width)."""
        maps = self._maps(images)
        means = [of_block.mean(dim=(2, 3)) for of_block in maps]
        deviations = [of_block.std(dim=(2, 3), correction=0) for of_block in maps]
        return torch.cat([*means, *deviations], dim=1)

    def forward(self, images: Tensor) -> Tensor:
        """Return the 256 means of the last block."""
        return self._maps(images)[-1].mean(dim=(2, 3))

    def _maps(self, images: Tensor) -> list[Tensor]:
        """Return the output of each block, of shape (n, channels, height, width)."""
        output = nn.functional.relu(self.stem(images))
        maps = []
        for block in self.blocks:
            output = block(output)
            maps.append(output.float())
        return maps


class ResidualClassifier(ResidualNetwork):
    """A residual network with one linear layer after its last block.

    Parameters
    ----------
    in_channels : int
    num_classes : int

    Examples
    --------
    >>> import torch
    >>> ResidualClassifier(in_channels=1, num_classes=7)(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 7])
    """

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__(in_channels)
        self.fc = nn.Linear(N_OUTPUTS, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return one score (logit) per class."""
        scores: Tensor = self.fc(super().forward(images))
        return scores


class _Block(nn.Module):
    """Two convolutions beside a shortcut, which is a convolution too where shapes change."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.first = _convolution(in_channels, out_channels, stride)
        self.second = _convolution(out_channels, out_channels)
        same = stride == 1 and in_channels == out_channels
        self.shortcut = (
            nn.Identity() if same else _convolution(in_channels, out_channels, stride, size=1)
        )

    def forward(self, maps: Tensor) -> Tensor:
        inner = self.second(nn.functional.relu(self.first(maps)))
        return nn.functional.relu(inner + self.shortcut(maps))


def _convolution(
    in_channels: int, out_channels: int, stride: int = 1, *, size: int = 3
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, size, stride, padding=size // 2, bias=False),
        nn.BatchNorm2d(out_channels),
    )
