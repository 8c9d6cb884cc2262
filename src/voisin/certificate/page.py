"""The page of a certificate: which labels are certified, and by which checks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from voisin.certificate.betting import CheckForecast
from voisin.report.answering import Questions
from voisin.report.language import ENGLISH, Language
from voisin.report.page import environment


@dataclass(frozen=True, eq=False)
class CertificateContent:
    """Everything the page of a certificate shows.

    Attributes
    ----------
    name : str
        Name of the project.
    document : mapping
        The content of ``certificate.json``.
    n_waiting : int
        Number of images that were drawn for a check and have no answer yet.
    forecasts : tuple of CheckForecast
        How many checks to expect; empty as soon as there are answers.
    language : Language
    """

    name: str
    document: Mapping[str, Any]
    n_waiting: int
    forecasts: tuple[CheckForecast, ...] = ()
    language: Language = ENGLISH


@dataclass(frozen=True, eq=False)
class ChecksContent:
    """Everything the page of checks shows; what voisin found is not on it.

    Attributes
    ----------
    name : str
        Name of the project.
    questions : Questions
    language : Language
    """

    name: str
    questions: Questions
    language: Language = ENGLISH


def render_checks(content: ChecksContent) -> str:
    """Render one HTML page that needs no network; its script only keeps and saves the answers."""
    template = environment(content.language).get_template("certificate/checks.html")
    return template.render(content=content)


def render_certificate(content: CertificateContent) -> str:
    """Render one HTML page that needs no network and no script."""
    return (
        environment(content.language)
        .get_template("certificate/page.html")
        .render(content=content, certificate=content.document)
    )
