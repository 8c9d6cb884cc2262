"""The result of a comparison, and its files: the table of trials, the figures, and the page."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from voisin import __version__
from voisin.comparison.page import ComparisonContent, render_comparison
from voisin.comparison.trials import relevant_settings
from voisin.errors import InputError
from voisin.evaluation.metrics import METRICS
from voisin.evaluation.significance import Ranking, Trial, rank_methods
from voisin.labeling.peers.registry import PEERS
from voisin.pipeline.context import Context
from voisin.project.exports import number, to_json
from voisin.project.folder import Project
from voisin.sources.collection import summarize
from voisin.types import ImageCollection, ShortRepr
from voisin.validation import check_one_of
from voisin.writing import write_atomically

_TEST = "Student's paired t over the draws against the best method, two-sided, Holm's correction"
_PACKAGES = ("numpy", "scipy", "scikit-learn", "torch")  # figures may depend on their versions


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(ShortRepr):
    """The trials of a comparison, and where its files are.

    Attributes
    ----------
    folder : Path
        Holds ``comparison.html``, ``comparison.parquet`` and ``comparison.json``.
    trials : tuple of Trial
        One per draw, number of labels, method and scope.
    left_out : dict of str to str
        Methods whose library is not installed, each with the message that says how to get it.
    notes : dict of str to tuple of str
        Per method: warnings that it did not finish or lacked class priors, then settings it chose
        itself; one note per draw.
    """

    folder: Path
    trials: tuple[Trial, ...]
    left_out: Mapping[str, str]
    notes: Mapping[str, tuple[str, ...]]

    @property
    def page(self) -> Path:
        """Path of the HTML page."""
        return self.folder / "comparison.html"

    def rank_methods(
        self, figure: str = "auc", *, scope: str = "unlabeled", labels_per_class: int
    ) -> tuple[Ranking, ...]:
        """Rank the methods by one figure, best first, each tested against the best.

        Raises
        ------
        InputError
            If the figure, scope or number of labels is unknown; the message lists the known ones.
        """
        check_one_of("figure", figure, tuple(METRICS))
        check_one_of("scope", scope, tuple(dict.fromkeys(trial.scope for trial in self.trials)))
        available = sorted({trial.labels_per_class for trial in self.trials})
        if labels_per_class not in available:
            numbers = ", ".join(map(str, available))
            message = (
                f"`labels_per_class={labels_per_class}` was not compared: there are {numbers}."
            )
            raise InputError(message)
        chosen = [
            trial
            for trial in self.trials
            if (trial.scope, trial.labels_per_class) == (scope, labels_per_class)
        ]
        return rank_methods(chosen, figure)


def write_comparison(
    project: Project, images: ImageCollection, context: Context, comparison: Comparison
) -> None:
    """Write ``comparison.parquet``, ``comparison.json`` and, last, ``comparison.html``."""
    experiment, trials = context.experiment, comparison.trials
    settings = relevant_settings(context.stages.settings)
    compared = {trial.method for trial in trials}
    peers = {name: peer for name, peer in PEERS.items() if name in compared}
    packages = dict.fromkeys((*_PACKAGES, *(peer.package for peer in peers.values())))
    versions = {"voisin": __version__, "python": platform.python_version()}
    versions |= {name: version(name) for name in packages}
    content = ComparisonContent(
        name=summarize(images).name,
        n_pool=len(experiment.pool),
        n_test=len(experiment.test),
        n_classes=experiment.n_classes,
        trials=trials,
        peers={name: peer.meaning for name, peer in peers.items()},
        left_out=dict(comparison.left_out),
        notes=dict(comparison.notes),
        learns_from_labels=context.trains_again,
        settings={k: "–" if v is None else str(v) for k, v in settings.items()},
        warnings=experiment.warnings,
        versions=versions,
    )
    document = {
        "schema": 1,
        "dataset": {
            "name": content.name,
            "class_names": list(experiment.pool.class_names),
            "n_pool": content.n_pool,
            "n_test": content.n_test,
            "warnings": list(content.warnings),
        },
        "settings": settings,
        "draws": len({trial.draw for trial in trials}),
        "labels_per_class": sorted({trial.labels_per_class for trial in trials}),
        "test": _TEST,
        "results": result_rows(trials),
        "left_out": content.left_out,
        "versions": versions,
    }
    write_trials(project.folder / "comparison.parquet", trials)
    project.write_text("comparison.json", to_json(document))
    project.write_text("comparison.html", render_comparison(content))


def write_trials(path: Path, trials: Sequence[Trial]) -> None:
    """Write a Parquet table with a row for each trial and a column for each metric."""
    import pyarrow as pa
    import pyarrow.parquet

    table = pa.Table.from_pylist([trial.as_row() for trial in trials])
    with write_atomically(path) as partial:
        pa.parquet.write_table(table, partial)


def result_rows(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """Build one row per scope, number of labels and method; in each block, best AUC first."""
    blocks: dict[tuple[str, int], list[Trial]] = {}
    for trial in trials:
        blocks.setdefault((trial.scope, trial.labels_per_class), []).append(trial)
    rows: dict[tuple[str, int, str], dict[str, Any]] = {}
    for (scope, labels_per_class), block in blocks.items():
        n_images = {trial.method: trial.n for trial in reversed(block)}
        for figure in (*METRICS, "seconds"):
            for ranking in rank_methods(block, figure):
                method = ranking.method
                head = {
                    "scope": scope,
                    "labels_per_class": labels_per_class,
                    "method": method,
                    "n": n_images[method],
                    "n_draws": len(ranking.values),
                }
                row = rows.setdefault((scope, labels_per_class, method), head)
                row[figure] = {"mean": number(ranking.mean), "std": number(ranking.std)}
                if figure in METRICS:
                    row[figure] |= {
                        "p_value": number(ranking.p_value),
                        "best": ranking.is_best,
                    }
    return list(rows.values())
