"""The charts of a comparison: who is best at one number of labels, and how that changes."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from voisin.evaluation.significance import Ranking
from voisin.report.numbers import decimal
from voisin.report.svg import ACCENT, INK, LINE, MUTED, SURFACE, inline_svg
from voisin.report.wording import FigureWording

_WIDTH = 420
_PANEL = (230, 165)


def ranking_chart(
    ranked: Sequence[Ranking], figure: FigureWording, peers: Collection[str], *, name: str
) -> Markup:
    """Draw a row a method: its value in every draw, and their mean.

    The best, and those that the test does not tell from it, are in the accent's color; methods
    of other libraries have a hollow mark. `name` tells the chart from others of the page.
    """

    def draw(canvas: Figure) -> None:
        axes = canvas.add_subplot()
        for row, one in enumerate(ranked):
            color = ACCENT if one.may_be_as_good else MUTED
            axes.plot(one.values, [row] * len(one.values), "|", color=color, markersize=8,
                      markeredgewidth=1, alpha=0.45)  # fmt: skip
            axes.plot(one.mean, row, "o", color=SURFACE if one.method in peers else color,
                      markeredgecolor=color, markeredgewidth=1.6, markersize=6.5)  # fmt: skip
            axes.annotate(decimal(one.mean), (1, row), xycoords=("axes fraction", "data"),
                          ha="right", va="center",
                          fontweight="bold" if one.is_best else "normal")  # fmt: skip
        axes.set_yticks(range(len(ranked)), labels=[one.method for one in ranked])
        axes.tick_params(axis="y", labelcolor=INK)
        axes.set_ylim(len(ranked) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
        _leave_room(axes, np.concatenate([one.values for one in ranked]))

    told = (f"{one.method} {decimal(one.mean)}" for one in ranked)
    return inline_svg(
        draw,
        name=name,
        description=f"Mean {figure.title} of each method over the draws: {', '.join(told)}.",
        width=_WIDTH,
        height=46 + 24 * len(ranked),
    )


def _leave_room(axes: Axes, values: np.ndarray) -> None:
    """Leave the right end to the numbers, and put no grid there."""
    low, high = float(values.min()), float(values.max())
    span = max(high - low, 0.02)
    left, right = low - 0.06 * span, high + 0.24 * span
    ticks = MaxNLocator(4).tick_values(left, high)
    axes.set_xticks([tick for tick in ticks if left <= tick <= min(1, high + 0.08 * span)])
    axes.set_xlim(left, right)


def learning_curves(
    figures: Mapping[int, Mapping[str, Ranking]], figure: FigureWording
) -> dict[str, Markup]:
    """Draw a panel a method: its mean against the number of labels, all others behind it.

    Parameters
    ----------
    figures : mapping
        By number of labels a class, then by method.
    figure : FigureWording

    Returns
    -------
    dict of str to Markup
        By method.
    """
    numbers = sorted(figures)
    methods = list(dict.fromkeys(name for of_number in figures.values() for name in of_number))
    means = {
        name: np.array([_of(figures[number], name, "mean") for number in numbers])
        for name in methods
    }
    spreads = {
        name: np.array([_of(figures[number], name, "std") for number in numbers])
        for name in methods
    }
    return {
        name: _panel(name, numbers, means, np.nan_to_num(spreads[name]), figure) for name in methods
    }


def _of(standing: Mapping[str, Ranking], name: str, field: str) -> float:
    return float(getattr(standing[name], field)) if name in standing else float("nan")


def _panel(
    name: str,
    numbers: Sequence[int],
    means: Mapping[str, np.ndarray],
    spread: np.ndarray,
    figure: FigureWording,
) -> Markup:
    mine = means[name]

    def draw(canvas: Figure) -> None:
        axes = draw_panel(canvas, name, numbers, means, spread)
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticks(numbers, labels=[str(number) for number in numbers])

    told = (f"{decimal(mean)} with {number}" for number, mean in zip(numbers, mine, strict=True))
    return inline_svg(
        draw,
        name=f"curve-{figure.field}-{name}",
        description=f"{figure.title} of {name} by labels a class: {', '.join(told)}.",
        width=_PANEL[0],
        height=_PANEL[1],
    )


def draw_panel(
    canvas: Figure,
    name: str,
    numbers: Sequence[int],
    means: Mapping[str, np.ndarray],
    spread: np.ndarray,
) -> Axes:
    """Draw one curve with its spread, all others behind it, on the scale of all."""
    mine = means[name]
    every = np.concatenate(list(means.values()))
    low, high = np.nanmin(every), max(np.nanmax(every), np.nanmin(every) + 0.02)
    axes = canvas.add_subplot()
    for other, values in means.items():
        if other != name:
            axes.plot(numbers, values, color=LINE, linewidth=1)
    axes.fill_between(numbers, mine - spread, mine + spread, color=ACCENT, alpha=0.18,
                      linewidth=0)  # fmt: skip
    axes.plot(numbers, mine, "o-", color=ACCENT, linewidth=2,
              markersize=4 if len(numbers) < 10 else 0)  # fmt: skip
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
    axes.spines["left"].set_visible(False)
    return axes
