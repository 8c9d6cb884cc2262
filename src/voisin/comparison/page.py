"""One self-contained HTML page that tells a comparison of methods to a colleague."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from voisin.comparison import charts
from voisin.comparison.wording import meaning_of
from voisin.evaluation.significance import FIGURES, Ranking, Trial, rank_methods
from voisin.report import wording
from voisin.report.page import environment

_CHARTED = ("auc", "balanced_accuracy")


@dataclass(frozen=True, eq=False)
class ComparisonContent:
    """Everything a page of a comparison shows.

    Attributes
    ----------
    name : str
        Of the source.
    n_pool, n_test, n_classes : int
    trials : tuple of Trial
    peers : dict of str to str
        Methods of other libraries among those compared, with what each is.
    left_out : dict of str to str
        Peers that are not installed, with the line that gets them.
    remarks : dict of str to tuple of str
        What methods decided for themselves, or did not finish.
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
    remarks: dict[str, tuple[str, ...]]
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
        Images scored.
    methods : tuple of str
        Best AUC first.
    figures : dict of str to dict of str to Ranking
        By figure, or ``seconds``, then by method.
    """

    scope: str
    n: int
    methods: tuple[str, ...]
    figures: Mapping[str, Mapping[str, Ranking]]

    def ranked(self, figure: str) -> tuple[Ranking, ...]:
        """Return the standings by one figure, best first."""
        return tuple(self.figures[figure].values())


def render_comparison(content: ComparisonContent) -> str:
    """Render a comparison as one HTML page that needs no network and no script.

    Returns
    -------
    str
        The same for the same content, byte for byte.
    """
    blocks = arrange(content.trials)
    main = main_scope(content.trials)
    of_main = {number: of_number[main] for number, of_number in blocks.items()}
    methods = tuple(dict.fromkeys(one.method for one in content.trials))
    return (
        environment()
        .get_template("comparison/page.html")
        .render(
            content=content,
            words=wording,
            blocks=blocks,
            main=main,
            of_main=of_main,
            methods={name: content.peers.get(name) or meaning_of(name) for name in methods},
            n_draws=len({one.draw for one in content.trials}),
            remarks=_condense(content.remarks),
            **_drawings(of_main, tuple(content.peers)),
        )
    )


def arrange(trials: Sequence[Trial]) -> dict[int, dict[str, Block]]:
    """Sort trials into a table for each number of labels and scope."""
    numbers = sorted({one.labels_per_class for one in trials})
    scopes = list(dict.fromkeys(one.scope for one in trials))
    blocks: dict[int, dict[str, Block]] = {number: {} for number in numbers}
    for number in numbers:
        for scope in scopes:
            chosen = [t for t in trials if (t.labels_per_class, t.scope) == (number, scope)]
            if chosen:
                blocks[number][scope] = _block(scope, chosen)
    return blocks


def main_scope(trials: Sequence[Trial]) -> str:
    """Return the scope that charts show: the unlabeled images where they can be judged.

    Examples
    --------
    >>> trial = Trial(0, 5, "near", "test", 9, 0.9, 0.8, 0.8, 0.8, 0.1, 1.0)
    >>> main_scope([trial])
    'test'
    """
    scopes = dict.fromkeys(one.scope for one in trials)
    return "unlabeled" if "unlabeled" in scopes else next(iter(scopes))


def _block(scope: str, trials: Sequence[Trial]) -> Block:
    figures = {
        figure: {one.method: one for one in rank_methods(trials, figure)}
        for figure in (*FIGURES, "seconds")
    }
    named = tuple(figures["auc"]) or tuple(figures["accuracy"])
    return Block(scope, trials[0].n, named, figures)


def _drawings(of_main: Mapping[int, Block], peers: tuple[str, ...]) -> dict[str, Any]:
    """Draw the ranking at each number of labels, and the curves where there are several."""
    words = {one.field: one for one in wording.FIGURES}
    rankings = {
        number: [
            charts.ranking_chart(
                block.ranked(figure), words[figure], peers, name=f"{figure}-{number}"
            )
            for figure in _CHARTED
            if block.figures[figure]
        ]
        for number, block in of_main.items()
    }
    if len(of_main) < 2:
        return {"rankings": rankings, "curves": {}}
    curves = {
        words[figure].title: charts.learning_curves(
            {number: block.figures[figure] for number, block in of_main.items()}, words[figure]
        )
        for figure in _CHARTED
    }
    return {"rankings": rankings, "curves": curves}


def _condense(remarks: Mapping[str, tuple[str, ...]]) -> dict[str, list[tuple[str, int]]]:
    """Say each remark of a method once, with how often it was made; the commonest five."""
    condensed = {}
    for name, lines in remarks.items():
        counts = {line: lines.count(line) for line in dict.fromkeys(lines)}
        condensed[name] = sorted(counts.items(), key=lambda one: -one[1])[:5]
    return condensed
