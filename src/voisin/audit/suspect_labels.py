"""Find suspect labels: those that the out-of-fold probabilities of their images contradict.

Two sources give such probabilities. The graph gives those of label spreading without the image's
own label (leave-one-out), in closed form, since the scores are linear in the labels. A classifier
gives those of a logistic regression trained without the image's fold; its probability of the given
label is the "self-confidence" of Northcutt, Jiang & Chuang (2021). This module must not know
pictures or files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.audit.findings import DOUBTFUL, AuditedImages, Entry, Finding
from voisin.errors import InputError
from voisin.labeling.cross_validation import make_folds
from voisin.propagation.matrices import normalize_affinity
from voisin.propagation.solvers import chebyshev
from voisin.types import (
    UNLABELED,
    Affinity,
    Embeddings,
    Indices,
    Labels,
    Names,
    Probabilities,
    Progress,
    no_progress,
)
from voisin.validation import check_affinity, check_in_open_interval, check_partial_labels

_ALPHA = 0.9  # chosen by hand: low, so that distant labels hardly count in judging one label
_COLUMNS = 32  # labeled images solved for at a time; chosen by hand to bound the memory
# The floor of a probability, chosen by hand: a lower one would let one source outweigh the others.
_MIN_PROBABILITY = 1e-3
_ROUNDS_TO_ONE = 0.995  # a probability that would be written as 100 %
# C of the logistic regression if vectors had length 1, chosen by hand; divided by n_dims below.
_STRENGTH = 4.0
_TASK = "Checking each label without itself"


@dataclass(frozen=True, eq=False)
class SuspectLabels:
    """The labeled images, most suspect first.

    Attributes
    ----------
    rows : array of shape (n_labeled,)
        Positions of the labeled images.
    labels : array of shape (n_labeled,)
        The given label of each of them.
    suggestions : array of shape (n_labeled,)
        The most probable class by all sources together.
    support : array of shape (n_labeled,)
        Out-of-fold probability of the image's own label: the geometric mean over the sources.
    suspicion : array of shape (n_labeled,)
        ``1 − support``; NaN where no source has probabilities. Images with NaN come last.
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
    alpha: float = _ALPHA,
    tol: float = 1e-6,
    max_iter: int = 1_000,
    progress: Progress = no_progress,
) -> Probabilities:
    """Return what label spreading says of each labeled image when its own label is hidden.

    Let ``G = (1 − alpha) (I − alpha S)⁻¹``, and weight each label by 1 / (number of labels of its
    class). Without label i, image i has the score ``(Σ_{j≠i, y_j=c} G_ij) / (n_c − [y_i=c])`` for
    class c; each row is then divided by its sum. Only the columns of ``G`` that belong to labeled
    images are solved for, in blocks.

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
        Class probabilities, by position; a row of NaN where no other label reaches the image.

    Raises
    ------
    InputError
        If the shapes disagree, no image is labeled, or alpha is out of range.

    Examples
    --------
    One pair of images for each class, and one image that is labeled 0 but lies in class 1's pair.

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


def out_of_fold_probabilities(
    embeddings: Embeddings,
    labels: Labels,
    *,
    n_classes: int,
    groups: Names | None = None,
    n_folds: int = 5,
    random_state: int = 0,
) -> Probabilities:
    """Return, by labeled image, the probabilities of a classifier trained without its fold.

    The classifier is a logistic regression. Images of one group are held out together. The vectors
    must not have been learned from these labels, or the classifier only repeats the labels.

    Parameters
    ----------
    embeddings : array of shape (n_samples, n_dims)
    labels : array of shape (n_samples,)
        -1 where unknown.
    n_classes : int
    groups : array of shape (n_samples,), optional
    n_folds : int, default=5
    random_state : int, default=0

    Returns
    -------
    array of shape (n_labeled, n_classes)
        In the order of the positions. The row of an image that is never held out is NaN; such an
        image is, for example, the only labeled image of its class.

    Examples
    --------
    >>> line = np.array([[0.0], [0.1], [0.9], [1.0], [0.5]], dtype=np.float32)
    >>> labels = np.array([0, 0, 1, 1, -1])
    >>> out_of_fold_probabilities(line, labels, n_classes=2, n_folds=2).argmax(axis=1)
    array([0, 0, 1, 1])
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = np.flatnonzero(labels != UNLABELED)
    place = np.full(len(labels), -1)
    place[rows] = np.arange(len(rows))
    strength = _STRENGTH / embeddings.shape[1]  # standardized vectors have length √n_dims
    probabilities: NDArray[np.float64] = np.full((len(rows), n_classes), np.nan)
    for held_out in make_folds(labels, groups, n_folds=n_folds, random_state=random_state):
        training = np.setdiff1d(rows, held_out)
        if len(np.unique(labels[training])) < 2:
            continue
        model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=1_000))
        model.fit(embeddings[training], labels[training])
        probabilities[place[held_out]] = 0
        probabilities[np.ix_(place[held_out], model.classes_)] = model.predict_proba(
            embeddings[held_out]
        )
    return probabilities


def rank_labels(labels: Labels, *out_of_fold: Probabilities) -> SuspectLabels:
    """Rank labels by their out-of-fold probability, the least probable first.

    ``support_i = (Π_s p_s(y_i))^(1/n)`` over the n sources that have probabilities of image i: a
    label is suspect if all of them find it improbable. A probability below 0.001 counts as 0.001.

    Parameters
    ----------
    labels : array of shape (n_samples,)
        -1 where unknown.
    *out_of_fold : arrays of shape (n_labeled, n_classes)
        Probabilities by each source, as `leave_one_out` and `out_of_fold_probabilities` return
        them. Rows of NaN are skipped.

    Returns
    -------
    SuspectLabels

    Raises
    ------
    InputError
        If there is no source, or a source has not one row per labeled image.

    Examples
    --------
    >>> ranked = rank_labels(np.array([0, -1, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]))
    >>> ranked.rows, ranked.suggestions, ranked.suspicion.round(2)
    (array([2, 0]), array([0, 0]), array([0.8, 0.1]))
    """
    rows = np.flatnonzero(labels != UNLABELED)
    if not out_of_fold or any(len(source) != len(rows) for source in out_of_fold):
        lengths = ", ".join(str(len(source)) for source in out_of_fold) or "none"
        message = (
            f"There are {len(rows)} labeled images, but rows of probabilities: {lengths}. "
            "Pass one row per labeled image, in the order of their positions."
        )
        raise InputError(message)
    logs = np.log(np.maximum(np.stack(out_of_fold), _MIN_PROBABILITY))
    present = np.isfinite(logs.sum(axis=2))
    n_sources = present.sum(axis=0)
    totals = np.where(present[:, :, None], logs, 0).sum(axis=0)
    mean = totals / np.maximum(n_sources, 1)[:, None]
    own = labels[rows]
    support = np.where(n_sources > 0, np.exp(mean[np.arange(len(rows)), own]), np.nan)
    suggestions = np.where(n_sources > 0, mean.argmax(axis=1), own)
    order = np.argsort(support, kind="stable")
    return SuspectLabels(rows[order], own[order], suggestions[order], support[order])


def describe_probabilities(
    probabilities: Mapping[str, NDArray[np.float64]], class_names: Sequence[str], together: str
) -> str:
    """Write which class each source finds most probable for an image, and which both together.

    Parameters
    ----------
    probabilities : mapping of str to array of shape (n_classes,)
        One out-of-fold row per source, keyed by the source's name; rows of NaN are skipped.
    class_names : sequence of str
    together : str
        The most probable class by all sources together.

    Examples
    --------
    >>> describe_probabilities({"the graph": np.array([0.83, 0.17])}, ("cat", "dog"), "cat")
    'the graph without it says cat with 83%'
    """
    notes = []
    for source, row in probabilities.items():
        if np.isfinite(row).all():
            share = ">99%" if row.max() >= _ROUNDS_TO_ONE else f"{row.max():.0%}"
            notes.append(f"{source} without it says {class_names[int(row.argmax())]} with {share}")
    if len(notes) > 1:
        notes.append(f"both together {together}")
    return ", ".join(notes)


def check_suspect_labels(images: AuditedImages, _: Progress) -> list[Finding]:
    """Look for labels that all sources together find less probable than guessing at random."""
    if images.graph_probabilities is None:
        return []
    sources = {"the graph": images.graph_probabilities}
    if images.classifier_probabilities is not None:
        sources["a classifier"] = images.classifier_probabilities
    ranked = rank_labels(images.labels, *sources.values())
    names = images.class_names
    suspects = (ranked.support < 1 / len(names)) & (ranked.suggestions != ranked.labels)
    if not suspects.any():
        return []
    place = np.searchsorted(np.flatnonzero(images.labels != UNLABELED), ranked.rows)
    entries = []
    for i in np.flatnonzero(suspects):
        rows = {source: probabilities[place[i]] for source, probabilities in sources.items()}
        evidence = describe_probabilities(rows, names, names[ranked.suggestions[i]])
        entries.append(
            Entry(
                int(ranked.rows[i]),
                score=float(ranked.suspicion[i]),
                suggestion=int(ranked.suggestions[i]),
                note=f"labeled {names[ranked.labels[i]]}; {evidence}",
            )
        )
    verb = "is" if len(entries) == 1 else "are"
    title = f"{len(entries):,} of {len(ranked.rows):,} labels {verb} contradicted"
    find = "the graph finds" if len(sources) == 1 else "the graph and a classifier together find"
    advice = (
        f"Without the label, {find} it less probable than guessing at random; the note beside each "
        "image gives the details. Begin with the first images: the label may be wrong, the image "
        "may be untypical, or the vectors may not show what defines the class."
    )
    return [Finding("suspect-labels", DOUBTFUL, title, advice, tuple(entries))]
