"""The page of suggested images and of the forecast.

This module must not know how images are chosen.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.querying.forecast import LabelForecast
from voisin.report.language import ENGLISH, Language
from voisin.report.page import environment
from voisin.report.pictures import read_picture
from voisin.types import ImageCollection, Names

_PICTURE_SIZE = 128  # pixels per side, by eye: details are visible, and the page stays small


@dataclass(frozen=True, eq=False)
class SuggestionsContent:
    """Everything the page of suggestions shows.

    Attributes
    ----------
    name : str
        Name of the images.
    strategy : str
    ids : array of shape (n,)
        Ids of the suggested images, the most useful first.
    current : tuple of str
        Present class of each image; empty if no label reaches it.
    probabilities : array of shape (n,)
        Present probability of that class.
    reasons : tuple of str
    forecast : LabelForecast
    n_labeled : int
        Number of images labeled so far.
    images : ImageCollection, optional
        The suggested images, for their pictures; None if the source cannot be opened any more.
    language : Language
    """

    name: str
    strategy: str
    ids: Names
    current: tuple[str, ...]
    probabilities: NDArray[np.float64]
    reasons: tuple[str, ...]
    forecast: LabelForecast
    n_labeled: int
    images: ImageCollection | None
    language: Language = ENGLISH


def render_suggestions(content: SuggestionsContent) -> str:
    """Render one HTML page that needs no network and no script."""
    images = content.images
    pictures = [
        None if images is None else read_picture(images, i, _PICTURE_SIZE)
        for i in range(len(content.ids))
    ]
    cards = list(
        zip(
            content.ids.tolist(),
            content.current,
            content.probabilities.tolist(),
            content.reasons,
            pictures,
            strict=True,
        )
    )
    template = environment(content.language).get_template("querying/page.html")
    return template.render(content=content, cards=cards)
