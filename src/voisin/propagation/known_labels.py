"""The input of every propagation method: the labeled images, their labels and weights.

`read_labeled_nodes` checks plain or soft labels and their weights; `expected_priors` returns how
frequent each class is among all images. This module must not know graphs or equations.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from voisin.errors import InputError
from voisin.types import UNLABELED, Indices, Labels, Probabilities
from voisin.validation import (
    check_count,
    check_one_of,
    check_partial_labels,
    check_plain_array,
)

ClassPriors: TypeAlias = str | Sequence[float]
CLASS_PRIORS = ("labels", "uniform")  # priors known by name; a convention of this package


@dataclass(frozen=True, eq=False)
class LabeledNodes:
    """The labeled nodes of a graph; a node is an image.

    Attributes
    ----------
    rows : array of shape (n_labeled,)
        Positions of the labeled nodes, ascending.
    targets : array of shape (n_labeled, n_classes)
        Distribution over the classes of each node; 1 at the class of a plain label.
    weights : array of shape (n_labeled,)
        An image of weight 2 counts as two images in the same place.
    n_samples : int
        Number of images, labeled or not.
    """

    rows: Indices
    targets: Probabilities
    weights: NDArray[np.float64]
    n_samples: int

    @property
    def n_classes(self) -> int:
        """Number of classes, with or without labels."""
        return self.targets.shape[1]

    @property
    def class_frequencies(self) -> NDArray[np.float64]:
        """Share of each class among the labels, by weight."""
        mass = self.weights @ self.targets
        return mass / mass.sum()

    @property
    def is_labeled(self) -> NDArray[np.bool_]:
        """Whether each image is labeled."""
        labeled = np.zeros(self.n_samples, dtype=bool)
        labeled[self.rows] = True
        return labeled

    def scatter(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return a row for each image: that of `values` if labeled, else zeros."""
        everywhere = np.zeros((self.n_samples, values.shape[1]))
        everywhere[self.rows] = values
        return everywhere


def read_labeled_nodes(
    labels: Labels | Probabilities,
    n_samples: int,
    n_classes: int | None = None,
    sample_weight: NDArray[np.floating] | None = None,
) -> LabeledNodes:
    """Read plain or soft labels, and their weights.

    Parameters
    ----------
    labels : array of shape (n_samples,) or (n_samples, n_classes)
        Classes from 0, or -1 where unknown; or rows of class weights >= 0, zeros where unknown.
    n_samples : int
    n_classes : int, optional
        By default one more than the largest label.
    sample_weight : array of shape (n_samples,), optional
        Only weights of labeled images count; a label of weight 0 is ignored.

    Raises
    ------
    InputError
        If the shapes disagree, no image is labeled, or there are fewer than two classes.

    Examples
    --------
    >>> read_labeled_nodes(np.array([1, -1, 0]), 3).targets
    array([[0., 1.],
           [1., 0.]])
    """
    check_plain_array("labels", labels)
    given: NDArray[Any] = np.asarray(labels)
    if n_classes is not None:
        check_count("n_classes", n_classes, 1)
    if given.ndim == 2:
        given = given.astype(np.float64, copy=False)
        _check_soft_labels(given, n_samples, n_classes)
        rows = np.flatnonzero(given.any(axis=1))
        targets = given[rows] / given[rows].sum(axis=1, keepdims=True)
    else:
        check_partial_labels(given, n_samples, n_classes)
        rows = np.flatnonzero(given != UNLABELED)
        targets = np.zeros((len(rows), n_classes or int(given.max()) + 1))
        targets[np.arange(len(rows)), given[rows]] = 1
    if targets.shape[1] < 2:
        message = (
            "There is a single class, 0: label images of at least two classes, or pass n_classes."
        )
        raise InputError(message)
    weights = _read_weights(sample_weight, rows, n_samples)
    kept = weights > 0
    return LabeledNodes(rows[kept], targets[kept], weights[kept], n_samples)


def expected_priors(class_priors: ClassPriors, labeled_nodes: LabeledNodes) -> NDArray[np.float64]:
    """Return the share of each class among all images: as given, as among the labels, or equal.

    Examples
    --------
    >>> labeled_nodes = read_labeled_nodes(np.array([0, 0, 0, 1]), 4)
    >>> expected_priors("labels", labeled_nodes), expected_priors("uniform", labeled_nodes)
    (array([0.75, 0.25]), array([0.5, 0.5]))
    """
    if isinstance(class_priors, str):
        if class_priors == "uniform":
            return np.full(labeled_nodes.n_classes, 1 / labeled_nodes.n_classes)
        return labeled_nodes.class_frequencies
    priors = np.asarray(class_priors, dtype=np.float64)
    if len(priors) != labeled_nodes.n_classes:
        message = (
            f"`class_priors` has {len(priors)} entries, but there are {labeled_nodes.n_classes} "
            "classes: pass one share per class."
        )
        raise InputError(message)
    return priors / priors.sum()


def check_class_priors(class_priors: ClassPriors) -> None:
    """Refuse class priors that are neither known by name nor numbers from 0 with a sum above 0."""
    if isinstance(class_priors, str):
        check_one_of("class_priors", class_priors, CLASS_PRIORS)
        return
    priors = np.asarray(class_priors, dtype=np.float64)
    if priors.ndim != 1 or not np.isfinite(priors).all() or priors.min(initial=0) < 0:
        message = (
            f"`class_priors={class_priors}` is no distribution: pass one share >= 0 per class."
        )
        raise InputError(message)
    if not priors.sum() > 0:
        message = "`class_priors` are all 0: pass one share >= 0 per class."
        raise InputError(message)


def _check_soft_labels(labels: Probabilities, n_samples: int, n_classes: int | None) -> None:
    if len(labels) != n_samples or (n_classes is not None and labels.shape[1] != n_classes):
        message = (
            f"labels has shape {labels.shape}: pass one row per node ({n_samples}) "
            f"and one column per class{'' if n_classes is None else f' ({n_classes})'}."
        )
        raise InputError(message)
    if not np.isfinite(labels).all() or labels.min() < 0:
        message = "Soft labels have entries that are negative or not finite: pass weights >= 0."
        raise InputError(message)
    if not labels.any():
        message = f"None of the {n_samples} samples is labeled: label one of each class first."
        raise InputError(message)


def _read_weights(
    sample_weight: NDArray[np.floating] | None, rows: Indices, n_samples: int
) -> NDArray[np.float64]:
    if sample_weight is None:
        return np.ones(len(rows))
    sample_weight = np.asarray(sample_weight)
    if sample_weight.shape != (n_samples,):
        message = (
            f"sample_weight has shape {sample_weight.shape}, but there are {n_samples} samples: "
            "pass one weight per sample."
        )
        raise InputError(message)
    weights = sample_weight[rows].astype(np.float64)
    if not np.isfinite(weights).all() or weights.min() < 0 or not weights.any():
        message = (
            "sample_weight of the labeled samples must be >= 0, finite and not all 0: "
            f"lowest {weights.min():g}, highest {weights.max():g}."
        )
        raise InputError(message)
    return weights
