"""Show an explanation to a reader: with names, as a page with pictures, or as JSON.

This module must not know how scores are attributed.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voisin.errors import VoisinError
from voisin.explanation.attribution import Attribution, ClassAttribution
from voisin.report.language import ENGLISH, Language
from voisin.report.pictures import Picture, read_picture
from voisin.report.wording import percent
from voisin.types import UNLABELED, ImageCollection, Labels, Names

_LARGE, _SMALL = 144, 64  # pixels per side, by eye: of the image itself, and of all others
_SHOWN = 6  # neighbors and labeled images per class, by eye: one row of the page
CLASSIFIER, CLASS_PRIORS = "the classifier", "class priors"
"""Contributors other than images, as ``labels.csv`` and ``voisin explain`` name them."""


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """An attribution, with the names that a reader needs.

    Attributes
    ----------
    attribution : Attribution
    ids : array of shape (n_samples,)
    labels : array of shape (n_samples,)
        The given labels; -1 for an image without one.
    class_names : tuple of str
    method : str
        The method that found the labels; if it was ``auto``, the method that ``auto`` chose.
    calibrated : array of shape (n_classes,), optional
        Calibrated probabilities of the image; None if its label was given or there are none.
    reached : bool
        Whether a path in the graph leads from the image to a labeled one.
    in_graph : bool
        False for a test image, which is labeled by its neighbors and the classifier.
    metric : {"cosine", "euclidean"}
        Of closeness.
    open_images : callable, optional
        Returns the pictures; raises `VoisinError` if the source is gone.
    language : Language
        Of the page.
    """

    attribution: Attribution
    ids: Names
    labels: Labels
    class_names: tuple[str, ...]
    method: str
    calibrated: NDArray[np.float64] | None = None
    reached: bool = True
    in_graph: bool = True
    metric: str = "cosine"
    open_images: Callable[[], ImageCollection] | None = None
    language: Language = ENGLISH

    def __repr__(self) -> str:
        name, classes = str(self.ids[self.attribution.image]), self.classes
        if not classes:
            return f"{name}: no evidence"
        each = [f"{self.name(one.label)} ({percent(one.probability)})" for one in classes]
        first = classes[0]
        images, values, what = first.contributors, first.contributor_shares, "labeled images"
        if first.by_classifier is not None and first.classifier_share > values.sum():
            images, values = first.by_classifier.images, first.by_classifier.shares
            what += ", by the classifier"
        if first.closeness is not None:
            what, values = f"nearest labeled images, by {self.closeness_name}", first.closeness
        named = [
            f"{self.ids[i]} ({self.name(int(self.labels[i]))}) {value:.2f}"
            for i, value in zip(images[:3], values[:3], strict=True)
        ]
        return f"{name}: {', then '.join(each)} of the scores\n{what}: {', '.join(named)}"

    def _repr_html_(self) -> str:
        """Show the page in a notebook."""
        page = escape(render_explanation(self, *self.pictures()))
        style = "width: 100%; height: 36rem; border: 0"
        return f'<iframe srcdoc="{page}" style="{style}"></iframe>'

    def pictures(self) -> tuple[ImageCollection | None, str]:
        """Return the pictures, or why there are none."""
        if self.open_images is None:
            return None, ""
        try:
            return self.open_images(), ""
        except VoisinError as error:
            return None, str(error).rstrip(".")

    @property
    def classes(self) -> tuple[ClassAttribution, ...]:
        """The class of the label and the runner-up, without those that are None."""
        both = (self.attribution.predicted, self.attribution.runner_up)
        return tuple(one for one in both if one is not None)

    @property
    def likeliest(self) -> int:
        """The most probable class if the decision gave the image another; else -1."""
        label = self.attribution.predicted
        if self.calibrated is None or label is None:
            return UNLABELED
        best = int(self.calibrated.argmax())
        return UNLABELED if best == label.label else best

    @property
    def evidence(self) -> str:
        """The kind of evidence for the label, as ``labels.csv`` names it."""
        if self.labels[self.attribution.image] != UNLABELED:
            return "label given"
        if not self.classes:
            return "no evidence"
        return "labels" if self.reached else "classifier"

    @property
    def closeness_name(self) -> str:
        """What the closeness of the nearest labeled images is."""
        return "similarity" if self.metric == "cosine" else "distance"

    @property
    def file_name(self) -> str:
        """The file name of this image's page."""
        return re.sub(r"[^\w.-]+", "_", str(self.ids[self.attribution.image])) + ".html"

    def name(self, label: int) -> str:
        """Return the name of a class; empty for -1."""
        return "" if label == UNLABELED else self.class_names[label]

    def as_dict(self) -> dict[str, Any]:
        """Return the explanation as a dictionary for JSON."""
        image = self.attribution.image
        return {
            "id": str(self.ids[image]),
            "method": self.method,
            "given_label": self.name(int(self.labels[image])) or None,
            "evidence": self.evidence,
            "in_graph": self.in_graph,
            "likeliest": self.name(self.likeliest) or None,
            "predicted": self._class_as_dict(self.attribution.predicted),
            "runner_up": self._class_as_dict(self.attribution.runner_up),
        }

    def _class_as_dict(self, found: ClassAttribution | None) -> dict[str, Any] | None:
        if found is None:
            return None
        calibrated = self.calibrated
        return {
            "label": self.name(found.label),
            "share_of_scores": found.probability,
            "calibrated_probability": None
            if calibrated is None
            else float(calibrated[found.label]),
            "by_neighbors": {
                "own": found.own_share,
                "prior_propagation": found.prior_propagation_share,
                "neighbors": self._rows(found.neighbors, found.neighbor_shares),
            },
            "by_contributors": {
                "classifier": found.classifier_share,
                "class_priors": found.class_prior_share,
                "against": found.against,
                "labeled": []
                if found.closeness is not None
                else self._rows(found.contributors, found.contributor_shares),
            },
            "by_classifier": None
            if found.by_classifier is None
            else {
                "constant": found.by_classifier.constant_share,
                "against": found.by_classifier.against,
                "labeled": self._rows(found.by_classifier.images, found.by_classifier.shares),
            },
            "nearest": []
            if found.closeness is None
            else self._rows(found.contributors, found.closeness, self.closeness_name),
            "paths": [
                {"ids": [str(self.ids[i]) for i in path.images], "weights": path.weights.tolist()}
                for path in found.paths
            ],
        }

    def _rows(
        self, images: NDArray[np.int64], shares: NDArray[np.float64], what: str = "share"
    ) -> list[dict[str, Any]]:
        return [
            {
                "id": str(self.ids[image]),
                "label": self.name(int(self.labels[image])) or None,
                what: float(share),
            }
            for image, share in zip(images, shares, strict=True)
        ]


def render_explanation(
    explanation: Explanation,
    images: ImageCollection | None,
    missing: str = "",
) -> str:
    """Render an explanation as one HTML page that needs no network.

    Parameters
    ----------
    explanation : Explanation
    images : ImageCollection, optional
        The pictures, in any order (they are found by id); without them, the page has names only.
    missing : str
        The reason why there are no pictures.
    """
    from voisin.report.page import environment

    image = explanation.attribution.image
    shown = [np.array([image])]
    for one in explanation.classes:
        shown += [one.neighbors[:_SHOWN], one.contributors[:_SHOWN]]
        shown += [path.images for path in one.paths]
        if one.by_classifier is not None:
            shown.append(one.by_classifier.images[:_SHOWN])
    pictures: dict[int, Picture | None] = {}
    if images is not None:
        position = {str(name): index for index, name in enumerate(images.ids)}
        for index in np.unique(np.concatenate(shown)).tolist():
            at = position.get(str(explanation.ids[index]))
            size = _LARGE if index == image else _SMALL
            pictures[index] = None if at is None else read_picture(images, at, size)
        if not any(pictures.values()):
            missing = missing or "none of the pictures can be read from the source"
    return (
        environment(explanation.language)
        .get_template("explanation/page.html")
        .render(explanation=explanation, pictures=pictures, missing=missing, n_shown=_SHOWN)
    )
