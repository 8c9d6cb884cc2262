"""How well two views of each image are told from the views of all others.

Chen, Kornblith, Norouzi & Hinton, "A simple framework for contrastive learning of visual
representations", 2020.
"""

import torch
from torch import Tensor, nn


def contrastive_loss(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    r"""Return the mean over all 2 n views of their normalized temperature-scaled cross-entropy.

    With s the cosine, and j(i) the other view of the image that view i shows,

        ℓ_i = − log ( exp(s(z_i, z_j(i)) / τ) / Σ_{k ≠ i} exp(s(z_i, z_k) / τ) )

    Parameters
    ----------
    first, second : tensors of shape (n, n_dims)
        Row i of either is a view of image i.
    temperature : float
        Above 0; the lower, the more the nearest strangers count.

    Examples
    --------
    >>> apart = torch.eye(2)
    >>> round(float(contrastive_loss(apart, apart, temperature=1.0)), 3)  # log(1 + 2 / e)
    0.551
    """
    views = nn.functional.normalize(torch.cat([first, second]), dim=1)
    similarities = views @ views.T / temperature
    itself = torch.eye(len(views), dtype=torch.bool, device=views.device)
    other = torch.arange(len(views), device=views.device).roll(len(first))
    return nn.functional.cross_entropy(similarities.masked_fill(itself, -torch.inf), other)
