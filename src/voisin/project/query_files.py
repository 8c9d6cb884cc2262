"""The files of a comparison of query strategies: every point of every curve, what came of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voisin.evaluation.savings import Saving
from voisin.project.json_documents import number
from voisin.project.writing import written_whole

_TEST = (
    "Student's paired t of log labels over the draws against random, two-sided, Holm's correction"
)
Figures = Mapping[str, NDArray[np.float64]]  # by strategy, (n_draws, n_steps, n_figures)


def write_points(
    path: Path, n_labels: NDArray[np.int64], figures: Figures, names: Sequence[str]
) -> None:
    """Write a Parquet table, a row a strategy, draw and number of labels; a column a figure."""
    import pyarrow as pa
    import pyarrow.parquet

    n_draws = len(next(iter(figures.values())))
    n_steps = len(n_labels)
    table = {
        "strategy": np.repeat(list(figures), n_draws * n_steps),
        "draw": np.tile(np.repeat(np.arange(n_draws), n_steps), len(figures)),
        "n_labels": np.tile(n_labels, len(figures) * n_draws),
    }
    values = np.concatenate([one.reshape(-1, len(names)) for one in figures.values()])
    table |= dict(zip(names, values.T, strict=True))
    with written_whole(path) as partial:
        pa.parquet.write_table(pa.table(table), partial)


def query_document(
    *,
    dataset: Mapping[str, Any],
    settings: Mapping[str, Any],
    n_labels: NDArray[np.int64],
    figures: Figures,
    names: Sequence[str],
    savings: Sequence[Saving],
    left_out: Mapping[str, str],
    versions: Mapping[str, str],
) -> dict[str, Any]:
    """Build ``queries.json``: one result a strategy, fewest labels first."""
    return {
        "schema": 1,
        "dataset": dict(dataset),
        "settings": dict(settings),
        "draws": len(next(iter(figures.values()))),
        "n_labels": n_labels.tolist(),
        "test": _TEST,
        "results": [_result(one, figures[one.name], names) for one in savings],
        "left_out": dict(left_out),
        "versions": dict(versions),
    }


def _result(saving: Saving, figures: NDArray[np.float64], names: Sequence[str]) -> dict[str, Any]:
    means = figures.mean(axis=0).T
    return {
        "strategy": saving.name,
        "labels_needed": {"mean": number(saving.mean), "std": number(saving.std)},
        "of_random": number(saving.ratio),
        "draws_reached": saving.n_reached,
        "p_value": number(saving.p_value),
        "curves": {
            name: [number(value) for value in mean.tolist()]
            for name, mean in zip(names, means, strict=True)
        },
    }
