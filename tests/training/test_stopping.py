"""A training stops when nothing is gained any more, and not before."""

import pytest

from voisin.training.stopping import has_stopped_falling


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
