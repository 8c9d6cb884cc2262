"""The page of a certificate: what is certified, and on which checks that rests."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from voisin.certificate.betting import CheckForecast
from voisin.report.page import environment


@dataclass(frozen=True, eq=False)
class CertificateContent:
    """What the page shows.

    Attributes
    ----------
    name : str
        Of the project.
    document : mapping
        The certificate, as its JSON file has it.
    n_waiting : int
        Images drawn for a check that have no answer yet.
    forecasts : tuple of CheckForecast
        What to expect; empty once there are answers.
    """

    name: str
    document: Mapping[str, Any]
    n_waiting: int
    forecasts: tuple[CheckForecast, ...] = ()


def render_certificate(content: CertificateContent) -> str:
    """Render one HTML page that needs no network and no script."""
    return (
        environment()
        .get_template("certificate/page.html")
        .render(content=content, certificate=content.document)
    )
