"""How large the steps of a training are, from its first to its last."""

import math

import torch


def rate(step: int, n_steps: int, *, rise: float) -> float:
    """Return the share of the learning rate at a step: a short rise, then a cosine.

    Of step t = 0, 1, ... of T it is ``min(1, (t + 1) / (rise T)) · (1 + cos(π t / T)) / 2``.

    Examples
    --------
    >>> [round(rate(step, 4, rise=0.5), 2) for step in range(4)]
    [0.5, 0.85, 0.5, 0.15]
    """
    risen = min(1.0, (step + 1) / (rise * n_steps))
    return risen * (1 + math.cos(math.pi * step / n_steps)) / 2


def set_rate(optimizer: torch.optim.Optimizer, value: float) -> None:
    """Let the next step be of this learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = value
