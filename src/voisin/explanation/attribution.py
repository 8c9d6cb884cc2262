"""Explain why an image got its label: split its scores exactly into their parts.

The shares of neighbors and of labeled images are terms of the linear system that yields the scores,
so they sum to one. The weight of a labeled image through the whole graph is an entry of
``(I − T)⁻¹``: a personalized PageRank (Page et al. 1998; Andersen, Chung & Lang 2006), or the
probability that a random walk ends there (Zhu, Ghahramani & Lafferty 2003). This module must not
know pictures, pages or files.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from voisin.errors import InputError
from voisin.explanation.linear_system import LinearSystem
from voisin.types import UNLABELED, Indices, Labels, ShortRepr

_LEAST = 1e-12  # share of a score; a tolerance: smaller shares are rounding errors
_MOST_SETTLED = 15_000  # nodes per search, so that a search ends after about 15 ms
MOST_ENTRIES = 200_000_000
"""Largest table of contributions that is kept: 0.8 GB, chosen by hand to fit in memory."""


@dataclass(frozen=True, eq=False, repr=False)
class Path(ShortRepr):
    """The strongest path from an image to a labeled one.

    Attributes
    ----------
    images : array of shape (n_steps + 1,)
        All images on the path, from the image to the labeled one.
    weights : array of shape (n_steps,)
        Entries of T: for each edge, the factor by which the next image's score counts.
    """

    images: Indices
    weights: NDArray[np.float64]

    @property
    def strength(self) -> float:
        """Product of the weights."""
        return float(np.prod(self.weights))


@dataclass(frozen=True, eq=False, repr=False)
class LabeledParts(ShortRepr):
    """What labeled images add to a score of any sign: those that speak for the class.

    Attributes
    ----------
    images : array of shape (n_images,)
        Labeled images that raise the score, largest share first.
    shares : array of shape (n_images,)
        Shares in all that raises the score; with ``constant_share``, they sum to one.
    constant_share : float
        Share of what raises the score of this class for every image alike.
    against : float
        All that lowers the score, as a multiple of all that raises it.
    """

    images: Indices
    shares: NDArray[np.float64]
    constant_share: float
    against: float


@dataclass(frozen=True, eq=False, repr=False)
class ClassAttribution(ShortRepr):
    """The parts of an image's score for one class: split by neighbors, and by labeled images.

    Not every method's score is a sum over the neighbors: then there are none. Where it is no sum
    over the labeled images either, ``closeness`` tells how near they are.

    Attributes
    ----------
    label : int
        The class.
    probability : float
        Share of this class in the sum of the image's scores.
    own_share : float
        Share of the image itself: of its label, or of the classifier's probabilities for it.
    prior_propagation_share : float
        Share of labels that reached the image by prior propagation; 0 if the method propagates
        only once.
    neighbors : array of shape (n_neighbors,)
        Direct neighbors, largest share first.
    neighbor_shares : array of shape (n_neighbors,)
        With ``own_share`` and ``prior_propagation_share``, they sum to one.
    contributors : array of shape (n_contributors,)
        Labeled images that contribute to the score through the whole graph, largest share first.
    contributor_shares : array of shape (n_contributors,)
        With ``classifier_share`` and ``class_prior_share``, they sum to one.
    classifier_share : float
        Share of the classifier's probabilities for all images without label; 0 if the method has
        no classifier.
    class_prior_share : float
        Share of the class priors, which stand for prior propagation where no label reaches.
    paths : tuple of Path
        The strongest paths to the first few contributors.
    against : float
        What speaks against the class, as a multiple of what speaks for it; 0 if all parts of the
        score are positive.
    by_classifier : LabeledParts, optional
        What the classifier's score of the class is made of; None if the method has no classifier,
        or nothing speaks for the class.
    closeness : array of shape (n_contributors,), optional
        In place of shares, where there are none: cosine similarity, or Euclidean distance.
    """

    label: int
    probability: float
    own_share: float
    prior_propagation_share: float
    neighbors: Indices
    neighbor_shares: NDArray[np.float64]
    contributors: Indices
    contributor_shares: NDArray[np.float64]
    classifier_share: float
    class_prior_share: float
    paths: tuple[Path, ...] = ()
    against: float = 0.0
    by_classifier: LabeledParts | None = None
    closeness: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Attribution(ShortRepr):
    """The parts of an image's scores for its label, and for the class that comes next.

    Attributes
    ----------
    image : int
    predicted : ClassAttribution, optional
        For the label of the image; None if no label reaches the image.
    runner_up : ClassAttribution, optional
        For the other class with the largest score; None if no other class reaches the image.
    """

    image: int
    predicted: ClassAttribution | None
    runner_up: ClassAttribution | None


def attribute(
    system: LinearSystem, image: int, *, label: int = UNLABELED, n_paths: int = 3
) -> Attribution:
    """Split the scores of an image: ``F_i = B_i + Σ_j T_ij F_j = Σ_j (I − T)⁻¹_ij B_j``.

    Parameters
    ----------
    system : LinearSystem
        With contributions, the parts are looked up; without, one linear system is solved.
    image : int
    label : int, default=-1
        The label of the image; -1 for the class with the largest score.
    n_paths : int, default=3
        Number of contributors per class whose strongest path is found.

    Raises
    ------
    InputError
        If `image` is not the position of an image.

    Examples
    --------
    The graph is a path of three images; the middle one is more similar to the first.

    >>> from scipy import sparse
    >>> from voisin.explanation.linear_system import harmonic_system
    >>> path = sparse.csr_array([[0.0, 3, 0], [3, 0, 1], [0, 1, 0]])
    >>> why = attribute(harmonic_system(path, np.array([0, -1, 1]), 2, np.ones(3)), 1)
    >>> why.predicted.label, why.predicted.probability, why.predicted.contributors
    (0, 0.75, array([0]))
    """
    n_samples = len(system.labels)
    if not 0 <= image < n_samples:
        message = f"There is no image {image}: they are numbered from 0 to {n_samples - 1}."
        raise InputError(message)
    scores, table = system.scores[image], system.contributions
    row = None
    if table is None or (scores.any() and not table[image].any()):  # below what float32 holds
        row = system.solve_row(image)
    contributions = system.contributions_to(image, row)
    order = np.argsort(-scores, kind="stable")
    first = int(order[0]) if label == UNLABELED else label
    others = order[(order != first) & (scores[order] > _LEAST * scores.sum())]
    two = [first, *others[:1].tolist()] if scores.sum() > 0 else []
    parts = [_attribute_class(system, image, one, contributions, row, n_paths) for one in two]
    predicted, runner_up = (*parts, None, None)[:2]
    return Attribution(image, predicted, runner_up)


def _attribute_class(
    system: LinearSystem,
    image: int,
    label: int,
    contributions: NDArray[np.float64],
    row: NDArray[np.float64] | None,
    n_paths: int,
) -> ClassAttribution:
    by_labeled = contributions * system.right_hand_side[system.labeled, label]
    classifier, class_priors = system.remainder(np.array([image]), label, by_labeled.sum()[None])
    total = max(float(by_labeled.sum() + classifier[0] + class_priors[0]), 1e-300)
    order = np.argsort(-by_labeled, kind="stable")
    order = order[by_labeled[order] > _LEAST * total]
    contributors = system.labeled[order]
    paths = (_find_path(system, image, int(to), row) for to in contributors[:n_paths])
    own, prior_propagation, neighbors, neighbor_shares = _by_neighbors(system, image, label)
    scores = system.scores[image]
    return ClassAttribution(
        label=label,
        probability=float(scores[label] / scores.sum()),
        own_share=own,
        prior_propagation_share=prior_propagation,
        neighbors=neighbors,
        neighbor_shares=neighbor_shares,
        contributors=contributors,
        contributor_shares=by_labeled[order] / total,
        classifier_share=float(classifier[0] / total),
        class_prior_share=float(class_priors[0] / total),
        paths=tuple(path for path in paths if len(path.images)),
    )


def _by_neighbors(
    system: LinearSystem, image: int, label: int
) -> tuple[float, float, Indices, NDArray[np.float64]]:
    """Return the shares of the image itself, of prior propagation, and of its neighbors."""
    graph, prior = system.transition, system.prior_propagation
    edges = slice(graph.indptr[image], graph.indptr[image + 1])
    neighbors = graph.indices[edges].astype(np.int64)
    by_neighbors = graph.data[edges] * system.scores[neighbors, label]
    own = float(system.right_hand_side[image, label])
    total = max(own + by_neighbors.sum(), 1e-300)
    propagated = 0.0
    if prior is not None and system.labels[image] == UNLABELED:
        classifier = prior.classifier_scores[:, label]
        by_classifier = float(classifier[image] - graph.data[edges] @ classifier[neighbors])
        propagated = own - min(max(by_classifier, 0.0), own)
    order = np.argsort(-by_neighbors, kind="stable")
    order = order[by_neighbors[order] > _LEAST * total]
    shares = by_neighbors[order] / total
    return (own - propagated) / total, propagated / total, neighbors[order], shares


def _find_path(
    system: LinearSystem, image: int, labeled: int, row: NDArray[np.float64] | None
) -> Path:
    """Find the strongest path from an image to a labeled one; it is empty if there is none.

    The contribution of all walks together guides the search, as it bounds that of any path.
    """
    from voisin.explanation.paths import strongest_path, strongest_path_from_both_ends

    graph = system.transition
    if row is not None:
        to_image = system.transposed
        images = strongest_path(
            to_image.indptr, to_image.indices, to_image.data, labeled, image, row[:, None], 0
        )[::-1]
    elif system.prior_propagation is not None:
        # The table holds more than walks on T, so it gives no bound; but T is symmetric.
        images = strongest_path_from_both_ends(
            graph.indptr, graph.indices, graph.data, image, labeled, _MOST_SETTLED
        )
    else:
        table = np.asarray(system.contributions)
        column = int(np.searchsorted(system.labeled, labeled))
        images = strongest_path(
            graph.indptr, graph.indices, graph.data, image, labeled, table, column
        )
    weights = []
    for start, end in pairwise(images.tolist()):
        edges = slice(graph.indptr[start], graph.indptr[start + 1])
        weights.append(float(graph.data[edges][graph.indices[edges] == end].sum()))
    return Path(images, np.array(weights))


@dataclass(frozen=True, eq=False)
class TopContributors:
    """The labeled images that contribute most to each image's label.

    Attributes
    ----------
    images : array of shape (n_samples, n_contributors)
        Filled up with -1.
    shares : array of shape (n_samples, n_contributors)
        Shares in the score of the label; filled up with 0.
    classifier_shares : array of shape (n_samples,)
        Shares of the classifier's probabilities; 0 if the method has no classifier.
    class_prior_shares : array of shape (n_samples,)
        Shares of the class priors, which stand for prior propagation where no label reaches.
    """

    images: Indices
    shares: NDArray[np.float64]
    classifier_shares: NDArray[np.float64]
    class_prior_shares: NDArray[np.float64]


def table_is_cheap(n_samples: int, n_labeled: int) -> bool:
    """Check whether the table of all contributions is small enough to compute and keep."""
    return n_samples * n_labeled <= MOST_ENTRIES


def top_contributors(
    system: LinearSystem, labels: Labels, n_contributors: int = 3
) -> TopContributors:
    """Find the labeled images with the largest shares in the score of each image's label.

    Parameters
    ----------
    system : LinearSystem
        A system with contributions.
    labels : array of shape (n_samples,)
        The class whose score is attributed, for each image; images with -1 are left out.
    n_contributors : int, default=3
    """
    table, labeled = system.contributions, system.labeled
    if table is None:
        message = "top_contributors needs contributions: pass system.with_contributions()."
        raise ValueError(message)
    images = np.full((len(labels), n_contributors), -1, dtype=np.int64)
    shares = np.zeros((len(labels), n_contributors))
    classifier_shares, class_prior_shares = np.zeros(len(labels)), np.zeros(len(labels))
    for c in range(system.right_hand_side.shape[1]):
        of_class = np.flatnonzero(system.right_hand_side[labeled, c] > 0)
        rows = np.flatnonzero((labels == c) & (system.scores[:, c] > 0))
        if not len(rows):
            continue
        by_labeled = table[rows][:, of_class] * system.right_hand_side[labeled[of_class], c]
        attributed = by_labeled.sum(axis=1)
        classifier, class_priors = system.remainder(rows, c, attributed)
        total = np.maximum(attributed + classifier + class_priors, 1e-300)
        classifier_shares[rows] = classifier / total
        class_prior_shares[rows] = class_priors / total
        n_here = min(n_contributors, len(of_class))
        best = np.argsort(-by_labeled, axis=1, kind="stable")[:, :n_here]
        best_shares = np.take_along_axis(by_labeled, best, axis=1) / total[:, None]
        shares[rows, :n_here] = best_shares
        images[rows, :n_here] = np.where(best_shares > 0, labeled[of_class][best], -1)
    return TopContributors(images, shares, classifier_shares, class_prior_shares)
