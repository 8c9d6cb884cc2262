"""A network that teaches itself: the loss, what it learns, and that it goes on where it was."""

import numpy as np
import pytest
import torch

from tests.training.test_classifier import InterruptionError, assert_same_network, stripes
from voisin.embedding.inference import embed
from voisin.errors import InputError
from voisin.training import self_teaching
from voisin.training.contrastive_loss import contrastive_loss
from voisin.training.self_teaching import SelfTeaching

QUICK = SelfTeaching("fixed", steps=4, batch_size=16)


@pytest.fixture(autouse=True)
def short_rounds(monkeypatch):
    monkeypatch.setattr(self_teaching, "_ROUND", 2)


def test_the_loss_is_the_cross_entropy_of_the_other_view_written_out():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 5, 3))
    z = np.concatenate([first, second])
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    losses = []
    for i in range(10):
        odds = np.exp(z @ z[i] / 0.3)
        losses.append(-np.log(odds[(i + 5) % 10] / (odds.sum() - odds[i])))

    found = contrastive_loss(torch.tensor(first), torch.tensor(second), temperature=0.3)
    assert float(found) == pytest.approx(np.mean(losses))


def test_images_of_one_kind_come_to_lie_together_without_any_label():
    pixels, labels = stripes(120)
    network = SelfTeaching("fixed", steps=8, batch_size=60).fit(pixels)
    vectors = embed(network, pixels)
    vectors = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0).clip(1e-6)
    similar = np.corrcoef(vectors)
    np.fill_diagonal(similar, -1)

    assert (labels[similar.argmax(axis=1)] == labels).mean() > 0.95


def test_the_same_random_state_gives_the_same_network_and_leaves_the_callers_numbers_alone():
    pixels, _ = stripes()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = QUICK.fit(pixels, random_state=3)

    torch.testing.assert_close(torch.rand(3), expected)
    assert_same_network(first, QUICK.fit(pixels, random_state=3))
    other = QUICK.fit(pixels, random_state=4)
    assert not np.array_equal(embed(first, pixels), embed(other, pixels))


@pytest.mark.parametrize("after", [2, 3])
def test_an_interrupted_lesson_goes_on_to_the_same_network(tmp_path, after):
    pixels, _ = stripes()
    path = tmp_path / "lesson.pt"

    def stop(task, done, total):
        if done == after + 1:
            raise InterruptionError

    with pytest.raises(InterruptionError):
        QUICK.fit(pixels, checkpoint=path, progress=stop)
    steps = []
    resumed = QUICK.fit(
        pixels, checkpoint=path, progress=lambda _, done, total: steps.append((done, total))
    )

    assert steps[0] == (3, 4)
    assert steps[-1] == (4, 4)
    assert_same_network(resumed, QUICK.fit(pixels))


@pytest.mark.parametrize(("n_images", "n_steps"), [(60, 4), (40, 4), (20, 2), (2, 2)])
def test_steps_are_bounded_and_so_are_the_looks_at_each_image(n_images, n_steps):
    totals = set()
    SelfTeaching("fixed", steps=4, looks=2, batch_size=16).fit(
        stripes(n_images)[0], progress=lambda _, __, total: totals.add(total)
    )
    assert totals == {n_steps}


def test_stops_early_once_the_loss_no_longer_falls():
    pixels = np.zeros((8, 28, 28, 1), dtype=np.uint8)  # all alike: nothing to tell apart
    steps = []
    SelfTeaching("fixed", steps=100, looks=100, batch_size=8, learning_rate=0).fit(
        pixels, progress=lambda _, done, __: steps.append(done)
    )
    assert len(steps) < 60
    assert steps[-1] == 100  # the bar is told that the work is over


def test_what_makes_no_sense_is_refused():
    with pytest.raises(InputError, match="1 images: a network needs two or more"):
        QUICK.fit(stripes(1)[0])
    with pytest.raises(InputError, match="temperature"):
        SelfTeaching(temperature=0)
