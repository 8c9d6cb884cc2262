"""What every lesson without labels promises: two agree, none runs on, a stopped one goes on."""

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

LESSONS = {
    "self-teaching": SimCLR("fixed", steps=4, batch_size=16),
    "autoencoding": VAETraining(steps=4, batch_size=16),
    "neighbor-teaching": NeighborContrastiveTraining("fixed", steps=4, batch_size=16),
}


@pytest.fixture(params=LESSONS)
def lesson(request, monkeypatch):
    lesson = LESSONS[request.param]
    monkeypatch.setattr(type(lesson), "round_of", 2)
    return lesson


def test_the_same_random_state_gives_the_same_network_and_leaves_the_callers_numbers_alone(lesson):
    pixels, _ = stripes()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = lesson.fit(pixels, random_state=3)

    torch.testing.assert_close(torch.rand(3), expected)
    assert not first.training
    assert_same_network(first, lesson.fit(pixels, random_state=3))
    other = state_of(lesson.fit(pixels, random_state=4))
    assert any(not np.array_equal(value, other[name]) for name, value in state_of(first).items())


@pytest.mark.parametrize("after", [2, 3])
def test_an_interrupted_lesson_goes_on_to_the_same_network(lesson, tmp_path, after):
    pixels, _ = stripes()
    path = tmp_path / "lesson.pt"

    def stop(task, done, total):
        if done == after + 1:
            raise InterruptionError

    with pytest.raises(InterruptionError):
        lesson.fit(pixels, checkpoint=path, progress=stop)
    steps = []
    resumed = lesson.fit(pixels, checkpoint=path, progress=lambda *told: steps.append(told))

    assert steps[0] == (lesson.task, 3, 4)
    assert steps[-1] == (lesson.task, 4, 4)
    assert_same_network(resumed, lesson.fit(pixels))


@pytest.mark.parametrize(("n_images", "n_steps"), [(60, 4), (40, 4), (20, 2), (2, 2)])
def test_steps_are_bounded_and_so_are_the_looks_at_each_image(lesson, n_images, n_steps):
    totals = set()
    replace(lesson, looks=2).fit(
        stripes(n_images)[0], progress=lambda _, __, total: totals.add(total)
    )
    assert totals == {n_steps}


def test_stops_early_once_the_loss_no_longer_falls(lesson):
    pixels = np.zeros((8, 28, 28, 1), dtype=np.uint8)  # all alike: nothing to learn at this rate
    steps = []
    replace(lesson, steps=100, looks=100, batch_size=8, learning_rate=0).fit(
        pixels, progress=lambda _, done, __: steps.append(done)
    )
    assert len(steps) < 60
    assert steps[-1] == 100  # the bar is told that the work is over


@pytest.mark.parametrize("n_images", [0, 1])
def test_too_few_images_are_refused(lesson, n_images):
    with pytest.raises(InputError, match=f"{n_images} images: a network needs two or more"):
        lesson.fit(stripes(n_images)[0])


@pytest.mark.parametrize(
    ("setting", "value"), [("steps", 0), ("looks", 0), ("batch_size", 1), ("learning_rate", -1)]
)
def test_a_setting_out_of_range_is_refused(lesson, setting, value):
    with pytest.raises(InputError, match=f"{setting}={value}"):
        replace(lesson, **{setting: value})
