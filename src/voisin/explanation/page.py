"""Why one image got its label, as a page of pictures and as data."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voisin.explanation.attribution import Attribution, ClassAttribution
from voisin.report.pictures import Picture, read_picture
from voisin.types import UNLABELED, ImageCollection, Labels, Names

_LARGE, _SMALL = 144, 64
_SHOWN = 6
OPINIONS, FAR = "the classifier's opinions", "far spreading"  # beside the labeled images


@dataclass(frozen=True, eq=False)
class Explanation:
    """An explanation with the names of what it speaks of.

    Attributes
    ----------
    explanation : Attribution
    ids : array of shape (n_samples,)
    labels : array of shape (n_samples,)
        The labels that were given, -1 elsewhere.
    class_names : tuple of str
    method : str
        The one that found the labels; what ``auto`` took, not ``auto``.
    stated : array of shape (n_classes,), optional
        Calibrated probabilities of the image, where there are any and its label was not given.
    linked : bool
        Whether a path in the graph leads from the image to a labeled one.
    """

    explanation: Attribution
    ids: Names
    labels: Labels
    class_names: tuple[str, ...]
    method: str
    stated: NDArray[np.float64] | None = None
    linked: bool = True

    @property
    def accounts(self) -> tuple[ClassAttribution, ...]:
        """For the predicted class, and for the runner-up."""
        both = (self.explanation.predicted, self.explanation.runner_up)
        return tuple(one for one in both if one is not None)

    @property
    def evidence(self) -> str:
        """What speaks for the label, in the words of ``labels.csv``."""
        if self.labels[self.explanation.image] != UNLABELED:
            return "label given"
        if not self.accounts:
            return "no evidence"
        return "labels" if self.linked else "classifier"

    def name(self, label: int) -> str:
        """Name a class; empty for -1."""
        return "" if label == UNLABELED else self.class_names[label]

    def document(self) -> dict[str, Any]:
        """Return all as JSON can write it."""
        image = self.explanation.image
        return {
            "id": str(self.ids[image]),
            "method": self.method,
            "given_label": self.name(int(self.labels[image])) or None,
            "evidence": self.evidence,
            "predicted": self._account(self.explanation.predicted),
            "runner_up": self._account(self.explanation.runner_up),
        }

    def _account(self, account: ClassAttribution | None) -> dict[str, Any] | None:
        if account is None:
            return None
        return {
            "label": self.name(account.label),
            "share_of_scores": account.probability,
            "calibrated_probability": None
            if self.stated is None
            else float(self.stated[account.label]),
            "by_neighbors": {
                "own": account.own,
                "own_far": account.own_far,
                "neighbors": self._rows(account.neighbors, account.neighbor_shares),
            },
            "by_sources": {
                "opinion": account.opinion,
                "far": account.far,
                "labeled": self._rows(account.sources, account.source_shares),
            },
            "paths": [
                {"ids": [str(self.ids[i]) for i in path.images], "weights": path.weights.tolist()}
                for path in account.paths
            ],
        }

    def _rows(self, images: NDArray[np.int64], shares: NDArray[np.float64]) -> list[dict[str, Any]]:
        return [
            {
                "id": str(self.ids[image]),
                "label": self.name(int(self.labels[image])) or None,
                "share": float(share),
            }
            for image, share in zip(images, shares, strict=True)
        ]

    @property
    def file_name(self) -> str:
        """A file name for the page of this image."""
        return re.sub(r"[^\w.-]+", "_", str(self.ids[self.explanation.image])) + ".html"


def render_explanation(
    reasons: Explanation, images: ImageCollection | None, missing: str = ""
) -> str:
    """Lay an explanation out as one HTML page that needs no network.

    Parameters
    ----------
    reasons : Explanation
    images : ImageCollection, optional
        The pictures, in any order, found by id; without them the page has names only.
    missing : str
        Why there are no pictures.
    """
    from voisin.report.page import environment

    shown = _shown(reasons)
    pictures = {} if images is None else _pictures(reasons, images, shown)
    if images is not None and not any(pictures.values()):
        missing = missing or "none of the pictures can be read from the source"
    return (
        environment()
        .get_template("explanation/page.html")
        .render(reasons=reasons, pictures=pictures, missing=missing, n_shown=_SHOWN)
    )


def _shown(reasons: Explanation) -> list[int]:
    """Images that the page has room for."""
    shown = [np.array([reasons.explanation.image])]
    for account in reasons.accounts:
        shown += [account.neighbors[:_SHOWN], account.sources[:_SHOWN]]
        shown += [path.images for path in account.paths]
    return np.unique(np.concatenate(shown)).tolist()


def _pictures(
    reasons: Explanation, images: ImageCollection, shown: list[int]
) -> dict[int, Picture | None]:
    place = {str(name): index for index, name in enumerate(images.ids)}
    found: dict[int, Picture | None] = {}
    for index in shown:
        size = _LARGE if index == reasons.explanation.image else _SMALL
        at = place.get(str(reasons.ids[index]))
        found[index] = None if at is None else read_picture(images, at, size)
    return found
