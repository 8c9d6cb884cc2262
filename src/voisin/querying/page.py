"""The page of suggested images and of the forecast.

This module must not know how images are chosen.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.querying.forecast import LabelForecast
from voisin.report.answering import Questions
from voisin.report.language import ENGLISH, Language
from voisin.report.page import environment


@dataclass(frozen=True, eq=False)
class SuggestionsContent:
    """Everything the page of suggestions shows.

    Attributes
    ----------
    name : str
        Name of the images.
    strategy : str
    current : tuple of str
        Present class of each image; empty if no label reaches it.
    probabilities : array of shape (n,)
        Present probability of that class.
    reasons : tuple of str
    forecast : LabelForecast
    n_labeled : int
        Number of images labeled so far.
    questions : Questions
        The table to fill in, with the suggested images.
    language : Language
    """

    name: str
    strategy: str
    current: tuple[str, ...]
    probabilities: NDArray[np.float64]
    reasons: tuple[str, ...]
    forecast: LabelForecast
    n_labeled: int
    questions: Questions
    language: Language = ENGLISH


def render_suggestions(content: SuggestionsContent) -> str:
    """Render one HTML page that needs no network; its script only keeps and saves the answers."""
    template = environment(content.language).get_template("querying/page.html")
    return template.render(content=content)
