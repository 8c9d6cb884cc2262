"""Find classes with few or scattered labels, and parts of the graph without labels.

This module must not know pictures or vectors.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.audit.findings import DOUBTFUL, AuditedImages, Entry, Finding, count_of
from voisin.neighbors.graph import find_components
from voisin.types import UNLABELED, Affinity, Labels, Probabilities, Progress

FEW = 5  # labels per class, chosen by hand: with fewer, the result depends on which they are
_SCATTERED = 0.5  # by convention: the majority of the labels does not follow from the others


@dataclass(frozen=True)
class ClassCoverage:
    """How well the labels of a class cover it.

    Attributes
    ----------
    label : int
    n_labels : int
    agreement : float
        Share of its labels that label spreading predicts from all other labels; NaN if no other
        label reaches any of them.
    """

    label: int
    n_labels: int
    agreement: float

    @property
    def has_too_few(self) -> bool:
        """Whether the class has fewer than five labels."""
        return self.n_labels < FEW

    @property
    def is_scattered(self) -> bool:
        """Whether most of its labels lie among those of other classes."""
        return self.n_labels >= FEW and self.agreement < _SCATTERED


def measure_class_coverage(
    labels: Labels, probabilities: Probabilities, n_classes: int
) -> tuple[ClassCoverage, ...]:
    """Count the labels of each class, and the share that the other labels predict.

    Parameters
    ----------
    labels : array of shape (n_samples,)
        -1 where unknown.
    probabilities : array of shape (n_labeled, n_classes)
        Leave-one-out probabilities of the labeled images, as `leave_one_out` returns them.
    n_classes : int

    Examples
    --------
    >>> probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]])
    >>> measure_class_coverage(np.array([0, 0, -1, 1]), probabilities, 2)[0]
    ClassCoverage(label=0, n_labels=2, agreement=0.5)
    """
    own = labels[labels != UNLABELED]
    reached = np.isfinite(probabilities.sum(axis=1))
    agrees = np.where(reached[:, None], probabilities, 0).argmax(axis=1) == own
    members = [reached & (own == c) for c in range(n_classes)]
    agreement = [float(agrees[rows].mean()) if rows.any() else np.nan for rows in members]
    counts = np.bincount(own, minlength=n_classes).tolist()
    return tuple(ClassCoverage(c, counts[c], agreement[c]) for c in range(n_classes))


@dataclass(frozen=True, eq=False)
class UnlabeledComponents:
    """The connected components of the graph in which no image is labeled.

    Attributes
    ----------
    members : tuple of arrays
        Positions of the images of each component, largest first.
    """

    members: tuple[NDArray[np.int64], ...]

    @property
    def n_images(self) -> int:
        """Number of images that no label can reach."""
        return sum(map(len, self.members))


def find_unlabeled_components(affinity: Affinity, labels: Labels) -> UnlabeledComponents:
    """Find the connected components that no label can reach.

    Examples
    --------
    >>> from scipy import sparse
    >>> two_pairs = sparse.csr_array(sparse.block_diag([np.eye(2)[::-1]] * 2))
    >>> find_unlabeled_components(two_pairs, np.array([0, -1, -1, -1])).members
    (array([2, 3]),)
    """
    components = find_components(affinity)
    unlabeled = np.flatnonzero(~components.with_labels(labels))
    order = np.argsort(components.of_sample, kind="stable")
    starts = np.concatenate([[0], np.cumsum(components.sizes)])
    members = [order[starts[c] : starts[c + 1]] for c in unlabeled]
    return UnlabeledComponents(tuple(sorted(members, key=lambda part: (-len(part), part[0]))))


def check_class_coverage(images: AuditedImages, _: Progress) -> list[Finding]:
    """Look for classes whose labels are too few or scattered."""
    if images.graph_probabilities is None:
        return []
    names, findings = images.class_names, []
    classes = measure_class_coverage(images.labels, images.graph_probabilities, len(names))
    few = [f"{names[c.label]} ({c.n_labels})" for c in classes if c.has_too_few]
    if few:
        have = count_of(len(few), "class has", "classes have")
        title = f"{have} fewer than {FEW} labels: {', '.join(few)}"
        advice = "Such a class is found by luck only. Label more of it."
        findings.append(Finding("few-labels", DOUBTFUL, title, advice))
    scattered = [
        f"{names[c.label]} ({c.agreement:.0%}, n = {c.n_labels})" for c in classes if c.is_scattered
    ]
    if scattered:
        of = count_of(len(scattered), "class", "classes")
        title = f"The labels of {of} are scattered: {', '.join(scattered)}"
        advice = (
            "Less than half of these labels would have been found from the others: the vectors do "
            "not tell the class apart. Try another embedding, or label more."
        )
        findings.append(Finding("scattered-labels", DOUBTFUL, title, advice))
    return findings


def check_unlabeled_components(images: AuditedImages, _: Progress) -> list[Finding]:
    """Look for parts of the graph that no label reaches."""
    components = find_unlabeled_components(images.affinity, images.labels)
    if not components.members:
        return []
    count = count_of(components.n_images, "image", "images")
    parts = count_of(len(components.members), "part", "parts")
    title = f"No label reaches {count} along the graph, in {parts} of it"
    if images.answered is None:
        evidence = "If they have labels, these are a classifier's alone."
    elif images.answered[np.concatenate(components.members)].any():
        evidence = "Their labels are the classifier's alone."
    else:
        evidence = "They stay without a label."
    entries = tuple(
        Entry(
            int(members[0]),
            score=float(len(members)),
            note="alone" if len(members) == 1 else f"one of {len(members):,} images",
        )
        for members in components.members
    )
    advice = f"{evidence} Label one image of each large part."
    return [Finding("unlabeled-components", DOUBTFUL, title, advice, entries)]
