"""Draw with Matplotlib and return an SVG element. This module must not know any chart.

Drawings use the colors below, which stand for CSS variables of the page, so that a chart follows
the light or dark theme. Every id of an SVG starts with the chart's name, so that several charts
can share a page.
"""

import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.figure import Figure

# These are placeholders: each is replaced by its CSS variable. Chosen by hand so that no drawing
# contains them by chance.
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
_POINTS_PER_PIXEL = 0.75  # by definition in CSS: 72 points and 96 pixels per inch
_PIXELS_PER_INCH = 96  # by definition in CSS
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text
    "text.parse_math": False,
    "font.size": 12 * _POINTS_PER_PIXEL,  # chosen by hand: 12 pixels, a little under the page's 16
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
        Draws on its argument, a figure, with the colors of this module.
    name : str
        Unique in the page: letters, digits and dashes.
    description : str
        Text that a screen reader reads instead of the chart.
    width, height : int
        In pixels of the page.

    Returns
    -------
    Markup
        The same bytes for the same drawing.
    """
    # Matplotlib takes SVG settings from global variables only; the context restores them.
    with mpl.rc_context():
        mpl.rcdefaults()  # ignore the user's matplotlibrc
        mpl.rcParams.update({**_STYLE, "svg.hashsalt": name})
        size = (width / _PIXELS_PER_INCH, height / _PIXELS_PER_INCH)
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    shapes = _only_shapes(text.getvalue())
    shapes = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{name}-", shapes)
    for color, variable in _VARIABLES.items():
        shapes = shapes.replace(color, f"var({variable})")
    return Markup(
        '<svg class="chart" role="img" aria-label="{label}" width="{w}" height="{h}" '
        'viewBox="0 0 {vw:g} {vh:g}">{shapes}</svg>'
    ).format(
        label=escape(description),
        w=width,
        h=height,
        vw=width * _POINTS_PER_PIXEL,
        vh=height * _POINTS_PER_PIXEL,
        shapes=Markup(shapes),  # matplotlib escaped the text
    )


def _only_shapes(document: str) -> str:
    """Drop the XML prologue, the metadata, and the style and fonts, which the page sets itself."""
    inside = re.sub(r"^.*?<svg[^>]*>|</svg>\s*$", "", document, flags=re.DOTALL)
    inside = re.sub(r"<metadata>.*?</metadata>", "", inside, flags=re.DOTALL)
    inside = re.sub(r"<style.*?</style>", "", inside, flags=re.DOTALL)
    inside = re.sub(r"font-family: [^;\"]*;? ?", "", inside)
    inside = re.sub(r"(?<=\d) ?\n(?=[A-Za-z])|(?<=>)\s+(?=<)", "", inside)
    return inside.replace("xlink:href", "href")
