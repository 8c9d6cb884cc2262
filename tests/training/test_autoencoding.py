"""Codes from which images can be drawn again: the loss, what they keep, and going on."""

import numpy as np
import pytest
import torch

from tests.training.test_classifier import InterruptionError, assert_same_network, stripes
from voisin.embedding.autoencoder import Autoencoder
from voisin.embedding.inference import embed, to_tensor
from voisin.errors import InputError
from voisin.training import autoencoding
from voisin.training.autoencoding import Autoencoding

QUICK = Autoencoding(steps=6, batch_size=16)


@pytest.fixture(autouse=True)
def short_rounds(monkeypatch):
    monkeypatch.setattr(autoencoding, "_ROUND", 2)


def test_the_loss_is_the_bound_of_kingma_and_welling_written_out():
    pixels, _ = stripes(3)
    torch.manual_seed(0)
    network = Autoencoder(pixels.shape[-1])
    noise = np.random.default_rng(7).standard_normal((3, 20), dtype=np.float32)
    with torch.inference_mode():
        logits, mean, log_variance = (
            one.numpy().astype(np.float64)
            for one in network(to_tensor(pixels), torch.from_numpy(noise))
        )
    x = pixels.reshape(3, -1) / 255
    y = 1 / (1 + np.exp(-logits))
    drawn = -(x * np.log(y) + (1 - x) * np.log(1 - y)).sum()
    distance = -0.5 * (1 + log_variance - mean**2 - np.exp(log_variance)).sum()

    found = autoencoding._loss(network, to_tensor(pixels), np.random.default_rng(7))

    assert float(found.detach()) == pytest.approx((drawn + distance) / 3, rel=2e-3)  # bfloat16


def test_alike_images_get_near_codes_without_any_label():
    pixels, labels = stripes(120)
    codes = embed(Autoencoding(steps=150, batch_size=60, looks=200).fit(pixels), pixels)

    distances = np.linalg.norm(codes[:, None] - codes, axis=2)
    np.fill_diagonal(distances, np.inf)
    assert codes.shape == (120, 20)
    assert (labels[distances.argmin(axis=1)] == labels).mean() > 0.95


def test_what_is_drawn_again_comes_nearer_to_the_image():
    pixels, _ = stripes(60)

    def loss(steps):
        network = Autoencoding(steps=steps, batch_size=30, looks=200).fit(pixels)
        found = autoencoding._loss(network, to_tensor(pixels), np.random.default_rng(0))
        return float(found.detach())

    assert loss(100) < 0.97 * loss(1)


def test_the_same_random_state_gives_the_same_codes():
    pixels, _ = stripes()
    first = QUICK.fit(pixels, random_state=3)

    assert_same_network(first, QUICK.fit(pixels, random_state=3))
    assert not np.array_equal(embed(first, pixels), embed(QUICK.fit(pixels), pixels))


def test_an_interrupted_lesson_goes_on_to_the_same_network(tmp_path):
    pixels, _ = stripes()
    path = tmp_path / "lesson.pt"

    def stop(task, done, total):
        if done == 5:
            raise InterruptionError

    with pytest.raises(InterruptionError):
        QUICK.fit(pixels, checkpoint=path, progress=stop)
    steps = []
    resumed = QUICK.fit(
        pixels, checkpoint=path, progress=lambda _, done, total: steps.append((done, total))
    )

    assert steps[0] == (5, 6)
    assert_same_network(resumed, QUICK.fit(pixels))


def test_what_makes_no_sense_is_refused():
    with pytest.raises(InputError, match="steps"):
        Autoencoding(steps=0)
