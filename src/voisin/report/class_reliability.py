"""The chart of one class's reliability, before and after calibration."""

from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from voisin.calibration.reliability import Bin, ClassReliability
from voisin.report.numbers import percent
from voisin.report.svg import ACCENT, MUTED, inline_svg


def chart(before: ClassReliability, after: ClassReliability, name: str) -> Markup:
    """Draw how often each bin is true against what it says, before in gray, after in color."""
    ends = [value for one in (before, after) for b in one.bins for value in (b.stated, b.true.high)]
    top = min(1.0, 1.08 * max([*ends, 0.05]))

    def draw(canvas: Figure) -> None:
        axes = canvas.add_subplot()
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (3, 3)))
        _series(axes, before.bins, MUTED, "s", "before")
        _series(axes, after.bins, ACCENT, "o", "after")
        for bin_ in after.bins:
            axes.plot([bin_.stated] * 2, [bin_.true.low, bin_.true.high], color=ACCENT,
                      linewidth=2, alpha=0.4)  # fmt: skip
        axes.set(xlim=(0, top), ylim=(-0.02 * top, top), xlabel="Stated", ylabel="True")
        axes.spines["left"].set_visible(False)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.legend(frameon=False, loc="upper left", handlelength=1)

    told = (
        f"{percent(b.stated)} stated, {percent(b.true.value)} true "
        f"({percent(b.true.low)} to {percent(b.true.high)}, {b.n:,} labels)"
        for b in after.bins
    )
    return inline_svg(
        draw,
        name=f"class-reliability-{after.label}",
        description=f"Reliability of {name} after calibration, by bin: {'; '.join(told)}.",
        width=300,
        height=250,
    )


def _series(axes: Axes, bins: Sequence[Bin], color: str, marker: str, label: str) -> None:
    axes.plot(
        [b.stated for b in bins],
        [b.true.value for b in bins],
        f"{marker}-",
        color=color,
        linewidth=1,
        markersize=4.5,
        markeredgewidth=0,
        label=label,
    )
