"""The names that pages use for methods, scopes and figures, and the format of numbers.

This module must not know scores or HTML.
"""

import math
from dataclasses import dataclass

from voisin.evaluation.metrics import METRICS

CEILING = "ceiling"
"""The method that gets every true label; it therefore never counts as the best."""

LABELS = "propagated"
"""The method whose labels the run gives."""

EXPERT = "expert"
"""The network loaded from a file in place of the one that is trained on pseudo-labels."""

EXPERT_MAY_KNOW = (
    "whether the expert network, whose vectors make the graph, was trained on these images before "
    "is not known here"
)

MISSING = "–"
"""Shown instead of an undefined number (a convention of tables)."""


@dataclass(frozen=True)
class Wording:
    """A title of a few words, and one sentence that explains it to a newcomer."""

    title: str
    meaning: str


@dataclass(frozen=True)
class FigureWording(Wording):
    """The wording of a field of `Scores`, and whether higher values are better."""

    field: str
    more_is_better: bool = True


METHODS = {
    "few-labels": Wording("Few labels only", "a network trained on the given labels alone"),
    "pseudo-labels": Wording(
        "Pseudo-labels",
        "in each round a new network, trained on the given labels and on the most confident "
        "guesses of the networks before it",
    ),
    EXPERT: Wording(
        "Expert network (from a file)",
        "a network that was loaded from a file; what it was trained on is not known here",
    ),
    "propagated": Wording(
        "Propagated labels",
        "the labels of this run: the given labels, passed on from image to image along the graph "
        "of nearest neighbors; some labeling methods also use a classifier trained on the given "
        "labels. Probabilities are calibrated, and decide the label as the top of the page says. A "
        "test image gets its label from its nearest neighbors in the graph",
    ),
    "retrained": Wording(
        "Retrained",
        "the classifier that the run leaves for new images, trained on the propagated labels, "
        "where more certain labels count more",
    ),
    CEILING: Wording(
        "Ceiling",
        "a small network trained on the true label of every training image: about what labeling "
        "all images by hand would give it. It is shown for comparison and never marked as the best",
    ),
}

SCOPES = {
    "unlabeled": Wording(
        "Unlabeled images",
        "images of the graph whose label was hidden from the methods and kept for this check",
    ),
    "test": Wording(
        "Test images", "images kept apart from the start: nothing in this run was trained on them"
    ),
    "test-no-leak": Wording(
        "Test images of new groups",
        "only the test images whose group (patient, lesion, video) has no image in the training "
        "set, as the others may be too easy. What is left is another mix of classes, so the "
        "figures may be higher or lower: compare methods within one set of images, not one set "
        "with another",
    ),
}

FIGURES = tuple(
    FigureWording(metric.title, metric.meaning, name, metric.more_is_better)
    for name, metric in METRICS.items()
)


def method_wording(method: str) -> Wording:
    """Return the wording of a method; a method without an entry is called by its own name.

    Examples
    --------
    >>> method_wording("propagated").title
    'Propagated labels'
    >>> method_wording("nearest-center").title
    'Nearest center'
    """
    return METHODS.get(method) or Wording(_readable(method), "")


def scope_wording(scope: str) -> Wording:
    """Return the wording of a scope; a scope without an entry is called by its own name."""
    return SCOPES.get(scope) or Wording(_readable(scope), "")


def _readable(name: str) -> str:
    words = name.replace("-", " ").replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def count(value: int) -> str:
    """Write a whole number with separators.

    Examples
    --------
    >>> count(7007)
    '7,007'
    """
    return f"{value:,}"


def decimal(value: float, digits: int = 3) -> str:
    """Write a number with a fixed number of digits, or a dash if it is undefined.

    Examples
    --------
    >>> decimal(0.87549), decimal(float("nan"))
    ('0.875', '–')
    """
    return f"{value:.{digits}f}" if math.isfinite(value) else MISSING


def percent(share: float) -> str:
    """Write a share as a percentage; 0% and 100% are written only for exactly 0 and 1.

    Examples
    --------
    >>> percent(0.5), percent(0.0004), percent(0.9999), percent(1.0)
    ('50%', '<1%', '>99%', '100%')
    """
    if not math.isfinite(share):
        return MISSING
    if 0 < share < 0.005:
        return "<1%"
    if 0.995 <= share < 1:
        return ">99%"
    return f"{100 * share:.0f}%"


def duration(seconds: float) -> str:
    """Write a time in the units that suit its length.

    Examples
    --------
    >>> duration(0.42), duration(9.96), duration(75), duration(7384)
    ('0.4 s', '10 s', '1 min 15 s', '2 h 3 min')
    """
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
