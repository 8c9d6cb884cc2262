"""Contrasting neighbors: which images are shown together, and what the network learns."""

import numpy as np
import pytest
import torch

from tests.training.test_supervised import stripes
from voisin.embedding.inference import embed, to_tensor
from voisin.errors import InputError
from voisin.sources.opening import open_images
from voisin.sources.reading import read_images
from voisin.training.neighbor_contrastive import NeighborContrastiveTraining


@pytest.fixture(scope="module")
def digits():
    images = open_images("digits").take(np.arange(400))
    return read_images(images, size=28, max_unreadable=0).pixels, images.labels


def cosines(a, b):
    a, b = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (a, b))
    return a @ b.T


def test_each_image_is_shown_with_one_of_its_ten_nearest_by_principal_components(digits):
    pixels = digits[0][:80]
    values = pixels.reshape(80, -1) / 255
    centered = values - values.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centered, full_matrices=False)
    similar = cosines(left[:, :64] * sizes[:64], left[:, :64] * sizes[:64])
    np.fill_diagonal(similar, -2)
    nearest = np.argsort(-similar, axis=1)[:, :10]
    read = NeighborContrastiveTraining("fixed").make_reader(pixels, random_state=0)
    rows, seen = np.arange(80), {row: set() for row in range(80)}

    for number in range(200):
        shown = read(rows, np.random.default_rng(number)).numpy()
        np.testing.assert_array_equal(shown[:80], to_tensor(pixels).numpy())
        flat = to_tensor(pixels).numpy().reshape(80, -1)
        for row, other in enumerate(shown[80:].reshape(80, -1)):
            seen[row].add(int(np.abs(flat - other).sum(axis=1).argmin()))

    assert all(seen[row] == set(nearest[row].tolist()) for row in range(80))


def test_the_loss_compares_each_image_with_its_neighbor_and_not_with_the_others():
    pixels, _ = stripes(4)
    trainer = NeighborContrastiveTraining("fixed", temperature=0.5)
    values = torch.tensor(np.random.default_rng(0).normal(size=(4, 3)), dtype=torch.float32)

    class Fixed(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(()))

        def forward(self, images):
            return values

    loss = trainer.compute_loss(Fixed(), to_tensor(pixels), np.random.default_rng(0))

    z = values.numpy() / np.linalg.norm(values.numpy(), axis=1, keepdims=True)
    odds = np.exp(z @ z.T / 0.5)
    losses = [
        -np.log(odds[i, (i + 2) % 4] / (odds[i].sum() - odds[i, i]))  # rows 0, 1 with 2, 3
        for i in range(4)
    ]
    assert float(loss) == pytest.approx(np.mean(losses), rel=1e-5)


def test_a_shifted_image_stays_nearer_to_its_kind_than_its_pixels_do(digits):
    pixels, labels = digits
    shifted = np.roll(pixels, 2, axis=2)

    def hits(of_shifted, of_all):
        similar = cosines(of_shifted - of_all.mean(axis=0), of_all - of_all.mean(axis=0))
        np.fill_diagonal(similar, -2)
        return (labels[similar.argmax(axis=1)] == labels).mean()

    trainer = NeighborContrastiveTraining("fixed", steps=150, views_per_image=200, batch_size=200)
    network = trainer.fit(pixels)
    flat = pixels.reshape(len(pixels), -1).astype(float)
    by_pixels = hits(np.roll(flat.reshape(pixels.shape), 2, axis=2).reshape(flat.shape), flat)
    learned = hits(embed(network, shifted), embed(network, pixels))
    assert learned > by_pixels + 0.02, (learned, by_pixels)


def test_neighbors_decide_what_it_learns(digits, monkeypatch):
    trainer = NeighborContrastiveTraining("fixed", steps=2, batch_size=100)
    by_neighbors = trainer.fit(digits[0])
    monkeypatch.setattr(
        NeighborContrastiveTraining,
        "make_reader",
        lambda self, pixels, _: lambda rows, __: to_tensor(pixels[np.concatenate([rows, rows])]),
    )
    by_itself = trainer.fit(digits[0])

    assert any(
        not torch.equal(value, by_itself.state_dict()[name])
        for name, value in by_neighbors.state_dict().items()
    )


def test_a_temperature_out_of_range_is_refused():
    with pytest.raises(InputError, match="temperature"):
        NeighborContrastiveTraining(temperature=0)
