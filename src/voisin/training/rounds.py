"""What each round of pseudo-labels added."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PseudoLabelRound:
    """One round: which labels the network believed, and how right it was to.

    Attributes
    ----------
    number : int
        From 1.
    n_added : int
        Pseudo-labels added in this round.
    n_added_by_class : tuple of int
    precision : float or None
        Share of the added labels that are true; None where truth is unknown or none was added.
    n_known : int
        Added labels whose truth is known.
    """

    number: int
    n_added: int
    n_added_by_class: tuple[int, ...]
    precision: float | None
    n_known: int
