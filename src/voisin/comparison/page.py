"""One self-contained HTML page that shows a comparison of methods to a colleague.

This module draws trials and rankings; it must not know how they were computed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from voisin.comparison import charts
from voisin.evaluation.metrics import METRICS
from voisin.evaluation.significance import (
    Ranking,
    Trial,
    rank_methods,
)
from voisin.report import wording
from voisin.report.page import environment

_CHARTED = ("auc", "balanced_accuracy")  # AUC judges the ranking, balanced accuracy the decision
_MAX_NOTES = 5  # notes shown per method, most frequent first; chosen by hand, for a readable page
_MEANINGS = {
    "spreading": "label spreading: labels are passed on along the graph, and reach distant images "
    "(Zhou et al. 2004)",
    "harmonic": "each image takes the average of its neighbors; given labels stay as they are "
    "(Zhu et al. 2003)",
    "poisson": "Poisson learning: labels are the sources of a flow along the graph "
    "(Calder et al. 2020)",
    "poisson-mbo": "Poisson learning, then decisions that keep the class sizes "
    "(Calder et al. 2020)",
    "reweighted": "as harmonic, on a graph whose weights come from Poisson's equation "
    "(Miller & Calder 2023)",
    "classifier": "logistic regression on the vectors alone",
    "smoothed-classifier": "logistic regression on the vectors, its probabilities smoothed along "
    "the graph",
    "consensus": "a mixture of the probabilities of logistic regression and of label spreading",
    "correct-and-smooth": "logistic regression; its errors on the labels are spread along the "
    "graph and subtracted, and the result is smoothed (Huang et al. 2021)",
    "auto": "the default of a run: the method that does best in cross-validation on the given "
    "labels",
}


@dataclass(frozen=True, eq=False)
class ComparisonContent:
    """Everything a page of a comparison shows.

    Attributes
    ----------
    name : str
        Name of the source.
    n_pool, n_test, n_classes : int
    trials : tuple of Trial
    peers : dict of str to str
        Compared methods of other libraries, each with a description.
    left_out : dict of str to str
        Methods whose library is not installed, each with the message that says how to get it.
    notes : dict of str to tuple of str
        Per method: settings it chose itself, and warnings that it did not finish.
    learns_from_labels : bool
        Whether the vectors were learned again in each draw.
    settings, versions : dict of str to str
    warnings : tuple of str
    """

    name: str
    n_pool: int
    n_test: int
    n_classes: int
    trials: tuple[Trial, ...]
    peers: dict[str, str]
    left_out: dict[str, str]
    notes: dict[str, tuple[str, ...]]
    learns_from_labels: bool
    settings: dict[str, str]
    warnings: tuple[str, ...]
    versions: dict[str, str]


@dataclass(frozen=True, eq=False)
class Block:
    """The table of one scope at one number of labels.

    Attributes
    ----------
    scope : str
    n : int
        Number of images scored.
    methods : tuple of str
        Best AUC first.
    figures : dict of str to dict of str to Ranking
        ``figures[name][method]``; name is a metric or ``seconds``.
    """

    scope: str
    n: int
    methods: tuple[str, ...]
    figures: Mapping[str, Mapping[str, Ranking]]

    def rankings(self, figure: str) -> tuple[Ranking, ...]:
        """Return the methods' rankings by one figure, best first."""
        return tuple(self.figures[figure].values())


def render_comparison(content: ComparisonContent) -> str:
    """Render a comparison as one HTML page that needs no network and no script.

    Returns
    -------
    str
        The same bytes for the same content.
    """
    blocks = arrange_blocks(content.trials)
    main = main_scope(content.trials)
    main_blocks = {number: of_number[main] for number, of_number in blocks.items()}
    methods = dict.fromkeys(trial.method for trial in content.trials)
    notes = {name: Counter(texts).most_common(_MAX_NOTES) for name, texts in content.notes.items()}
    variables = {
        "blocks": blocks,
        "main_scope": main,
        "main_blocks": main_blocks,
        "methods": {name: content.peers.get(name) or meaning_of(name) for name in methods},
        "n_draws": len({trial.draw for trial in content.trials}),
        "notes": notes,
        **draw_charts(main_blocks, tuple(content.peers)),
    }
    template = environment().get_template("comparison/page.html")
    return template.render(content=content, wording=wording, **variables)


def arrange_blocks(trials: Sequence[Trial]) -> dict[int, dict[str, Block]]:
    """Group trials into one table per number of labels and scope."""
    numbers = sorted({trial.labels_per_class for trial in trials})
    scopes = list(dict.fromkeys(trial.scope for trial in trials))
    blocks: dict[int, dict[str, Block]] = {number: {} for number in numbers}
    for number in numbers:
        for scope in scopes:
            chosen = [t for t in trials if (t.labels_per_class, t.scope) == (number, scope)]
            if not chosen:
                continue
            figures = {
                figure: {ranking.method: ranking for ranking in rank_methods(chosen, figure)}
                for figure in (*METRICS, "seconds")
            }
            methods = tuple(figures["auc"]) or tuple(figures["accuracy"])
            blocks[number][scope] = Block(scope, chosen[0].n, methods, figures)
    return blocks


def main_scope(trials: Sequence[Trial]) -> str:
    """Return the scope of the charts: `unlabeled` if a trial was scored on it, else the first.

    Examples
    --------
    >>> trial = Trial(0, 5, "near", "test", 9, {"auc": 0.9}, 1.0)
    >>> main_scope([trial])
    'test'
    """
    scopes = dict.fromkeys(trial.scope for trial in trials)
    return "unlabeled" if "unlabeled" in scopes else next(iter(scopes))


def draw_charts(main_blocks: Mapping[int, Block], peers: Sequence[str]) -> dict[str, Any]:
    """Draw a ranking per number of labels, and learning curves if there are several numbers."""
    figures = [figure for figure in wording.FIGURES if figure.field in _CHARTED]
    rankings = {
        number: {
            figure.title: charts.ranking_chart(
                block.rankings(figure.field), figure, peers, name=f"{figure.field}-{number}"
            )
            for figure in figures
            if block.figures[figure.field]
        }
        for number, block in main_blocks.items()
    }
    curves = {}
    if len(main_blocks) > 1:
        for figure in figures:
            by_number = {number: b.figures[figure.field] for number, b in main_blocks.items()}
            curves[figure.title] = charts.learning_curves(by_number, figure)
    return {"rankings": rankings, "curves": curves}


def meaning_of(method: str) -> str:
    """Describe a labeling method in half a sentence; return a dash if no description is known.

    Examples
    --------
    >>> meaning_of("classifier")
    'logistic regression on the vectors alone'
    """
    return _MEANINGS.get(method, "–")
