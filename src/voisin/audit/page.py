"""The page of an audit: its findings, worst first, with pictures.

This module must not know the checks.
"""

from dataclasses import dataclass

from voisin.audit.findings import Finding
from voisin.report.language import ENGLISH, Language
from voisin.report.page import environment
from voisin.report.pictures import read_picture
from voisin.types import ImageCollection, Names

_PICTURE_SIZE = 96  # pixels per side, by eye: two fit side by side on a card
_SHOWN = 12  # entries shown per finding, by eye: `audit.csv` lists all


@dataclass(frozen=True, eq=False)
class AuditContent:
    """Everything the page of an audit shows.

    Attributes
    ----------
    name : str
        Name of the images.
    findings : tuple of Finding
        Worst first; their entries hold positions in `ids`.
    ids : array of shape (n_images,)
    label_names : tuple of str
        Name of each image's given label; empty without one.
    splits : array of shape (n_images,)
    images : ImageCollection, optional
        In the order of `ids`; None if the source cannot be opened any more.
    notes : tuple of str
        Checks that could not be done, and why.
    language : Language
    """

    name: str
    findings: tuple[Finding, ...]
    ids: Names
    label_names: tuple[str, ...]
    splits: Names
    images: ImageCollection | None = None
    notes: tuple[str, ...] = ()
    language: Language = ENGLISH


def render_audit(content: AuditContent) -> str:
    """Render one HTML page that needs no network and no script."""
    shown = {
        image
        for finding in content.findings
        for entry in finding.entries[:_SHOWN]
        for image in (entry.image, entry.other)
        if image >= 0
    }
    pictures = {
        image: None
        if content.images is None
        else read_picture(content.images, image, _PICTURE_SIZE)
        for image in sorted(shown)
    }
    page = environment(content.language).get_template("audit/page.html")
    return page.render(
        content=content,
        pictures=pictures,
        n_shown=_SHOWN,
        size=_PICTURE_SIZE,
    )
