"""A small multilayer perceptron for small images; it knows tensors, not what they show."""

from torch import Tensor, nn

from voisin.embedding.networks.simple_cnn import IMAGE_SIZE
from voisin.embedding.precision import mixed_precision

_WIDTHS = (512, 256)
N_VALUES = 64


class Perceptron(nn.Module):
    """Two hidden layers, normalized by batch, and 64 values behind them.

    It looks at each place of an image by itself, so that images must lie alike.

    Parameters
    ----------
    in_channels : int
        1 for gray images, 3 for color.

    Examples
    --------
    >>> import torch
    >>> Perceptron(in_channels=3).features(torch.zeros(2, 3, 28, 28)).shape
    torch.Size([2, 64])
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        first, second = _WIDTHS
        self.layers = nn.Sequential(
            nn.Flatten(),
            *_hidden(in_channels * IMAGE_SIZE**2, first),
            *_hidden(first, second),
            nn.Linear(second, N_VALUES),
        )

    def features(self, images: Tensor) -> Tensor:
        """Return 64 values an image, from images of shape (n, channels, 28, 28)."""
        values: Tensor = self.layers(images)
        return values

    def forward(self, images: Tensor) -> Tensor:
        """Return the same 64 values, in bfloat16 where the machine multiplies it."""
        with mixed_precision(images.device):
            return self.features(images)


def _hidden(n_in: int, n_out: int) -> tuple[nn.Module, ...]:
    return nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), nn.ReLU()
