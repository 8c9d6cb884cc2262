"""One self-contained HTML page that tells a comparison of query strategies to a colleague."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.evaluation.savings import Saving
from voisin.report import query_charts as charts
from voisin.report.page import environment
from voisin.report.query_wording import meaning_of

_SHOWN = 3


@dataclass(frozen=True, eq=False)
class QueriesContent:
    """Everything the page shows.

    Attributes
    ----------
    name : str
        Of the source.
    n_pool, n_apart : int
        Images of the graph, and those of them that the first draw set apart.
    has_groups : bool
    method : str
        Labels all images after each batch.
    n_labels : array of shape (n_steps,)
    curves, auc : dict of str to array of shape (n_draws, n_steps)
        Balanced accuracy and AUC, by strategy.
    savings : tuple of Saving
        Fewest labels first; the one without a p-value is random.
    peers : dict of str to str
        Strategies of other libraries among those compared, with what each is.
    left_out : dict of str to str
        Peers that are not installed, with the line that gets them.
    learns_from_labels : bool
        Whether the vectors were learned again after each batch.
    settings, versions : dict of str to str
    warnings : tuple of str
    """

    name: str
    n_pool: int
    n_apart: int
    has_groups: bool
    method: str
    n_labels: NDArray[np.int64]
    curves: dict[str, NDArray[np.float64]]
    auc: dict[str, NDArray[np.float64]]
    savings: tuple[Saving, ...]
    peers: dict[str, str]
    left_out: dict[str, str]
    learns_from_labels: bool
    settings: dict[str, str]
    warnings: tuple[str, ...]
    versions: dict[str, str]


@dataclass(frozen=True)
class Row:
    """A row of the table: means and spreads over the draws.

    Attributes
    ----------
    saving : Saving
    end, end_std, course, course_std, auc : float
        Balanced accuracy at the end and on average over the course; AUC at the end.
    """

    saving: Saving
    end: float
    end_std: float
    course: float
    course_std: float
    auc: float


def render_queries(content: QueriesContent, baseline: str = "random") -> str:
    """Render a comparison of query strategies as one HTML page without network or script.

    Returns
    -------
    str
        The same for the same content, byte for byte.
    """
    order = [one.name for one in content.savings]
    n_labels = content.n_labels.tolist()
    others = [one for one in content.savings if one.name != baseline]
    return (
        environment()
        .get_template("queries.html")
        .render(
            content=content,
            baseline=baseline,
            n_draws=len(content.curves[baseline]),
            best=others[0],
            worse=[one.name for one in others if one.differs and one.ratio > 1],
            rows=[_row(content, one) for one in content.savings],
            strategies={name: content.peers.get(name) or meaning_of(name) for name in order},
            overview=charts.overview(n_labels, content.curves, baseline, _shown(content, others)),
            panels=charts.panels(n_labels, content.curves, baseline, order),
        )
    )


def _shown(content: QueriesContent, others: list[Saving]) -> list[str]:
    """Name the best three in the chart, and the best of other libraries where it is not there."""
    names = [one.name for one in others]
    theirs = [name for name in names if name in content.peers]
    return list(dict.fromkeys((*names[:_SHOWN], *theirs[:1])))


def _row(content: QueriesContent, saving: Saving) -> Row:
    curve = content.curves[saving.name]
    return Row(
        saving,
        *_mean_and_std(curve[:, -1]),
        *_mean_and_std(curve.mean(axis=1)),
        float(content.auc[saving.name][:, -1].mean()),
    )


def _mean_and_std(values: NDArray[np.float64]) -> tuple[float, float]:
    std = values.std(ddof=1) if len(values) > 1 else float("nan")
    return float(values.mean()), float(std)
