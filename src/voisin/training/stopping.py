"""When a training may stop early: its loss no longer falls. It knows numbers alone."""

from collections.abc import Sequence

_PATIENCE = 5


def has_stopped_falling(losses: Sequence[float], gain: float) -> bool:
    """Whether the last five losses are all above ``(1 - gain)`` times the best before.

    Parameters
    ----------
    losses : sequence of float
        A mean loss an epoch, or a round of steps, in order.
    gain : float
        Smallest fall that counts, in shares of the best before.

    Examples
    --------
    >>> has_stopped_falling([1.0, 0.5, 0.499, 0.499, 0.499, 0.499, 0.499], gain=0.01)
    True
    >>> has_stopped_falling([1.0, 0.5, 0.49, 0.48, 0.47, 0.46, 0.45], gain=0.01)
    False
    """
    if len(losses) <= _PATIENCE:
        return False
    return min(losses[-_PATIENCE:]) > min(losses[:-_PATIENCE]) * (1 - gain)
