"""What learning curves start from: the first labels, who may be asked for, who is judged.

In each draw a part of the images is set apart, whole groups of them: its labels are never asked
for, so that every strategy is judged on the same images.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.errors import InputError
from voisin.sources.few_labels import draw_labels
from voisin.types import UNLABELED, Indices, Labels, Names
from voisin.validation import check_count, check_in_open_interval


@dataclass(frozen=True)
class Schedule:
    """How many labels are asked for, and when.

    Parameters
    ----------
    start : int, default=2
        Labels a class, drawn at random, that every strategy starts from.
    until : int, default=50
        Labels a class on average at the end: ``until * n_classes`` in all.
    batch : int, optional
        Questions between two labelings; by default two a class.
    apart : float, default=0.3
        Share of each class that is judged and never asked for.
    """

    start: int = 2
    until: int = 50
    batch: int | None = None
    apart: float = 0.3

    def __post_init__(self) -> None:
        check_count("start", self.start, 1)
        check_count("until", self.until, self.start + 1)
        if self.batch is not None:
            check_count("batch", self.batch, 1)
        check_in_open_interval("apart", self.apart, 0, 1)

    def steps(self, truth: Labels) -> NDArray[np.int64]:
        """Return how many labels there are at each labeling, for the classes there are."""
        n_classes = len(np.unique(truth[truth != UNLABELED]))
        first, last = self.start * n_classes, self.until * n_classes
        return np.unique(np.append(np.arange(first, last, self.batch or 2 * n_classes), last))


@dataclass(frozen=True, eq=False)
class Start:
    """What every strategy of a draw starts from.

    Attributes
    ----------
    number : int
        Of the draw, from 0.
    random_state : int
    labels : array of shape (n_samples,)
        The first labels, -1 elsewhere.
    apart : array of int
        Images that are judged.
    candidates : array of int
        Images that may be asked for: of each group one, drawn at random, since the others would
        tell nothing new; none of a group that is set apart, and none whose class is unknown.
    """

    number: int
    random_state: int
    labels: Labels
    apart: Indices
    candidates: Indices


def begin(
    truth: Labels,
    schedule: Schedule,
    number: int,
    random_state: int,
    groups: Names | None = None,
    class_names: Sequence[str] = (),
) -> Start:
    """Set images apart, and draw the first labels among the others.

    A group belongs to the class of its first image; of each class its share of groups is set apart.

    Raises
    ------
    InputError
        If a class has too few images, or all have, for so many questions.
    """
    generator = np.random.default_rng(random_state)
    known = np.flatnonzero(truth != UNLABELED)
    names = known if groups is None else groups[known]
    first, group_of = np.unique(names, return_index=True, return_inverse=True)[1:]
    classes = truth[known[first]]
    members = [generator.permutation(np.flatnonzero(classes == c)) for c in np.unique(truth[known])]
    chosen = [rows[: int(schedule.apart * len(rows))] for rows in members]
    is_apart = np.isin(group_of, np.concatenate(chosen))
    candidates = known[~is_apart]
    if groups is not None:
        mixed = generator.permutation(candidates)
        candidates = np.sort(mixed[np.unique(groups[mixed], return_index=True)[1]])
    apart = known[is_apart]
    has_groups = groups is not None
    _check_enough(truth, apart, candidates, schedule, class_names, has_groups=has_groups)
    askable = np.full_like(truth, UNLABELED)
    askable[candidates] = truth[candidates]
    labels = draw_labels(askable, labels_per_class=schedule.start, random_state=random_state)
    return Start(number, random_state, labels, apart, candidates)


def _check_enough(
    truth: Labels,
    apart: Indices,
    candidates: Indices,
    schedule: Schedule,
    class_names: Sequence[str],
    *,
    has_groups: bool,
) -> None:
    for c in np.unique(truth[truth != UNLABELED]).tolist():
        n_apart, n_left = (int((truth[rows] == c).sum()) for rows in (apart, candidates))
        if not n_apart or n_left < schedule.start:
            name = class_names[c] if len(class_names) else f"class {c}"
            message = (
                f"{name} has too few images: {n_apart} set apart to judge by and {n_left} to ask "
                f"for, where 1 and {schedule.start} are needed{', one a group' * has_groups}: find "
                "more, or leave the class out."
            )
            raise InputError(message)
    last = int(schedule.steps(truth)[-1])
    if last > len(candidates):
        message = (
            f"{schedule.until} labels a class are {last} answers, too many for the "
            f"{len(candidates)} of {len(truth)} images that may be asked for "
            f"({schedule.apart:.0%} are set apart{', one a group is asked for' * has_groups}): "
            "end with fewer labels a class."
        )
        raise InputError(message)
