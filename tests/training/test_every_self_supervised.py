"""What every self-supervised trainer promises: two runs agree, each ends, each resumes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.training.test_supervised import (
    InterruptionError,
    assert_same_network,
    state_of,
    stripes,
)
from voisin.errors import InputError
from voisin.training.neighbor_contrastive import NeighborContrastiveTraining
from voisin.training.simclr import SimCLR
from voisin.training.vae import VAETraining

TRAINERS = {
    "simclr": SimCLR("fixed", steps=4, batch_size=16),
    "vae": VAETraining(steps=4, batch_size=16),
    "neighbor-contrastive": NeighborContrastiveTraining("fixed", steps=4, batch_size=16),
}


@pytest.fixture(params=TRAINERS)
def trainer(request, monkeypatch):
    trainer = TRAINERS[request.param]
    monkeypatch.setattr(type(trainer), "steps_per_round", 2)
    return trainer


def test_the_same_random_state_gives_the_same_network_and_leaves_the_callers_numbers_alone(trainer):
    pixels, _ = stripes()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = trainer.fit(pixels, random_state=3)

    torch.testing.assert_close(torch.rand(3), expected)
    assert not first.training
    assert_same_network(first, trainer.fit(pixels, random_state=3))
    other = state_of(trainer.fit(pixels, random_state=4))
    assert any(not np.array_equal(value, other[name]) for name, value in state_of(first).items())


@pytest.mark.parametrize("after", [2, 3])
def test_an_interrupted_training_resumes_to_the_same_network(trainer, tmp_path, after):
    pixels, _ = stripes()
    path = tmp_path / "training.pt"

    def stop(task, done, total):
        if done == after + 1:
            raise InterruptionError

    with pytest.raises(InterruptionError):
        trainer.fit(pixels, checkpoint=path, progress=stop)
    steps = []
    resumed = trainer.fit(pixels, checkpoint=path, progress=lambda *update: steps.append(update))

    assert steps[0] == (trainer.task, 3, 4)
    assert steps[-1] == (trainer.task, 4, 4)
    assert_same_network(resumed, trainer.fit(pixels))


@pytest.mark.parametrize(("n_images", "n_steps"), [(60, 4), (40, 4), (20, 2), (2, 2)])
def test_steps_are_bounded_and_so_are_the_views_of_each_image(trainer, n_images, n_steps):
    totals = set()
    replace(trainer, views_per_image=2).fit(
        stripes(n_images)[0], progress=lambda _, __, total: totals.add(total)
    )
    assert totals == {n_steps}


def test_stops_early_once_the_loss_no_longer_falls(trainer):
    pixels = np.zeros((8, 28, 28, 1), dtype=np.uint8)  # all equal: nothing to learn at this rate
    steps = []
    replace(trainer, steps=100, views_per_image=100, batch_size=8, learning_rate=0).fit(
        pixels, progress=lambda _, done, __: steps.append(done)
    )
    assert len(steps) < 60
    assert steps[-1] == 100  # the progress bar reaches its end


@pytest.mark.parametrize("n_images", [0, 1])
def test_too_few_images_are_refused(trainer, n_images):
    with pytest.raises(InputError, match=f"{n_images} images: a network needs two or more"):
        trainer.fit(stripes(n_images)[0])


@pytest.mark.parametrize(
    ("setting", "value"),
    [("steps", 0), ("views_per_image", 0), ("batch_size", 1), ("learning_rate", -1)],
)
def test_a_setting_out_of_range_is_refused(trainer, setting, value):
    with pytest.raises(InputError, match=f"{setting}={value}"):
        replace(trainer, **{setting: value})
