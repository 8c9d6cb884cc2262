"""What training loops share: the learning rate, when to stop, and checkpoints."""

import numpy as np
import pytest
import torch

from voisin.training.training_loop import (
    TrainingState,
    has_stopped_falling,
    set_learning_rate,
    take_step,
)


@pytest.mark.parametrize(
    ("losses", "stopped"),
    [
        ([], False),
        ([1.0] * 5, False),
        ([1.0] * 6, True),
        ([1.0, 0.985, 1.0, 1.0, 1.0, 1.0], False),
        ([1.0, 0.995, 1.0, 1.0, 1.0, 1.0], True),
        ([1.0, 0.5, 0.4, 0.6, 0.6, 0.6, 0.6, 0.6], True),
    ],
)
def test_a_loss_has_stopped_falling_when_five_in_a_row_gain_less_than_one_percent(losses, stopped):
    assert has_stopped_falling(losses, gain=0.01) is stopped


def test_the_learning_rate_rises_then_falls_to_nearly_nothing():
    optimizer = torch.optim.SGD([torch.zeros(1)])
    rates = []
    for step in range(100):
        set_learning_rate(optimizer, 2.0, step, 100, rise=0.1)
        rates.append(optimizer.param_groups[0]["lr"] / 2)

    assert np.argmax(rates) in (9, 10)
    assert rates[0] < 0.11
    assert rates[-1] < 0.001
    assert np.all(np.diff(rates[10:]) < 0)


def begin():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = torch.nn.Linear(2, 1)
    return TrainingState(network, torch.optim.Adam(network.parameters()), torch.Generator())


def test_a_resumed_state_goes_on_as_the_one_that_was_saved(tmp_path):
    saved = begin()
    take_step(saved.optimizer, saved.network(torch.ones(3, 2)).sum())
    torch.rand(5, generator=saved.generator)
    saved.n_done, saved.losses = 1, [0.5]
    saved.save(tmp_path / "deep" / "state.pt")
    resumed = begin()
    resumed.resume(tmp_path / "deep" / "state.pt")

    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["state.pt"]  # nothing is left beside
    assert (resumed.n_done, resumed.losses) == (1, [0.5])
    for state in (saved, resumed):
        take_step(state.optimizer, state.network(torch.ones(3, 2)).sum())
    assert torch.equal(resumed.network.weight, saved.network.weight)
    assert torch.equal(
        torch.rand(3, generator=resumed.generator), torch.rand(3, generator=saved.generator)
    )


@pytest.mark.parametrize("content", [{"epoch": 2}, [1, 2]])
def test_a_checkpoint_of_another_kind_of_training_is_as_good_as_none(tmp_path, content):
    torch.save(content, tmp_path / "state.pt")
    state = begin()
    state.resume(tmp_path / "state.pt")
    assert state.n_done == 0
