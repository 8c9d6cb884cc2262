"""The labels that people gave beside those of the source: in tables, and as stored answers."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from voisin.project.label_events import Agreement
from voisin.sources.classes import find_class, sort_class_names
from voisin.types import REJECT, UNLABELED, ImageCollection, LabelEvent, Labels, Names


@dataclass(frozen=True, eq=False)
class GivenLabels:
    """What a run knows of people's labels.

    Attributes
    ----------
    tables : Agreement, optional
        What the tables of the setting `labels` say; they take the place of the source's labels.
    answers : Agreement
        The answers stored in the project; they go before all other labels.
    """

    tables: Agreement | None = None
    answers: Agreement = field(default_factory=lambda: Agreement({}, {}))

    @property
    def rejected(self) -> set[str]:
        """The images that belong to none of the classes."""
        of_tables = set() if self.tables is None else set(self.tables.of_kind(REJECT))
        return of_tables - self.answers.labels.keys() | set(self.answers.of_kind(REJECT))

    @property
    def table_disagreements(self) -> dict[str, tuple[LabelEvent, ...]]:
        """The images whose labels differ between tables, and which no stored answer settles."""
        found = {} if self.tables is None else self.tables.disagreements
        return {image: said for image, said in found.items() if image not in self.answers.answers}

    def class_names(self, images: ImageCollection) -> tuple[str, ...]:
        """Return the classes of the images, then the new ones among people's labels, sorted."""
        known = images.class_names
        new = {name for name in self._names() if find_class(name, known) is None}
        return (*known, *sort_class_names(new))

    def of_tables(self, images: ImageCollection) -> Labels:
        """Return the labels to start from: those of the tables if there are any, or the source's.

        The images have the classes of `class_names`.
        """
        if self.tables is None:
            return images.labels
        nothing = np.full(len(images), UNLABELED)
        return _write_over(nothing, images.ids, images.class_names, self.tables)

    def over(self, labels: Labels, ids: Names, class_names: tuple[str, ...]) -> Labels:
        """Write the stored answers over labels; where raters disagree, there is no label."""
        return _write_over(labels, ids, class_names, self.answers)

    @property
    def at_random(self) -> set[str]:
        """The images that were drawn at random to be asked about, and answered."""
        of_tables = set() if self.tables is None else self.tables.at_random
        return of_tables | self.answers.at_random

    def _names(self) -> Iterator[str]:
        for agreement in (self.tables, self.answers):
            if agreement is not None:
                yield from agreement.labels.values()


def _write_over(
    labels: Labels, ids: Names, class_names: tuple[str, ...], agreement: Agreement
) -> Labels:
    codes = {name: find_class(name, class_names) for name in set(agreement.labels.values())}
    said = {image: codes[name] for image, name in agreement.labels.items()}
    said |= dict.fromkeys(agreement.disagreements, UNLABELED)
    pairs = zip(ids.tolist(), labels.tolist(), strict=True)
    return np.array([said.get(image, label) for image, label in pairs], dtype=np.int64)
