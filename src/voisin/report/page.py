"""The page itself: puts what is told, drawn and chosen into the template."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from voisin.evaluation.verdict import Scores
from voisin.report import (
    charts,
    class_reliability,
    confusion,
    gallery,
    numbers,
    origin,
    ranking,
    wording,
)
from voisin.report.content import ReportContent
from voisin.report.coverage import coverage_curve
from voisin.report.next_steps import next_steps
from voisin.report.pictures import Picture, read_picture
from voisin.report.trend import precision_trend
from voisin.training.rounds import PseudoLabelRound
from voisin.types import UNLABELED

_PICTURE_SIZE, _NEIGHBOR_SIZE = 96, 48
_COVERAGE_SHARES = (0.05, 0.1, 0.25, 0.5, 0.75, 1.0)
_COMPARED = ("auc", "balanced_accuracy")


def render_report(content: ReportContent) -> str:
    """Render a run as one HTML page that needs no network and no script.

    Parameters
    ----------
    content : ReportContent

    Returns
    -------
    str
        The same for the same content, byte for byte.
    """
    return (
        environment()
        .get_template("page.html")
        .render(
            content=content,
            words=wording,
            **_what_was_understood(content),
            **_verdict(content.scores),
            **_mistakes(content.scores),
            **_certainty(content),
            **_how_sure(content),
            **_pseudo_labels(content.rounds),
            **_gallery(content),
            **_what_next(content),
        )
    )


def environment() -> Environment:
    """Give what the templates of every page share: filters, tests and words."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader("voisin", "report"), PackageLoader("voisin", "")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        count=numbers.count,
        decimal=numbers.decimal,
        percent=numbers.percent,
        duration=numbers.duration,
    )
    environment.tests["undefined_number"] = math.isnan
    environment.globals.update(method=wording.method_wording, scope=wording.scope_wording)
    return environment


def _what_was_understood(content: ReportContent) -> dict[str, Any]:
    given = content.labels[content.labels != UNLABELED]
    unlabeled = (content.labels == UNLABELED) & content.reached
    carried = content.predicted[unlabeled]
    n_classes = content.images.n_classes
    return {
        "origin": origin.origin_of(content),
        "n_images": len(content.labels),
        "n_given": len(given),
        "n_carried": len(carried),
        "given_counts": np.bincount(given, minlength=n_classes).tolist(),
        "carried_counts": np.bincount(carried, minlength=n_classes).tolist(),
    }


def _verdict(scores: tuple[Scores, ...]) -> dict[str, Any]:
    scopes = ranking.by_scope(scores)
    main = ranking.scope_to_show(scores)
    told = scopes[main] if main else ()
    lead = ranking.best_method(told)
    ceiling = next((s for s in told if s.method == wording.CEILING), None)
    return {
        "scopes": scopes,
        "main": main,
        "main_scores": told,
        "lead": lead,
        "ceiling_is_below": bool(
            lead
            and ceiling
            and ceiling.balanced_accuracy.value < lead.first.balanced_accuracy.value
        ),
        "has_expert": any(s.method == wording.EXPERT for s in scores),
        "best": {
            (scope, f.field): ranking.best_methods(of_scope, f)
            for scope, of_scope in scopes.items()
            for f in wording.FIGURES
        },
        "comparisons": [charts.comparison_chart(told, f) for f in _compared()] if told else [],
        "reliabilities": [
            charts.reliability_chart(s, name=f"reliability-{i}") for i, s in enumerate(told)
        ],
    }


def _mistakes(scores: tuple[Scores, ...]) -> dict[str, Any]:
    main = ranking.scope_to_show(scores)
    told = ranking.by_scope(scores)[main] if main else ()
    if not told:
        return {"class_sizes": [], "matrices": {}, "mixups": ()}
    n_images = confusion.count_classes([s.confusion for s in told])
    lead = ranking.best_method(told)
    return {
        "class_sizes": n_images.tolist(),
        "matrices": {s.method: confusion.condense(s.confusion, n_images) for s in told},
        "mixups": confusion.most_frequent_pairs(lead.first.confusion, n_images) if lead else (),
    }


def _compared() -> Iterable[wording.FigureWording]:
    return (f for f in wording.FIGURES if f.field in _COMPARED)


def _certainty(content: ReportContent) -> dict[str, Any]:
    truth = np.where(content.labels == UNLABELED, content.truth, UNLABELED)
    curve = coverage_curve(content.stated, content.reached, truth, predicted=content.predicted)
    if curve is None:
        return {"curve": None, "curve_chart": Markup(), "curve_rows": []}
    rows = [(share, curve.n_images(share), *curve.at(share)) for share in _COVERAGE_SHARES]
    return {"curve": curve, "curve_chart": charts.certainty_curve(curve), "curve_rows": rows}


def _how_sure(content: ReportContent) -> dict[str, Any]:
    sure, names = content.how_sure, content.images.class_names
    if sure is None:
        return {"class_reliabilities": []}
    pairs = zip(sure.before, sure.after, strict=True)
    return {
        "class_reliabilities": [
            class_reliability.chart(before, after, names[after.label]) for before, after in pairs
        ]
    }


def _what_next(content: ReportContent) -> dict[str, Any]:
    return {
        "steps": next_steps(content),
        "folder_is_relative": not Path(content.folder).is_absolute(),
    }


def _pseudo_labels(rounds: tuple[PseudoLabelRound, ...]) -> dict[str, Any]:
    return {
        "growth_chart": charts.growth(rounds) if rounds else Markup(),
        "trend": precision_trend(rounds),
    }


def _gallery(content: ReportContent) -> dict[str, Any]:
    choice = gallery.select_images(content)
    exhibits = gallery.make_card(content, choice.images)
    near = {n.image for e in exhibits.values() for n in e.neighbors}
    pictures: dict[int, Picture | None] = {
        index: read_picture(content.images, index, size)
        for size, indices in ((_NEIGHBOR_SIZE, sorted(near)), (_PICTURE_SIZE, sorted(exhibits)))
        for index in indices
    }
    return {"choice": choice, "exhibits": exhibits, "pictures": pictures}
