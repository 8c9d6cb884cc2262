"""Compute the variables of the report's sections, one function for each part of the page.

This module decides what the page may claim: which method is the best, and whether pseudo-labels
got better or worse. It must not know HTML.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from voisin.evaluation.bootstrap import MIN_UNITS, Estimate
from voisin.evaluation.verdict import Scores
from voisin.report import charts, confusion, gallery
from voisin.report.content import ReportContent, count_image_use
from voisin.report.coverage import coverage_curve
from voisin.report.next_steps import next_steps
from voisin.report.pictures import Picture, read_picture
from voisin.report.wording import CEILING, EXPERT, FIGURES, LABELS, FigureWording
from voisin.training.pseudo_labels import PseudoLabelRound
from voisin.types import UNLABELED

_SCOPES_BY_WEIGHT = ("test", "unlabeled", "test-no-leak")  # test images were never trained on
_PICTURE_SIZE, _NEIGHBOR_SIZE = 96, 48  # pixels; chosen by hand so that three cards fit in a row
_FEW = 50  # images with a known truth; chosen by hand: below, intervals are wide and rough
_SHARES_KEPT = (0.05, 0.1, 0.25, 0.5, 0.75, 1.0)  # rows of the table of coverage; chosen by hand
_CHARTED = ("auc", "balanced_accuracy")  # AUC judges the ranking, balanced accuracy the decision
_CLEAR = 2  # standard errors: about the 95 % level of a normal test


def describe_source(content: ReportContent) -> dict[str, Any]:
    """Count the images of the source by class, and by what they were used for."""
    given = content.labels[content.labels != UNLABELED]
    labeled_by_run = content.predicted[(content.labels == UNLABELED) & content.reached]
    n_classes = content.images.n_classes
    return {
        "use": count_image_use(content),
        "n_images": len(content.labels),
        "n_given": len(given),
        "n_labeled_by_run": len(labeled_by_run),
        "given_counts": np.bincount(given, minlength=n_classes).tolist(),
        "run_counts": (counts := np.bincount(labeled_by_run, minlength=n_classes)).tolist(),
        "classes_without_images": [
            name for name, n in zip(content.images.class_names, counts, strict=True) if not n
        ],
    }


def describe_verdict(content: ReportContent) -> dict[str, Any]:
    """Compare the methods, and name the best method on the main scope."""
    scopes = group_by_scope(content.scores)
    main = scope_to_show(content.scores)
    scores = scopes[main] if main else ()
    best = find_best_method(scores)
    ceiling = next((s for s in scores if s.method == CEILING), None)
    ceiling_is_below = bool(
        best and ceiling and ceiling.balanced_accuracy.value < best.first.balanced_accuracy.value
    )
    return {
        "scopes": scopes,
        "main_scope": main,
        "main_scores": scores,
        "best": best,
        "ceiling_is_below": ceiling_is_below,
        "lacks_intervals": any(
            math.isnan(estimate.low) and not math.isnan(estimate.value)
            for s in content.scores
            for estimate in (*s.metrics.values(), *s.recall.values())
        ),
        "min_units": MIN_UNITS,
        "has_expert": any(s.method == EXPERT for s in content.scores),
        "best_by_figure": {
            (scope, f.field): best_methods(of_scope, f)
            for scope, of_scope in scopes.items()
            for f in FIGURES
        },
        "comparisons": {
            f.title: charts.comparison_chart(scores, f, content.language)
            for f in FIGURES
            if scores and f.field in _CHARTED
        },
        "reliabilities": [
            charts.reliability_chart(s, content.language, name=f"reliability-{i}")
            for i, s in enumerate(scores)
        ],
    }


def describe_labels(content: ReportContent) -> dict[str, Any]:
    """Judge the labels that the run gave: how many are right, which are found, and the mistakes.

    They are judged on the unlabeled images, which they are for, else on other images.
    """
    judged = find_judged_labels(content.scores)
    if judged is None:
        expected = None if content.calibration is None else content.calibration.verdict
        if expected is not None and math.isnan(expected.accuracy.value):
            expected = None
        recalls = () if expected is None else expected.recall
        return {
            "judged": None,
            "expected": expected,
            "judged_roughly": False,
            "best_and_worst": _best_and_worst(
                dict(zip(content.images.class_names, recalls, strict=expected is not None))
            ),
            "label_rows": [],
            "judged_matrix": None,
            "confusion_pairs": (),
            "expected_pairs": expected_pairs(content) if expected else (),
        }
    sizes = _class_sizes(content.scores, judged.scope)
    given = judged.confusion.sum(axis=0)
    right = judged.confusion.diagonal()
    rows = [
        (name, recall, int(n), int(n_given), n_right / n_given if n_given else math.nan)
        for (name, recall), n, n_given, n_right in zip(
            judged.recall.items(), sizes, given, right, strict=True
        )
    ]
    return {
        "judged": judged,
        "expected": None,
        "expected_pairs": (),
        "best_and_worst": _best_and_worst(judged.recall),
        "judged_roughly": judged.n < _FEW or math.isnan(judged.accuracy.low),
        "label_rows": rows,
        "judged_matrix": confusion.condense(judged.confusion, sizes),
        "confusion_pairs": confused_pairs(content),
    }


def _best_and_worst(recalls: Mapping[str, Estimate]) -> list[tuple[str, float]]:
    """Return the class that is found most, and the one that is found least."""
    known = [(name, r.value) for name, r in recalls.items() if not math.isnan(r.value)]
    ordered = sorted(known, key=lambda pair: pair[::-1], reverse=True)
    return ordered if len(ordered) < 2 else [ordered[0], ordered[-1]]


def confused_pairs(content: ReportContent) -> tuple[confusion.ConfusionPair, ...]:
    """Return the most frequent confusions of the labels that the run gave."""
    judged = find_judged_labels(content.scores)
    if judged is None:
        return ()
    return confusion.most_frequent_pairs(
        judged.confusion, _class_sizes(content.scores, judged.scope)
    )


def expected_pairs(content: ReportContent) -> tuple[confusion.ExpectedPair, ...]:
    """Return the confusions that are likely where no true class is known."""
    calibration = content.calibration
    if content.scores or calibration is None or calibration.verdict is None:
        return ()
    priors = np.array([prior.value for prior in calibration.class_priors])
    return confusion.likely_pairs(calibration.verdict.confusion, priors)


def describe_mistakes(content: ReportContent) -> dict[str, Any]:
    """Condense the confusion matrices of the main scope."""
    main = scope_to_show(content.scores)
    if main is None:
        return {"class_sizes": [], "matrices": {}}
    scores = group_by_scope(content.scores)[main]
    n_images = _class_sizes(scores, main)
    return {
        "class_sizes": n_images.tolist(),
        "matrices": {s.method: confusion.condense(s.confusion, n_images) for s in scores},
    }


def describe_trust(content: ReportContent) -> dict[str, Any]:
    """Return the accuracy among the surest x % of the unlabeled images with known truth."""
    truth = np.where(content.labels == UNLABELED, content.truth, UNLABELED)
    curve = coverage_curve(content.confidence, content.predicted, truth)
    if curve is None:
        return {"curve": None, "curve_chart": Markup(), "curve_rows": []}
    rows = [(share, curve.n_images(share), *curve.at(share)) for share in _SHARES_KEPT]
    chart = charts.coverage_chart(curve, content.language)
    return {"curve": curve, "curve_chart": chart, "curve_rows": rows}


def describe_calibration(content: ReportContent) -> dict[str, Any]:
    """Draw the reliability of each class before and after calibration."""
    calibration, names = content.calibration, content.images.class_names
    if calibration is None:
        return {"class_reliabilities": []}
    pairs = zip(calibration.before, calibration.after, strict=True)
    return {
        "class_reliabilities": [
            charts.class_reliability_chart(before, after, names[after.label], content.language)
            for before, after in pairs
        ]
    }


def describe_pseudo_labels(content: ReportContent) -> dict[str, Any]:
    """Draw the rounds of pseudo-labels, and compare the first with the last."""
    rounds = content.rounds
    chart = charts.pseudo_label_chart(rounds, content.language) if rounds else Markup()
    return {"pseudo_label_chart": chart, "trend": precision_trend(rounds)}


def describe_gallery(content: ReportContent) -> dict[str, Any]:
    """Select images, and read their pictures and those of their labeled neighbors."""
    pairs = confused_pairs(content) or expected_pairs(content)
    selection = gallery.select_images(content, pairs)
    cards = gallery.make_cards(content, selection.images)
    near = {n.image for card in cards.values() for n in card.neighbors}
    shown = set(cards).union(*(images.tolist() for images in selection.confused.values()))
    pictures: dict[int, Picture | None] = {
        index: read_picture(content.images, index, size)
        for size, indices in ((_NEIGHBOR_SIZE, sorted(near)), (_PICTURE_SIZE, sorted(shown)))
        for index in indices
    }
    return {
        "selection": selection,
        "cards": cards,
        "pictures": pictures,
        "has_truth": bool((content.truth != UNLABELED).any()),
    }


def describe_next_steps(content: ReportContent) -> dict[str, Any]:
    """List the commands that a reader may run next."""
    return {
        "steps": next_steps(content),
        "folder_is_relative": not Path(content.folder).is_absolute(),
    }


SECTIONS = (
    describe_source,
    describe_labels,
    describe_verdict,
    describe_mistakes,
    describe_trust,
    describe_calibration,
    describe_pseudo_labels,
    describe_gallery,
    describe_next_steps,
)
"""In the order of the page. Names of variables must not repeat across sections."""


def group_by_scope(scores: Sequence[Scores]) -> dict[str, tuple[Scores, ...]]:
    """Group scores by scope, in the order in which they came."""
    return {s.scope: tuple(o for o in scores if o.scope == s.scope) for s in scores}


def scope_to_show(scores: Sequence[Scores]) -> str | None:
    """Choose the main scope, which the page shows first: `test`, else `unlabeled`, else another."""
    scopes = {s.scope for s in scores}
    return next((scope for scope in (*_SCOPES_BY_WEIGHT, *sorted(scopes)) if scope in scopes), None)


def find_judged_labels(scores: Sequence[Scores]) -> Scores | None:
    """Return the scores of the labels that the run gave, on the unlabeled images if known there."""
    of_labels = {s.scope: s for s in scores if s.method == LABELS}
    return next((of_labels[s] for s in ("unlabeled", "test") if s in of_labels), None)


def _class_sizes(scores: Sequence[Scores], scope: str) -> NDArray[np.int64]:
    return confusion.count_classes([s.confusion for s in scores if s.scope == scope])


def best_methods(scores: Sequence[Scores], figure: FigureWording) -> frozenset[str]:
    """Return all methods with the best value of a figure, apart from the ceiling.

    Returns
    -------
    frozenset of str
        Empty if the figure is undefined for every method, or if several are all level.
    """
    sign = 1 if figure.more_is_better else -1
    values: dict[str, float] = {}
    for score in scores:
        estimate: Estimate = getattr(score, figure.field)
        if score.method != CEILING and not math.isnan(estimate.value):
            values[score.method] = sign * estimate.value
    best = frozenset(m for m, value in values.items() if value == max(values.values()))
    return frozenset() if len(best) == len(values) > 1 else best


@dataclass(frozen=True, eq=False)
class BestMethod:
    """The method with the highest balanced accuracy, and whether its lead is clear.

    Attributes
    ----------
    first : Scores
        Scores of the method with the highest balanced accuracy, apart from the ceiling.
    second : Scores or None
        Scores of the second-best method; None if there is no other.
    safe : bool
        Whether the lead is clear: the interval of the first lies above that of the second.
    level : tuple of str
        The methods with this balanced accuracy if there are several: then none is the best.
    """

    first: Scores
    second: Scores | None
    safe: bool
    level: tuple[str, ...] = ()


def find_best_method(scores: Sequence[Scores]) -> BestMethod | None:
    """Find the method with the highest balanced accuracy; None if no method has it."""
    ranked = sorted(
        (s for s in scores if s.method != CEILING and not math.isnan(s.balanced_accuracy.value)),
        key=lambda s: -s.balanced_accuracy.value,
    )
    if not ranked:
        return None
    first, second = ranked[0], ranked[1] if len(ranked) > 1 else None
    safe = second is not None and first.balanced_accuracy.low > second.balanced_accuracy.high
    highest = first.balanced_accuracy.value
    level = tuple(s.method for s in ranked if s.balanced_accuracy.value == highest)
    return BestMethod(first, second, safe, level if len(level) > 1 else ())


@dataclass(frozen=True)
class Trend:
    """The first and the last round whose precision is known.

    Attributes
    ----------
    first, last : PseudoLabelRound
    direction : str
        ``fell`` or ``rose`` if the change exceeds 2 standard errors, else ``alike``.
    """

    first: PseudoLabelRound
    last: PseudoLabelRound
    direction: str


def precision_trend(rounds: Sequence[PseudoLabelRound]) -> Trend | None:
    """Compare the precision of the first round with that of the last; None if none is known.

    The direction is not ``alike`` if ``|p₂ − p₁| > 2 √(p (1 − p) (1/n₁ + 1/n₂))``, where p is the
    share of correct labels in both rounds together.

    Examples
    --------
    >>> first = PseudoLabelRound(1, 100, (50, 50), 0.99, 100)
    >>> precision_trend([first, PseudoLabelRound(2, 100, (50, 50), 0.97, 100)]).direction
    'alike'
    >>> precision_trend([first, PseudoLabelRound(2, 100, (50, 50), 0.80, 100)]).direction
    'fell'
    """
    measured = [r for r in rounds if r.precision is not None]
    if not measured:
        return None
    first, last = measured[0], measured[-1]
    before, after = first.precision or 0.0, last.precision or 0.0
    share = (before * first.n_known + after * last.n_known) / (first.n_known + last.n_known)
    error = math.sqrt(max(share * (1 - share), 0) * (1 / first.n_known + 1 / last.n_known))
    if abs(after - before) <= _CLEAR * error:
        return Trend(first, last, "alike")
    return Trend(first, last, "fell" if after < before else "rose")
