"""Labels that witnesses who have not seen them contradict; it knows a graph, not images.

The graph's word on a label is what spreading says of its image once the label is taken away
(leave-one-out), by a closed form instead of propagating anew: the scores are linear in the labels.
Where a classifier's out-of-fold probabilities are given, both are asked; the classifier's word
alone is "self-confidence" (Northcutt, Jiang & Chuang 2021).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.errors import InputError
from voisin.propagation.matrices import normalize_affinity
from voisin.propagation.solvers import chebyshev
from voisin.types import (
    UNLABELED,
    Affinity,
    Indices,
    Labels,
    Probabilities,
    Progress,
    no_progress,
)
from voisin.validation import check_affinity, check_in_open_interval, check_partial_labels

_COLUMNS = 32  # labeled images solved for at a time
_LEAST = 1e-3  # a probability below which one witness cannot outweigh all others
_SURE = 0.995  # would be rounded to 100 %
_TASK = "Taking labels away"


@dataclass(frozen=True, eq=False)
class SuspectLabels:
    """The labeled images, most suspect first.

    Attributes
    ----------
    rows : array of shape (n_labeled,)
        Positions of the labeled images.
    labels : array of shape (n_labeled,)
        The label that each has.
    suggestions : array of shape (n_labeled,)
        The class that the witnesses find most probable.
    support : array of shape (n_labeled,)
        Probability of the image's own label without it: the geometric mean of the witnesses'.
    suspicion : array of shape (n_labeled,)
        ``1 − support``; NaN where no witness can say anything, and these come last.
    """

    rows: Indices
    labels: Labels
    suggestions: Labels
    support: NDArray[np.float64]

    @property
    def suspicion(self) -> NDArray[np.float64]:
        """One minus the support."""
        return 1 - self.support


def leave_one_out(
    affinity: Affinity,
    labels: Labels,
    *,
    n_classes: int,
    alpha: float = 0.9,
    tol: float = 1e-6,
    max_iter: int = 1_000,
    progress: Progress = no_progress,
) -> Probabilities:
    """Ask of each labeled image what spreading says of it without its own label.

    With ``G = (1 − alpha) (I − alpha S)⁻¹``, every label weighted by one over the number of its
    class, the score of image i for class c without label i is
    ``(Σ_{j≠i, y_j=c} G_ij) / (n_c − [y_i=c])``, each row then divided by its sum. Only the columns
    of ``G`` that belong to labeled images are solved for, some at a time.

    Parameters
    ----------
    affinity : sparse array of shape (n_samples, n_samples)
    labels : array of shape (n_samples,)
        -1 where unknown.
    n_classes : int
    alpha : float, default=0.9
    tol : float, default=1e-6
    max_iter : int, default=1000
    progress : callable, optional

    Returns
    -------
    array of shape (n_labeled, n_classes)
        In the order of the positions; a row of NaN where no other label reaches the image.

    Raises
    ------
    InputError
        If the shapes disagree, no image is labeled, or alpha is out of range.

    Examples
    --------
    Two pairs of a class each, and one image labeled 0 among the others of class 1.

    >>> from scipy import sparse
    >>> blocks = [np.ones((2, 2)) - np.eye(2), np.ones((3, 3)) - np.eye(3)]
    >>> graph = sparse.csr_array(sparse.block_diag(blocks))
    >>> leave_one_out(graph, np.array([0, 0, 1, 1, 0]), n_classes=2).round(2)[[0, 4]]
    array([[1., 0.],
           [0., 1.]])
    """
    affinity = check_affinity(affinity)
    check_partial_labels(labels, affinity.shape[0], n_classes)
    check_in_open_interval("alpha", alpha, 0, 1)
    rows = np.flatnonzero(labels != UNLABELED)
    own = labels[rows]
    counts = np.bincount(own, minlength=n_classes)
    smoother = normalize_affinity(affinity)
    scores = np.zeros((len(rows), n_classes))
    for start in range(0, len(rows), _COLUMNS):
        block = np.arange(start, min(start + _COLUMNS, len(rows)))
        known = np.zeros((affinity.shape[0], len(block)))
        known[rows[block], np.arange(len(block))] = 1 - alpha
        shares = chebyshev(smoother, alpha, known, tol=tol, max_iter=max_iter).values[rows]
        shares[block, np.arange(len(block))] = 0  # the image's own label
        for c in np.unique(own[block]):
            scores[:, c] += shares[:, own[block] == c].sum(axis=1)
        progress(_TASK, int(block[-1]) + 1, len(rows))
    others = counts[None] - np.eye(n_classes, dtype=np.int64)[own]
    scores = np.maximum(scores, 0) / np.maximum(others, 1)
    total = scores.sum(axis=1, keepdims=True)
    return np.divide(scores, total, where=total > 0, out=np.full(scores.shape, np.nan))


def suspect_labels(labels: Labels, *witnesses: Probabilities) -> SuspectLabels:
    """Rank labels by how little those who have not seen them support them.

    ``support_i = (Π_w p_w(y_i))^(1/n)`` over the n witnesses that say anything of image i: a label
    is suspect if all doubt it. A witness that gives a label less than 0.001 counts as 0.001.

    Parameters
    ----------
    labels : array of shape (n_samples,)
        -1 where unknown.
    *witnesses : arrays of shape (n_labeled, n_classes)
        Probabilities of the labeled images by what had not seen their labels, in the order of
        their positions: `leave_one_out`, a classifier's out-of-fold ones. Rows of NaN say nothing.

    Returns
    -------
    SuspectLabels

    Raises
    ------
    InputError
        If there is no witness, or one has another number of rows.

    Examples
    --------
    >>> found = suspect_labels(np.array([0, -1, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]))
    >>> found.rows, found.suggestions, found.suspicion.round(2)
    (array([2, 0]), array([0, 0]), array([0.8, 0.1]))
    """
    rows = np.flatnonzero(labels != UNLABELED)
    if not witnesses or any(len(witness) != len(rows) for witness in witnesses):
        told = ", ".join(str(len(witness)) for witness in witnesses) or "no witness"
        message = (
            f"There are {len(rows)} labeled images, but rows of witnesses: {told}. "
            "Pass one row a labeled image, in the order of their positions."
        )
        raise InputError(message)
    logs = np.log(np.maximum(np.stack(witnesses), _LEAST))
    says = np.isfinite(logs.sum(axis=2))
    heard = says.sum(axis=0)
    mean = np.where(says[:, :, None], logs, 0).sum(axis=0) / np.maximum(heard, 1)[:, None]
    own = labels[rows]
    support = np.where(heard > 0, np.exp(mean[np.arange(len(rows)), own]), np.nan)
    suggestions = np.where(heard > 0, mean.argmax(axis=1), own)
    order = np.argsort(support, kind="stable")
    return SuspectLabels(rows[order], own[order], suggestions[order], support[order])


def describe_evidence(
    said: Mapping[str, NDArray[np.float64]], names: Sequence[str], together: str
) -> str:
    """Say which class each witness finds most probable, and which class both together.

    Parameters
    ----------
    said : mapping of str to array of shape (n_classes,)
        Each witness's probabilities of an image; one of NaN is left out.
    names : sequence of str
        Of the classes.
    together : str
        The class that they suggest together.

    Examples
    --------
    >>> describe_evidence({"the graph": np.array([0.83, 0.17])}, ("cat", "dog"), "cat")
    'the graph without it says cat with 83%'
    """
    heard = {witness: row for witness, row in said.items() if np.isfinite(row).all()}
    told = [
        f"{witness} without it says {names[int(row.argmax())]} with "
        + (">99%" if row.max() >= _SURE else f"{row.max():.0%}")
        for witness, row in heard.items()
    ]
    if len(heard) > 1:
        told.append(f"both together {together}")
    return ", ".join(told)
