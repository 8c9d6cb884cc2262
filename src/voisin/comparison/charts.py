"""The charts of a comparison: rankings at one number of labels, and learning curves."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator
from numpy.typing import NDArray

from voisin.evaluation.significance import Ranking
from voisin.report.charts import lay_out_rows, write_value
from voisin.report.svg import ACCENT, LINE, MUTED, SURFACE, inline_svg
from voisin.report.wording import FigureWording, decimal

# Pixels, chosen by hand: two rankings or three small panels stand side by side on the page.
_WIDTH = 420
_PANEL_WIDTH, _PANEL_HEIGHT = 230, 165


def ranking_chart(
    rankings: Sequence[Ranking], figure: FigureWording, peers: Collection[str], *, name: str
) -> Markup:
    """Draw one row per method: its value in every draw, and the mean over the draws.

    The best method, and those that may be as good, have the accent color; methods of other
    libraries have a hollow mark. `name` must be unique among the charts of the page.
    """

    def draw(canvas: Figure) -> None:
        axes = canvas.add_subplot()
        for row, ranking in enumerate(rankings):
            color = ACCENT if ranking.may_be_as_good else MUTED
            axes.plot(ranking.values, [row] * len(ranking.values), "|", color=color, markersize=8,
                      markeredgewidth=1, alpha=0.45)  # fmt: skip
            fill = SURFACE if ranking.method in peers else color
            axes.plot(ranking.mean, row, "o", color=fill, markeredgecolor=color,
                      markeredgewidth=1.6, markersize=6.5)  # fmt: skip
            write_value(axes, row, ranking.mean, bold=ranking.is_best)
        methods = [ranking.method for ranking in rankings]
        lay_out_rows(axes, methods, np.concatenate([ranking.values for ranking in rankings]))

    means = (f"{ranking.method} {decimal(ranking.mean)}" for ranking in rankings)
    return inline_svg(
        draw,
        name=name,
        description=f"Mean {figure.title} of each method over the draws: {', '.join(means)}.",
        width=_WIDTH,
        height=46 + 24 * len(rankings),
    )


def learning_curves(
    rankings: Mapping[int, Mapping[str, Ranking]], figure: FigureWording
) -> dict[str, Markup]:
    """Draw one panel per method: its mean by number of labels, with the others behind it.

    Parameters
    ----------
    rankings : mapping
        By number of labels per class, then by method.
    figure : FigureWording

    Returns
    -------
    dict of str to Markup
        By method.
    """
    numbers = sorted(rankings)
    methods = dict.fromkeys(name for of_number in rankings.values() for name in of_number)

    def values(method: str, field: str) -> NDArray[np.float64]:
        of_method = (rankings[number].get(method) for number in numbers)
        return np.array([np.nan if r is None else getattr(r, field) for r in of_method])

    means = {method: values(method, "mean") for method in methods}
    all_means = np.concatenate(list(means.values()))
    low, high = np.nanmin(all_means), max(np.nanmax(all_means), np.nanmin(all_means) + 0.02)
    margin = 0.05 * (high - low)

    def draw(method: str, canvas: Figure) -> None:
        axes = canvas.add_subplot()
        for other in methods:
            if other != method:
                axes.plot(numbers, means[other], color=LINE, linewidth=1)
        mean, spread = means[method], np.nan_to_num(values(method, "std"))
        axes.fill_between(numbers, mean - spread, mean + spread, color=ACCENT, alpha=0.18,
                          linewidth=0)  # fmt: skip
        axes.plot(numbers, mean, "o-", color=ACCENT, linewidth=2,
                  markersize=4 if len(numbers) < 10 else 0)  # fmt: skip
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.set_ylim(low - margin, high + margin)
        axes.spines["left"].set_visible(False)
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticks(numbers, labels=[str(number) for number in numbers])

    curves = {}
    for method in methods:
        pairs = zip(numbers, means[method], strict=True)
        points = ", ".join(f"{decimal(mean)} with {number}" for number, mean in pairs)
        curves[method] = inline_svg(
            partial(draw, method),
            name=f"curve-{figure.field}-{method}",
            description=f"{figure.title} of {method} by labels per class: {points}.",
            width=_PANEL_WIDTH,
            height=_PANEL_HEIGHT,
        )
    return curves
