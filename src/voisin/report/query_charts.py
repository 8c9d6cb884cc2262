"""The charts of a comparison of query strategies: how good the labels are after so many answers."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from voisin.report.comparison_charts import draw_panel
from voisin.report.numbers import decimal
from voisin.report.svg import ACCENT, INK, LINE, MUTED, SERIES, SURFACE, inline_svg

_WIDTH, _HEIGHT = 340, 255
_PANEL = (230, 165)
_FIGURE = "Balanced accuracy"

Curves = Mapping[str, np.ndarray]  # by strategy, (n_draws, n_steps)


def overview(
    n_labels: Sequence[int], curves: Curves, baseline: str, shown: Sequence[str]
) -> Markup:
    """Draw the mean of every strategy; the baseline and those shown have a name and a color.

    A dotted line is where the baseline ends: a curve needs fewer labels where it meets it.
    """
    means = {name: values.mean(axis=0) for name, values in curves.items()}
    colors = dict(zip(shown, (ACCENT, SERIES[0], SERIES[1], SERIES[3]), strict=False))

    def draw(canvas: Figure) -> None:
        axes = canvas.add_subplot()
        for name, values in means.items():
            if name != baseline and name not in colors:
                axes.plot(n_labels, values, color=LINE, linewidth=1.2)
        for name, color in reversed(colors.items()):
            axes.plot(n_labels, means[name], color=color, linewidth=2.2, label=name)
        axes.plot(n_labels, means[baseline], "--", color=INK, linewidth=1.6, label=baseline)
        axes.axhline(means[baseline][-1], color=MUTED, linewidth=0.9, linestyle=":")
        axes.set_xlabel("labels")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlim(n_labels[0], n_labels[-1])
        axes.spines["left"].set_visible(False)
        handles, names = axes.get_legend_handles_labels()
        ranked = sorted(zip(handles, names, strict=True), key=lambda one: -means[one[1]].mean())
        axes.legend(*zip(*ranked, strict=True), loc="lower right", labelcolor=INK, handlelength=1.5,
                    facecolor=SURFACE, edgecolor="none", framealpha=0.85)  # fmt: skip

    ends = ", ".join(f"{name} {decimal(means[name][-1])}" for name in (*colors, baseline))
    return inline_svg(
        draw,
        name="queries",
        description=f"Mean balanced accuracy by labels; with {n_labels[-1]}: {ends}.",
        width=_WIDTH,
        height=_HEIGHT,
    )


def panels(
    n_labels: Sequence[int], curves: Curves, baseline: str, order: Collection[str]
) -> dict[str, Markup]:
    """Draw a panel a strategy: its mean and spread, the baseline dashed, all others behind."""
    means = {name: curves[name].mean(axis=0) for name in order}
    return {name: _panel(name, n_labels, curves[name], means, baseline) for name in order}


def _panel(
    name: str, n_labels: Sequence[int], mine: np.ndarray, means: Curves, baseline: str
) -> Markup:
    spread = mine.std(axis=0, ddof=1) if len(mine) > 1 else np.zeros(mine.shape[1])

    def draw(canvas: Figure) -> None:
        axes = draw_panel(canvas, name, n_labels, means, spread)
        if name != baseline:
            axes.plot(n_labels, means[baseline], "--", color=INK, linewidth=1)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))

    middle = len(n_labels) // 2
    told = (f"{decimal(means[name][i])} with {n_labels[i]}" for i in (0, middle, -1))
    return inline_svg(
        draw,
        name=f"queries-{name}",
        description=f"{_FIGURE} of {name} by labels: {', '.join(told)}.",
        width=_PANEL[0],
        height=_PANEL[1],
    )
