"""The charts of the page, one function a chart; they draw what others have computed."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from voisin.evaluation.bootstrap import Estimate
from voisin.evaluation.metrics import ReliabilityBin
from voisin.evaluation.verdict import Scores
from voisin.report.coverage import CoverageCurve
from voisin.report.numbers import decimal, percent
from voisin.report.svg import ACCENT, INK, LINE, MUTED, SERIES, SURFACE, inline_svg
from voisin.report.wording import EXPERT, METHODS, FigureWording, method_wording
from voisin.training.rounds import PseudoLabelRound

_MARKERS = ("o", "s", "D", "^", "v", "P", "X")
_WIDTH = 350
_LOOKS = [method for method in METHODS if method != EXPERT]


def comparison_chart(scores: Sequence[Scores], figure: FigureWording) -> Markup:
    """Draw one dot a method on the scale of a figure, with its 95 % interval as a line."""
    estimates: list[Estimate] = [getattr(s, figure.field) for s in scores]
    titles = [method_wording(s.method).title for s in scores]

    def draw(canvas: Figure) -> None:
        axes = canvas.add_subplot()
        for row, (one, estimate) in enumerate(zip(scores, estimates, strict=True)):
            _dot_and_interval(axes, row, estimate, _look(one.method))
        axes.set_yticks(range(len(titles)), labels=titles)
        axes.tick_params(axis="y", labelcolor=INK)
        axes.set_ylim(len(titles) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        _leave_room_for_values(axes, estimates)

    told = (f"{t} {decimal(e.value)}" for t, e in zip(titles, estimates, strict=True))
    return inline_svg(
        draw,
        name=f"comparison-{figure.field}",
        description=f"{figure.title} of each method with its 95% interval: {', '.join(told)}.",
        width=_WIDTH,
        height=46 + 34 * len(scores),
    )


def _look(method: str) -> tuple[str, str]:
    """Color and marker of a method, the same on the whole page; the expert's are its rival's."""
    method = "pseudo-labels" if method == EXPERT else method
    place = _LOOKS.index(method) if method in _LOOKS else sum(map(ord, method))
    return SERIES[place % len(SERIES)], _MARKERS[place % len(_MARKERS)]


def _dot_and_interval(axes: Axes, row: int, estimate: Estimate, look: tuple[str, str]) -> None:
    color, marker = look
    axes.plot([estimate.low, estimate.high], [row, row], color=color, linewidth=2, alpha=0.55)
    axes.plot([estimate.value], [row], marker, color=color, markersize=6.5, markeredgewidth=0)
    axes.annotate(
        decimal(estimate.value),
        (1, row),
        xycoords=("axes fraction", "data"),
        ha="right",
        va="center",
        fontweight="bold",
    )


def _leave_room_for_values(axes: Axes, estimates: Sequence[Estimate]) -> None:
    ends = np.array([[e.value, e.low, e.high] for e in estimates])
    if np.isnan(ends).all():
        axes.set_xlim(0, 1)
        return
    low, high = float(np.nanmin(ends)), float(np.nanmax(ends))
    span = max(high - low, 0.02)
    axes.set_xlim(max(low - 0.06 * span, 0), high + 0.28 * span)
    axes.set_xticks([t for t in axes.get_xticks() if low - 0.06 * span <= t <= min(1, high + span)])
    axes.set_xlim(max(low - 0.06 * span, 0), high + 0.28 * span)


def reliability_chart(scores: Scores, *, name: str) -> Markup:
    """Draw how often each bin of confidence is right, over how many predictions it holds.

    `name` tells the chart from those of other methods: letters, digits and dashes.
    """
    bins, title = scores.reliability, method_wording(scores.method).title

    def draw(canvas: Figure) -> None:
        upper, lower = canvas.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        upper.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (3, 3)))
        confidence = [b.confidence for b in bins]
        accuracy = [b.accuracy for b in bins]
        color, marker = _look(scores.method)
        upper.plot(confidence, accuracy, color=color, linewidth=1.2, alpha=0.6)
        upper.plot(confidence, accuracy, marker, color=color, markersize=4.5, markeredgewidth=0)
        upper.set(ylim=(-0.04, 1.04), yticks=(0, 0.5, 1), xlim=(0, 1), ylabel="Share right")
        _bars_of_counts(lower, bins)
        lower.set(xticks=(0, 0.5, 1), xlabel="Stated confidence", ylabel="Images")
        for axes in (upper, lower):
            axes.spines["left"].set_visible(False)
        upper.yaxis.set_major_formatter(PercentFormatter(1))
        lower.xaxis.set_major_formatter(PercentFormatter(1))

    told = (f"{percent(b.confidence)} sure, {percent(b.accuracy)} right ({b.n:,})" for b in bins)
    return inline_svg(
        draw,
        name=name,
        description=f"Reliability of {title}, by bin (images in it): {'; '.join(told)}.",
        width=300,
        height=270,
    )


def _bars_of_counts(axes: Axes, bins: Sequence[ReliabilityBin]) -> None:
    axes.bar(
        [b.low for b in bins],
        [b.n for b in bins],
        width=[0.85 * (b.high - b.low) for b in bins],
        align="edge",
        color=MUTED,
        alpha=0.55,
    )
    axes.yaxis.set_major_locator(MaxNLocator(2, integer=True))
    axes.yaxis.set_major_formatter("{x:,.0f}")


def certainty_curve(curve: CoverageCurve) -> Markup:
    """Draw the accuracy of the most certain images against how many are taken."""
    last = curve.accuracy[-1]

    def draw(canvas: Figure) -> None:
        axes = canvas.add_subplot()
        n = len(curve)
        steps = np.unique(np.geomspace(max(1, n // 200), n, 150).round().astype(int))
        steps = np.union1d(steps, np.linspace(1, n, 150).round().astype(int)[1:])
        accuracy = curve.accuracy[steps - 1]
        axes.axhline(last, color=MUTED, linewidth=1, linestyle=(0, (3, 3)))
        axes.fill_between(steps / n, last, accuracy, color=ACCENT, alpha=0.12, linewidth=0)
        axes.plot(steps / n, accuracy, color=ACCENT, linewidth=2)
        above = accuracy.mean() < last
        axes.annotate(f"all images: {percent(last)}", (0.02, last), (0, 4 if above else -4),
                      textcoords="offset points", va="bottom" if above else "top",
                      color=MUTED)  # fmt: skip
        axes.set(xlim=(0, 1), xlabel="Share of the images taken, most certain first")
        low, high = float(accuracy.min()), float(accuracy.max())
        room = max(0.12 * (high - low), 0.03)
        axes.set(ylim=(max(low - 2 * room, 0), min(high + 2 * room, 1.015)), ylabel="Share right")
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))

    told = (f"{percent(s)} of the images {percent(curve.at(s)[0])}" for s in (0.1, 0.25, 0.5, 1))
    return inline_svg(
        draw,
        name="certainty",
        description=f"Accuracy of the most certain images: {', '.join(told)}.",
        width=_WIDTH,
        height=270,
    )


def growth(rounds: Sequence[PseudoLabelRound]) -> Markup:
    """Draw how many pseudo-labels each round added, above how many of them were true."""
    numbers = [r.number for r in rounds]
    added = [r.n_added for r in rounds]
    precision = [np.nan if r.precision is None else r.precision for r in rounds]
    known = not np.isnan(precision).all()

    def draw(canvas: Figure) -> None:
        upper, *lower = canvas.subplots(2 if known else 1, 1, sharex=True, squeeze=False)[:, 0]
        before = np.concatenate([[0], np.cumsum(added)[:-1]])
        upper.bar(numbers, before, width=0.55, color=LINE)
        upper.bar(numbers, added, bottom=before, width=0.55, color=ACCENT, edgecolor=SURFACE)
        for number, total, new in zip(numbers, before + added, added, strict=True):
            upper.annotate(f"+{new:,}", (number, total), (0, 3), textcoords="offset points",
                           ha="center", color=INK)  # fmt: skip
        upper.set(ylabel="Pseudo-labels", ylim=(0, 1.2 * max(sum(added), 1)))
        upper.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        upper.yaxis.set_major_formatter("{x:,.0f}")
        for axes in lower:
            _precision_by_round(axes, numbers, precision)
        for axes in (upper, *lower):
            axes.grid(visible=False, axis="x")
            axes.spines["left"].set_visible(False)
        (lower or [upper])[-1].set(xlabel="Round", xticks=numbers)
        upper.set_xlim(min(numbers) - 0.6, max(numbers) + 0.6)

    told = (
        f"round {r.number} added {r.n_added:,}"
        + ("" if r.precision is None else f", {percent(r.precision)} of them true")
        for r in rounds
    )
    description = f"Pseudo-labels by round: {'; '.join(told)}."
    height = 300 if known else 200
    return inline_svg(draw, name="growth", description=description, width=_WIDTH, height=height)


def _precision_by_round(axes: Axes, numbers: Sequence[int], precision: Sequence[float]) -> None:
    axes.plot(numbers, precision, "o-", color=ACCENT, linewidth=1.5, markersize=5)
    for number, share in zip(numbers, precision, strict=True):
        if not np.isnan(share):
            axes.annotate(percent(share), (number, share), (0, 5), textcoords="offset points",
                          ha="center", color=INK)  # fmt: skip
    axes.set(ylim=(0, 1.18), yticks=(0, 0.5, 1), ylabel="True among them")
    axes.yaxis.set_major_formatter(PercentFormatter(1))
