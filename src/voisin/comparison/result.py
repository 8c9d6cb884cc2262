"""The result of a comparison of methods."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from voisin.errors import InputError
from voisin.evaluation.significance import FIGURES, Ranking, Trial, rank_methods
from voisin.validation import check_one_of


@dataclass(frozen=True, eq=False)
class Comparison:
    """What a comparison found, and where its files are.

    Attributes
    ----------
    folder : Path
        Holds ``comparison.html``, ``comparison.parquet`` and ``comparison.json``.
    trials : tuple of Trial
        One a draw, number of labels, method and scope.
    left_out : dict of str to str
        Peers that are not installed, with the line that says how to get each.
    remarks : dict of str to tuple of str
        What methods could not finish or were not given, then what they decided for themselves;
        each said once a draw.
    """

    folder: Path
    trials: tuple[Trial, ...]
    left_out: Mapping[str, str]
    remarks: Mapping[str, tuple[str, ...]]

    @property
    def page(self) -> Path:
        """The page to open."""
        return self.folder / "comparison.html"

    def standings(
        self, figure: str = "auc", *, scope: str = "unlabeled", labels_per_class: int
    ) -> tuple[Ranking, ...]:
        """Rank the methods by one figure, best first, each tested against the best.

        Raises
        ------
        InputError
            If there is no such figure, scope or number of labels; says which there are.
        """
        check_one_of("figure", figure, FIGURES)
        check_one_of("scope", scope, tuple(dict.fromkeys(one.scope for one in self.trials)))
        there = sorted({one.labels_per_class for one in self.trials})
        if labels_per_class not in there:
            numbers = ", ".join(map(str, there))
            message = f"labels_per_class={labels_per_class} was not compared: there are {numbers}."
            raise InputError(message)
        chosen = [
            one
            for one in self.trials
            if (one.scope, one.labels_per_class) == (scope, labels_per_class)
        ]
        return rank_methods(chosen, figure)
