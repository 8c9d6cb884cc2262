"""The variational autoencoder: its loss, and what its codes keep."""

import numpy as np
import pytest
import torch

from tests.training.test_supervised import stripes
from voisin.embedding.inference import embed, to_tensor
from voisin.embedding.networks.autoencoder import Autoencoder
from voisin.training.vae import VAETraining


def test_the_loss_is_the_bound_of_kingma_and_welling_written_out():
    pixels, _ = stripes(3)
    torch.manual_seed(0)
    network = Autoencoder(pixels.shape[-1])
    noise = np.random.default_rng(7).standard_normal((3, 20), dtype=np.float32)
    with torch.inference_mode():
        logits, mean, log_variance = (
            output.numpy().astype(np.float64)
            for output in network(to_tensor(pixels), torch.from_numpy(noise))
        )
    x = pixels.reshape(3, -1) / 255
    y = 1 / (1 + np.exp(-logits))
    reconstruction = -(x * np.log(y) + (1 - x) * np.log(1 - y)).sum()
    divergence = -0.5 * (1 + log_variance - mean**2 - np.exp(log_variance)).sum()

    loss = VAETraining().compute_loss(network, to_tensor(pixels), np.random.default_rng(7))

    expected = (reconstruction + divergence) / 3
    assert float(loss.detach()) == pytest.approx(expected, rel=2e-3)  # bfloat16


def test_similar_images_get_similar_codes_without_any_label():
    pixels, labels = stripes(120)
    codes = embed(VAETraining(steps=150, batch_size=60, views_per_image=200).fit(pixels), pixels)

    distances = np.linalg.norm(codes[:, None] - codes, axis=2)
    np.fill_diagonal(distances, np.inf)
    assert codes.shape == (120, 20)
    assert (labels[distances.argmin(axis=1)] == labels).mean() > 0.95


def test_more_steps_decode_images_better():
    pixels, _ = stripes(60)

    def loss(steps):
        network = VAETraining(steps=steps, batch_size=30, views_per_image=200).fit(pixels)
        value = VAETraining().compute_loss(network, to_tensor(pixels), np.random.default_rng(0))
        return float(value.detach())

    assert loss(100) < 0.97 * loss(1)
