"""Draw the charts of the report, one function per chart, from values computed elsewhere."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from voisin.calibration.reliability import ClassReliability
from voisin.evaluation.bootstrap import Estimate
from voisin.evaluation.verdict import Scores
from voisin.report.coverage import CoverageCurve
from voisin.report.svg import ACCENT, INK, LINE, MUTED, SERIES, SURFACE, inline_svg
from voisin.report.wording import EXPERT, METHODS, FigureWording, decimal, method_wording, percent
from voisin.training.pseudo_labels import PseudoLabelRound

_MARKERS = ("o", "s", "D", "^", "v", "P", "X")  # a length unlike that of `SERIES` gives more pairs
_WIDTH = 350  # pixels; chosen by hand so that two charts stand side by side on the page
_DASHES = (0, (3, 3))  # dashes of reference lines; chosen by hand
_METHODS_WITH_STYLE = [method for method in METHODS if method != EXPERT]


def comparison_chart(scores: Sequence[Scores], figure: FigureWording) -> Markup:
    """Draw one dot per method on the scale of a figure, with its 95 % interval as a line."""
    estimates: list[Estimate] = [getattr(s, figure.field) for s in scores]
    titles = [method_wording(s.method).title for s in scores]

    def draw(canvas: Figure) -> None:
        axes = canvas.add_subplot()
        for row, (score, estimate) in enumerate(zip(scores, estimates, strict=True)):
            color, marker = method_style(score.method)
            axes.plot([estimate.low, estimate.high], [row, row], color=color, linewidth=2,
                      alpha=0.55)  # fmt: skip
            axes.plot([estimate.value], [row], marker, color=color, markersize=6.5,
                      markeredgewidth=0)  # fmt: skip
            write_value(axes, row, estimate.value, bold=True)
        ends = np.array([[e.value, e.low, e.high] for e in estimates])
        lay_out_rows(axes, titles, ends)

    values = (f"{t} {decimal(e.value)}" for t, e in zip(titles, estimates, strict=True))
    return inline_svg(
        draw,
        name=f"comparison-{figure.field}",
        description=f"{figure.title} of each method with its 95% interval: {', '.join(values)}.",
        width=_WIDTH,
        height=46 + 34 * len(scores),
    )


def method_style(method: str) -> tuple[str, str]:
    """Return the color and the marker of a method; they are the same on the whole page.

    The expert network has the style of the pseudo-labels, since it replaces them.
    """
    method = "pseudo-labels" if method == EXPERT else method
    known = method in _METHODS_WITH_STYLE
    place = _METHODS_WITH_STYLE.index(method) if known else sum(map(ord, method))
    return SERIES[place % len(SERIES)], _MARKERS[place % len(_MARKERS)]


def write_value(axes: Axes, row: int, value: float, *, bold: bool) -> None:
    """Write the value of a row at the right end of the chart."""
    axes.annotate(decimal(value), (1, row), xycoords=("axes fraction", "data"), ha="right",
                  va="center", fontweight="bold" if bold else "normal")  # fmt: skip


def lay_out_rows(axes: Axes, names: Sequence[str], values: NDArray[np.float64]) -> None:
    """Name the rows, first on top, and leave space at the right end for written values.

    The margins are shares of the range of `values`, chosen by hand for values of five characters.
    """
    axes.set_yticks(range(len(names)), labels=list(names))
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    if np.isnan(values).all():
        axes.set_xlim(0, 1)
        return
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    span = max(high - low, 0.02)
    left, right = max(low - 0.06 * span, 0), high + 0.28 * span
    ticks = MaxNLocator(4).tick_values(left, high)
    axes.set_xticks([tick for tick in ticks if left <= tick <= min(1, high + 0.08 * span)])
    axes.set_xlim(left, right)


def reliability_chart(scores: Scores, *, name: str) -> Markup:
    """Draw the accuracy of each bin of confidence, and below it the number of its predictions.

    `name` must be unique among the charts of the page; letters, digits and dashes only.
    """
    bins, title = scores.reliability, method_wording(scores.method).title
    color, marker = method_style(scores.method)

    def draw(canvas: Figure) -> None:
        upper, lower = canvas.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        upper.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=_DASHES)
        confidence = [b.confidence for b in bins]
        accuracy = [b.accuracy for b in bins]
        upper.plot(confidence, accuracy, color=color, linewidth=1.2, alpha=0.6)
        upper.plot(confidence, accuracy, marker, color=color, markersize=4.5, markeredgewidth=0)
        upper.set(ylim=(-0.04, 1.04), yticks=(0, 0.5, 1), xlim=(0, 1), ylabel="Share right")
        widths = [0.85 * (b.high - b.low) for b in bins]
        lower.bar([b.low for b in bins], [b.n for b in bins], width=widths, align="edge",
                  color=MUTED, alpha=0.55)  # fmt: skip
        lower.yaxis.set_major_locator(MaxNLocator(2, integer=True))
        lower.yaxis.set_major_formatter("{x:,.0f}")
        lower.set(xticks=(0, 0.5, 1), xlabel="Confidence", ylabel="Images")
        for axes in (upper, lower):
            axes.spines["left"].set_visible(False)
        upper.yaxis.set_major_formatter(PercentFormatter(1))
        lower.xaxis.set_major_formatter(PercentFormatter(1))

    points = (
        f"confidence {percent(b.confidence)}, {percent(b.accuracy)} right ({b.n:,})" for b in bins
    )
    return inline_svg(
        draw,
        name=name,
        description=f"Reliability of {title}, by bin (images in it): {'; '.join(points)}.",
        width=300,
        height=270,
    )


def class_reliability_chart(before: ClassReliability, after: ClassReliability, name: str) -> Markup:
    """Draw, for each bin of a class's probability, the share of images of that class.

    Gray points are before calibration; colored points, with 95 % intervals, are after it.
    """
    ends = [value for c in (before, after) for b in c.bins for value in (b.stated, b.true.high)]
    top = min(1.0, 1.08 * max([*ends, 0.05]))

    def draw(canvas: Figure) -> None:
        axes = canvas.add_subplot()
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=_DASHES)
        for bins, color, style, label in (
            (before.bins, MUTED, "s-", "before"),
            (after.bins, ACCENT, "o-", "after"),
        ):
            axes.plot([b.stated for b in bins], [b.true.value for b in bins], style, color=color,
                      linewidth=1, markersize=4.5, markeredgewidth=0, label=label)  # fmt: skip
        for b in after.bins:
            axes.plot([b.stated] * 2, [b.true.low, b.true.high], color=ACCENT, linewidth=2,
                      alpha=0.4)  # fmt: skip
        axes.set(xlim=(0, top), ylim=(-0.02 * top, top))
        axes.set(xlabel="Probability of the class", ylabel="Share of the class")
        axes.spines["left"].set_visible(False)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.legend(frameon=False, loc="upper left", handlelength=1)

    points = (
        f"probability {percent(b.stated)}, share of the class {percent(b.true.value)} "
        f"({percent(b.true.low)} to {percent(b.true.high)}, {b.n:,} labels)"
        for b in after.bins
    )
    return inline_svg(
        draw,
        name=f"class-reliability-{after.label}",
        description=f"Reliability of {name} after calibration, by bin: {'; '.join(points)}.",
        width=300,
        height=250,
    )


def coverage_chart(curve: CoverageCurve) -> Markup:
    """Draw the accuracy of the most certain images against the share of images kept."""
    of_all = curve.accuracy[-1]

    def draw(canvas: Figure) -> None:
        axes = canvas.add_subplot()
        n = len(curve)
        # 150 points on each of two scales, chosen by hand: smooth to the eye, and a small page.
        steps = np.unique(np.geomspace(max(1, n // 200), n, 150).round().astype(int))
        steps = np.union1d(steps, np.linspace(1, n, 150).round().astype(int)[1:])
        accuracy = curve.accuracy[steps - 1]
        axes.axhline(of_all, color=MUTED, linewidth=1, linestyle=_DASHES)
        axes.fill_between(steps / n, of_all, accuracy, color=ACCENT, alpha=0.12, linewidth=0)
        axes.plot(steps / n, accuracy, color=ACCENT, linewidth=2)
        above = accuracy.mean() < of_all
        axes.annotate(f"all images: {percent(of_all)}", (0.02, of_all), (0, 4 if above else -4),
                      textcoords="offset points", va="bottom" if above else "top",
                      color=MUTED)  # fmt: skip
        axes.set(xlim=(0, 1), xlabel="Share of the images kept, most certain first")
        low, high = float(accuracy.min()), float(accuracy.max())
        room = max(0.12 * (high - low), 0.03)
        axes.set(ylim=(max(low - 2 * room, 0), min(high + 2 * room, 1.015)), ylabel="Share right")
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))

    points = (f"{percent(s)} of the images {percent(curve.at(s)[0])}" for s in (0.1, 0.25, 0.5, 1))
    return inline_svg(
        draw,
        name="certainty",
        description=f"Accuracy of the most certain images: {', '.join(points)}.",
        width=_WIDTH,
        height=270,
    )


def pseudo_label_chart(rounds: Sequence[PseudoLabelRound]) -> Markup:
    """Draw how many pseudo-labels each round added, above the share of them that is correct."""
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
            _write_above(upper, number, total, f"+{new:,}", offset=3)
        upper.set(ylabel="Pseudo-labels", ylim=(0, 1.2 * max(sum(added), 1)))
        upper.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        upper.yaxis.set_major_formatter("{x:,.0f}")
        for axes in lower:
            axes.plot(numbers, precision, "o-", color=ACCENT, linewidth=1.5, markersize=5)
            for number, share in zip(numbers, precision, strict=True):
                if not np.isnan(share):
                    _write_above(axes, number, share, percent(share), offset=5)
            axes.set(ylim=(0, 1.18), yticks=(0, 0.5, 1), ylabel="Correct")
            axes.yaxis.set_major_formatter(PercentFormatter(1))
        for axes in (upper, *lower):
            axes.grid(visible=False, axis="x")
            axes.spines["left"].set_visible(False)
        (lower or [upper])[-1].set(xlabel="Round", xticks=numbers)
        upper.set_xlim(min(numbers) - 0.6, max(numbers) + 0.6)

    texts = (
        f"round {r.number} added {r.n_added:,}"
        + ("" if r.precision is None else f", {percent(r.precision)} of them correct")
        for r in rounds
    )
    description = f"Pseudo-labels by round: {'; '.join(texts)}."
    height = 300 if known else 200
    return inline_svg(draw, name="growth", description=description, width=_WIDTH, height=height)


def _write_above(axes: Axes, x: float, y: float, text: str, *, offset: int) -> None:
    axes.annotate(text, (x, y), (0, offset), textcoords="offset points", ha="center",
                  color=INK)  # fmt: skip
