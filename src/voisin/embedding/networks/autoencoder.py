"""A small variational autoencoder (VAE) for small images.

Kingma & Welling, "Auto-encoding variational Bayes", 2014.
"""

import torch
from torch import Tensor, nn

from voisin.embedding.specification import IMAGE_SIZE

# The widths of the VAE whose codes of MNIST Calder et al. (2020) built their graphs on.
_HIDDEN = 400
N_CODES = 20


class Autoencoder(nn.Module):
    """Encodes an image as twenty numbers and decodes it again, each with one hidden layer.

    Features are the means of the twenty codes. Training keeps the codes of all images near a
    standard normal distribution, so that similar images get similar codes.

    Parameters
    ----------
    in_channels : int
        1 for gray images, 3 for color.

    Examples
    --------
    >>> import torch
    >>> Autoencoder(in_channels=3).features(torch.zeros(2, 3, 28, 28)).shape
    torch.Size([2, 20])
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        n_values = in_channels * IMAGE_SIZE**2
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(n_values, _HIDDEN), nn.ReLU())
        self.mean = nn.Linear(_HIDDEN, N_CODES)
        self.log_variance = nn.Linear(_HIDDEN, N_CODES)
        self.decoder = nn.Sequential(
            nn.Linear(N_CODES, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, n_values)
        )

    def features(self, images: Tensor) -> Tensor:
        """Return 20 values per image, from images of shape (n, channels, 28, 28)."""
        means: Tensor = self.mean(self.encoder(images))
        return means

    def forward(self, images: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Encode images, add noise to the codes, and decode them.

        Parameters
        ----------
        images : tensor of shape (n, channels, 28, 28)
        noise : tensor of shape (n, 20)
            Standard normal.

        Returns
        -------
        logits : tensor of shape (n, channels * 28 * 28)
            Of each pixel's brightness in the decoded image.
        mean, log_variance : tensors of shape (n, 20)
            Of the distribution of each image's codes.
        """
        hidden = self.encoder(images)
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        logits = self.decoder(mean + noise * torch.exp(log_variance / 2))
        return logits, mean, log_variance
