"""Turn a drawing into an SVG that lives inside the page; it knows nothing of what is drawn.

Drawings use the colors below, which stand for CSS variables of the page, so that a chart follows
the light or dark theme. Every id carries the chart's name, so that several can share a page.
"""

import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.figure import Figure

INK, MUTED, LINE, ACCENT, SURFACE = "#010201", "#010202", "#010203", "#010204", "#010205"
SERIES = ("#010301", "#010302", "#010303", "#010304", "#010305")

_VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    LINE: "--line",
    ACCENT: "--accent",
    SURFACE: "--surface",
    **{color: f"--series-{i}" for i, color in enumerate(SERIES, start=1)},
}
_POINTS_PER_PIXEL = 0.75
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text
    "text.parse_math": False,
    "font.size": 12 * _POINTS_PER_PIXEL,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": LINE,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "figure.facecolor": "none",
}


def inline_svg(
    draw: Callable[[Figure], None], *, name: str, description: str, width: int, height: int
) -> Markup:
    """Draw on a figure and return it as an ``<svg>`` element.

    Parameters
    ----------
    draw : callable
        Draws on the figure it is given, with the colors of this module.
    name : str
        Unique in the page: letters, digits and dashes.
    description : str
        Read out in place of the chart.
    width, height : int
        In pixels of the page.

    Returns
    -------
    Markup
        The same for the same drawing, byte for byte.
    """
    inch = 96
    # What an SVG looks like can only be said through matplotlib's global settings: put them back.
    with mpl.rc_context():
        mpl.rcdefaults()  # whatever the user's matplotlibrc says
        mpl.rcParams.update({**_STYLE, "svg.hashsalt": name})
        figure = Figure(figsize=(width / inch, height / inch), layout="constrained")
        draw(figure)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    shapes = _only_shapes(text.getvalue())
    return Markup(
        '<svg class="chart" role="img" aria-label="{label}" width="{w}" height="{h}" '
        'viewBox="0 0 {vw:g} {vh:g}">{shapes}</svg>'
    ).format(
        label=escape(description),
        w=width,
        h=height,
        vw=width * _POINTS_PER_PIXEL,
        vh=height * _POINTS_PER_PIXEL,
        shapes=Markup(_themed(_with_own_ids(shapes, name))),  # matplotlib escaped the text
    )


def _only_shapes(document: str) -> str:
    """Drop the XML prologue, the metadata, and the style and fonts that the page has its own of."""
    inside = re.sub(r"^.*?<svg[^>]*>|</svg>\s*$", "", document, flags=re.DOTALL)
    inside = re.sub(r"<metadata>.*?</metadata>", "", inside, flags=re.DOTALL)
    inside = re.sub(r"<style.*?</style>", "", inside, flags=re.DOTALL)
    inside = re.sub(r"font-family: [^;\"]*;? ?", "", inside)
    inside = re.sub(r"(?<=\d) ?\n(?=[A-Za-z])|(?<=>)\s+(?=<)", "", inside)
    return inside.replace("xlink:href", "href")


def _with_own_ids(shapes: str, name: str) -> str:
    return re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{name}-", shapes)


def _themed(shapes: str) -> str:
    for color, variable in _VARIABLES.items():
        shapes = shapes.replace(color, f"var({variable})")
    return shapes
