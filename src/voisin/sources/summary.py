"""What the program understood of a source, to be said before any work."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Summary:
    """Counts of a source.

    Attributes
    ----------
    name : str
    n_images : int
    n_labeled : int
        Images whose label is known, in all splits.
    class_counts : dict of str to int
        Labeled images of each class, zero included.
    n_groups : int or None
        Distinct groups; None where the source has none.
    split_counts : dict of str to int
        Images of each split; empty where the source has none.
    """

    name: str
    n_images: int
    n_labeled: int
    class_counts: dict[str, int]
    n_groups: int | None
    split_counts: dict[str, int]
