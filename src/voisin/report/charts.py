"""Draw the charts of the report, one function per chart, from values computed elsewhere."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from voisin.calibration.reliability import ClassReliability
from voisin.evaluation.bootstrap import Estimate
from voisin.evaluation.verdict import Scores
from voisin.report.coverage import CoverageCurve
from voisin.report.language import ENGLISH, Language
from voisin.report.svg import ACCENT, INK, LINE, MUTED, SERIES, SURFACE, inline_svg
from voisin.report.wording import EXPERT, METHODS, FigureWording, method_wording
from voisin.training.pseudo_labels import PseudoLabelRound

_MARKERS = ("o", "s", "D", "^", "v", "P", "X")  # a length unlike that of `SERIES` gives more pairs
_WIDTH = 350  # pixels; chosen by hand so that two charts stand side by side on the page
_DASHES = (0, (3, 3))  # dashes of reference lines; chosen by hand
_METHODS_WITH_STYLE = [method for method in METHODS if method != EXPERT]


def comparison_chart(scores: Sequence[Scores], figure: FigureWording, language: Language) -> Markup:
    """Draw one dot per method on the scale of a figure, with its 95 % interval as a line."""
    estimates: list[Estimate] = [getattr(s, figure.field) for s in scores]
    titles = [language.gettext(method_wording(s.method).title) for s in scores]

    def draw(canvas: Figure) -> None:
        axes = canvas.add_subplot()
        for row, (score, estimate) in enumerate(zip(scores, estimates, strict=True)):
            color, marker = method_style(score.method)
            axes.plot([estimate.low, estimate.high], [row, row], color=color, linewidth=2,
                      alpha=0.55)  # fmt: skip
            axes.plot([estimate.value], [row], marker, color=color, markersize=6.5,
                      markeredgewidth=0)  # fmt: skip
            write_value(axes, row, estimate.value, bold=True, language=language)
        ends = np.array([[e.value, e.low, e.high] for e in estimates])
        lay_out_rows(axes, titles, ends)
        axes.xaxis.set_major_formatter(lambda x, _: language.number(f"{x:g}"))

    values = (f"{t} {language.decimal(e.value)}" for t, e in zip(titles, estimates, strict=True))
    return inline_svg(
        draw,
        name=f"comparison-{figure.field}",
        description=language(
            "%(figure)s of each method with its 95%% interval: %(values)s.",
            figure=language.gettext(figure.title),
            values="; ".join(values),
        ),
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


def write_value(
    axes: Axes, row: int, value: float, *, bold: bool, language: Language = ENGLISH
) -> None:
    """Write the value of a row at the right end of the chart."""
    axes.annotate(language.decimal(value), (1, row), xycoords=("axes fraction", "data"), ha="right",
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


def reliability_chart(scores: Scores, language: Language, *, name: str) -> Markup:
    """Draw the accuracy of each bin of confidence, and below it the number of its predictions.

    `name` must be unique among the charts of the page; letters, digits and dashes only.
    """
    bins, title = scores.reliability, language.gettext(method_wording(scores.method).title)
    color, marker = method_style(scores.method)

    def draw(canvas: Figure) -> None:
        upper, lower = canvas.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        upper.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=_DASHES)
        confidence = [b.confidence for b in bins]
        accuracy = [b.accuracy for b in bins]
        upper.plot(confidence, accuracy, color=color, linewidth=1.2, alpha=0.6)
        upper.plot(confidence, accuracy, marker, color=color, markersize=4.5, markeredgewidth=0)
        upper.set(
            ylim=(-0.04, 1.04), yticks=(0, 0.5, 1), xlim=(0, 1), ylabel=language("Share right")
        )
        widths = [0.85 * (b.high - b.low) for b in bins]
        lower.bar([b.low for b in bins], [b.n for b in bins], width=widths, align="edge",
                  color=MUTED, alpha=0.55)  # fmt: skip
        lower.yaxis.set_major_locator(MaxNLocator(2, integer=True))
        lower.yaxis.set_major_formatter(_counts(language))
        lower.set(xticks=(0, 0.5, 1), xlabel=language("Confidence"), ylabel=language("Images"))
        for axes in (upper, lower):
            axes.spines["left"].set_visible(False)
        upper.yaxis.set_major_formatter(_percentages(language))
        lower.xaxis.set_major_formatter(_percentages(language))

    points = (
        language(
            "confidence %(confidence)s, %(right)s right (%(n)s)",
            confidence=language.percent(b.confidence),
            right=language.percent(b.accuracy),
            n=language.count(b.n),
        )
        for b in bins
    )
    return inline_svg(
        draw,
        name=name,
        description=language(
            "Reliability of %(method)s, by bin (images in it): %(bins)s.",
            method=title,
            bins="; ".join(points),
        ),
        width=300,
        height=270,
    )


def class_reliability_chart(
    before: ClassReliability, after: ClassReliability, name: str, language: Language
) -> Markup:
    """Draw, for each bin of a class's probability, the share of images of that class.

    Gray points are before calibration; colored points, with 95 % intervals, are after it.
    """
    ends = [value for c in (before, after) for b in c.bins for value in (b.stated, b.true.high)]
    top = min(1.0, 1.08 * float(np.nanmax([*ends, 0.05])))

    def draw(canvas: Figure) -> None:
        axes = canvas.add_subplot()
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=_DASHES)
        for bins, color, style, label in (
            (before.bins, MUTED, "s-", language("before")),
            (after.bins, ACCENT, "o-", language("after")),
        ):
            axes.plot([b.stated for b in bins], [b.true.value for b in bins], style, color=color,
                      linewidth=1, markersize=4.5, markeredgewidth=0, label=label)  # fmt: skip
        for b in after.bins:
            axes.plot([b.stated] * 2, [b.true.low, b.true.high], color=ACCENT, linewidth=2,
                      alpha=0.4)  # fmt: skip
        axes.set(xlim=(0, top), ylim=(-0.02 * top, top))
        axes.set(xlabel=language("Probability of the class"))
        axes.set(ylabel=language("Share of the class"))
        axes.spines["left"].set_visible(False)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(_percentages(language))
        axes.legend(frameon=False, loc="upper left", handlelength=1)

    points = (
        language(
            "probability %(stated)s, share of the class %(true)s (%(low)s to %(high)s, labels: "
            "%(n)s)",
            stated=language.percent(b.stated),
            true=language.percent(b.true.value),
            low=language.percent(b.true.low),
            high=language.percent(b.true.high),
            n=language.count(b.n),
        )
        for b in after.bins
    )
    return inline_svg(
        draw,
        name=f"class-reliability-{after.label}",
        description=language(
            "Reliability of %(name)s after calibration, by bin: %(bins)s.",
            name=name,
            bins="; ".join(points),
        ),
        width=300,
        height=250,
    )


def coverage_chart(curve: CoverageCurve, language: Language) -> Markup:
    """Draw the accuracy of the surest images against the share of images kept."""
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
        axes.annotate(language("all images: %(share)s", share=language.percent(of_all)),
                      (0.02, of_all), (0, 4 if above else -4), textcoords="offset points",
                      va="bottom" if above else "top", color=MUTED)  # fmt: skip
        axes.set(xlim=(0, 1), xlabel=language("Share of the images kept, surest first"))
        low, high = float(accuracy.min()), float(accuracy.max())
        room = max(0.12 * (high - low), 0.03)
        axes.set(ylim=(max(low - 2 * room, 0), min(high + 2 * room, 1.015)))
        axes.set(ylabel=language("Share right"))
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_formatter(_percentages(language))
        axes.yaxis.set_major_formatter(_percentages(language))
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))

    points = (
        language(
            "%(share)s of the images %(right)s",
            share=language.percent(share),
            right=language.percent(curve.at(share)[0]),
        )
        for share in (0.1, 0.25, 0.5, 1)
    )
    return inline_svg(
        draw,
        name="certainty",
        description=language("Accuracy of the surest images: %(bins)s.", bins="; ".join(points)),
        width=_WIDTH,
        height=270,
    )


def pseudo_label_chart(rounds: Sequence[PseudoLabelRound], language: Language) -> Markup:
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
            _write_above(upper, number, total, f"+{language.count(new)}", offset=3)
        upper.set(ylabel=language("Pseudo-labels"), ylim=(0, 1.2 * max(sum(added), 1)))
        upper.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        upper.yaxis.set_major_formatter(_counts(language))
        for axes in lower:
            axes.plot(numbers, precision, "o-", color=ACCENT, linewidth=1.5, markersize=5)
            for number, share in zip(numbers, precision, strict=True):
                if not np.isnan(share):
                    _write_above(axes, number, share, language.percent(share), offset=5)
            axes.set(ylim=(0, 1.18), yticks=(0, 0.5, 1), ylabel=language("Correct"))
            axes.yaxis.set_major_formatter(_percentages(language))
        for axes in (upper, *lower):
            axes.grid(visible=False, axis="x")
            axes.spines["left"].set_visible(False)
        (lower or [upper])[-1].set(xlabel=language("Round"), xticks=numbers)
        upper.set_xlim(min(numbers) - 0.6, max(numbers) + 0.6)

    texts = (
        language("round %(number)s added %(n)s", number=r.number, n=language.count(r.n_added))
        if r.precision is None
        else language(
            "round %(number)s added %(n)s, %(right)s of them correct",
            number=r.number,
            n=language.count(r.n_added),
            right=language.percent(r.precision),
        )
        for r in rounds
    )
    description = language("Pseudo-labels by round: %(rounds)s.", rounds="; ".join(texts))
    height = 300 if known else 200
    return inline_svg(draw, name="growth", description=description, width=_WIDTH, height=height)


def _write_above(axes: Axes, x: float, y: float, text: str, *, offset: int) -> None:
    axes.annotate(text, (x, y), (0, offset), textcoords="offset points", ha="center",
                  color=INK)  # fmt: skip


def _percentages(language: Language) -> FuncFormatter:
    # Ticks are rounded, so that an error of 1e-16 does not make 100% of them ">99%".
    return FuncFormatter(lambda x, _: language.percent(round(x, 6)))


def _counts(language: Language) -> FuncFormatter:
    return FuncFormatter(lambda x, _: language.count(round(x)))
