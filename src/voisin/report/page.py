"""The template environment that all pages of the package share, and the page of a run."""

import math

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from voisin.report import wording
from voisin.report.content import ReportContent
from voisin.report.sections import SECTIONS


def render_report(content: ReportContent) -> str:
    """Render a run as one HTML page that needs no network and no script.

    Parameters
    ----------
    content : ReportContent

    Returns
    -------
    str
        The same bytes for the same content.
    """
    variables = {name: value for describe in SECTIONS for name, value in describe(content).items()}
    template = environment().get_template("page.html")
    return template.render(content=content, wording=wording, **variables)


def environment() -> Environment:
    """Make the Jinja environment of all pages: templates, filters, tests and wordings.

    A template is found by its path in this folder (``sections/head.html``) or in the package
    (``audit/page.html``).
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader("voisin", "report"), PackageLoader("voisin", "")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        count=wording.count,
        decimal=wording.decimal,
        percent=wording.percent,
        duration=wording.duration,
    )
    environment.tests["undefined_number"] = math.isnan
    environment.globals.update(method=wording.method_wording, scope=wording.scope_wording)
    return environment
