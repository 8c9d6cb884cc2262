"""A small multilayer perceptron for small images."""

from torch import Tensor, nn

from voisin.embedding.inference import mixed_precision
from voisin.embedding.specification import IMAGE_SIZE

# Chosen by hand: wider layers take longer to train (these take about a minute of one core on
# Fashion-MNIST), and more values make the neighbor search slower.
_WIDTHS = (512, 256)
N_VALUES = 64


class Perceptron(nn.Module):
    """Two hidden layers with batch normalization, and 64 output values.

    It has weights of its own for each pixel, so the images must be aligned alike.

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
        """Return 64 values per image, from images of shape (n, channels, 28, 28)."""
        values: Tensor = self.layers(images)
        return values

    def forward(self, images: Tensor) -> Tensor:
        """Return the same 64 values, in mixed precision for training."""
        with mixed_precision(images.device):
            return self.features(images)


def _hidden(n_in: int, n_out: int) -> tuple[nn.Module, ...]:
    return nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), nn.ReLU()
