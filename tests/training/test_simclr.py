"""SimCLR: the loss, and what it learns."""

import numpy as np
import pytest
import torch

from tests.training.test_supervised import stripes
from voisin.embedding.inference import embed
from voisin.errors import InputError
from voisin.training.simclr import SimCLR, contrastive_loss


def test_the_loss_is_the_cross_entropy_of_the_other_view_written_out():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 5, 3))
    z = np.concatenate([first, second])
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    losses = []
    for i in range(10):
        odds = np.exp(z @ z[i] / 0.3)
        losses.append(-np.log(odds[(i + 5) % 10] / (odds.sum() - odds[i])))

    loss = contrastive_loss(torch.tensor(first), torch.tensor(second), temperature=0.3)
    assert float(loss) == pytest.approx(np.mean(losses))


def test_images_of_one_kind_come_to_lie_together_without_any_label():
    pixels, labels = stripes(120)
    network = SimCLR("fixed", steps=8, batch_size=60).fit(pixels)
    vectors = embed(network, pixels)
    vectors = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0).clip(1e-6)
    similar = np.corrcoef(vectors)
    np.fill_diagonal(similar, -1)

    assert (labels[similar.argmax(axis=1)] == labels).mean() > 0.95


def test_a_temperature_out_of_range_is_refused():
    with pytest.raises(InputError, match="temperature"):
        SimCLR(temperature=0)
