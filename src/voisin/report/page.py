"""The template environment that all pages of the package share, and the page of a run."""

import math
import re

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from voisin.report import wording
from voisin.report.content import ReportContent
from voisin.report.language import ENGLISH, Language
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
    template = environment(content.language).get_template("page.html")
    return template.render(content=content, wording=wording, **variables)


def environment(language: Language = ENGLISH) -> Environment:
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
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        language.gettext, language.ngettext, newstyle=True
    )
    environment.filters.update(
        count=language.count,
        decimal=language.decimal,
        percent=language.percent,
        duration=language.duration,
        translate=language.gettext,
        note=language.note,
        code=mark_code,
    )
    environment.tests["undefined_number"] = math.isnan
    environment.globals.update(
        language=language, method=wording.method_wording, scope=wording.scope_wording
    )
    return environment


def mark_code(text: str) -> Markup:
    """Mark what stands in backticks as code.

    Examples
    --------
    >>> mark_code("`alpha=2` & more")
    Markup('<code>alpha=2</code> &amp; more')
    """
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))
