"""The files of a comparison: every trial a row, and what came of them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from voisin.evaluation.significance import FIGURES, Trial, rank_methods
from voisin.project.exports import number
from voisin.writing import write_atomically

_TEST = "Student's paired t over the draws against the best method, two-sided, Holm's correction"


def write_trials(path: Path, trials: Sequence[Trial]) -> None:
    """Write a Parquet table, a row a trial: the columns are the fields of `Trial`."""
    import pyarrow as pa
    import pyarrow.parquet

    names = Trial.__dataclass_fields__
    table = pa.table({name: [getattr(one, name) for one in trials] for name in names})
    with write_atomically(path) as partial:
        pa.parquet.write_table(table, partial)


def comparison_document(
    *,
    dataset: Mapping[str, Any],
    settings: Mapping[str, Any],
    trials: Sequence[Trial],
    left_out: Mapping[str, str],
    versions: Mapping[str, str],
) -> dict[str, Any]:
    """Build ``comparison.json``: one result a scope, number of labels and method."""
    return {
        "schema": 1,
        "dataset": dict(dataset),
        "settings": dict(settings),
        "draws": len({one.draw for one in trials}),
        "labels_per_class": sorted({one.labels_per_class for one in trials}),
        "test": _TEST,
        "results": _results(trials),
        "left_out": dict(left_out),
        "versions": dict(versions),
    }


def _results(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    blocks: dict[tuple[str, int], list[Trial]] = {}
    for one in trials:
        blocks.setdefault((one.scope, one.labels_per_class), []).append(one)
    return [row for block in blocks.values() for row in _block(block)]


def _block(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """Build the rows of one scope and number of labels, best AUC first."""
    rows: dict[str, dict[str, Any]] = {}
    for figure in (*FIGURES, "seconds"):
        for one in rank_methods(trials, figure):
            first = next(trial for trial in trials if trial.method == one.method)
            row = rows.setdefault(one.method, _head(first, len(one.values)))
            row[figure] = {"mean": number(one.mean), "std": number(one.std)}
            if figure in FIGURES:
                row[figure] |= {"p_value": number(one.p_value), "best": one.is_best}
    return list(rows.values())


def _head(first: Trial, n_draws: int) -> dict[str, Any]:
    names = ("scope", "labels_per_class", "method", "n")
    return {**{name: asdict(first)[name] for name in names}, "n_draws": n_draws}
