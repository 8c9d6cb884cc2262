"""Why an image got its label: an exact account of its score; it knows graphs, not pictures.

Shares of neighbors and of labeled images: the terms of the equation that made the score, so they
sum to one. The weight of a labeled image through the whole graph is an entry of ``(I − T)⁻¹``: a
personalized PageRank (Page et al. 1998; Andersen, Chung & Lang 2006), or the probability that a
walk ends there (Zhu, Ghahramani & Lafferty 2003).
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from voisin.errors import InputError
from voisin.explanation.linear_system import LinearSystem
from voisin.types import UNLABELED, Indices

_LEAST = 1e-12
_MOST_SETTLED = 15_000  # nodes a path: some 15 ms


@dataclass(frozen=True, eq=False)
class Path:
    """The strongest path from an image to a labeled one.

    Attributes
    ----------
    images : array of shape (n_steps + 1,)
        From the image to the labeled one.
    weights : array of shape (n_steps,)
        Of its edges: what a score loses on the way.
    """

    images: Indices
    weights: NDArray[np.float64]

    @property
    def strength(self) -> float:
        """Product of the weights."""
        return float(np.prod(self.weights))


@dataclass(frozen=True, eq=False)
class ClassAttribution:
    """What an image's score for one class is made of, once by neighbors and once by sources.

    Attributes
    ----------
    label : int
        The class.
    probability : float
        The class's share of all the image's scores.
    own : float
        Share of what the image brings along itself: its own label, or the classifier's opinion.
    own_far : float
        Share of labels that were spread far and reached the image before; 0 where the method
        spreads none.
    neighbors : array of shape (n_neighbors,)
        Direct neighbors, those with the largest shares first.
    neighbor_shares : array of shape (n_neighbors,)
        With ``own`` and ``own_far``, they sum to one.
    sources : array of shape (n_sources,)
        Labeled images that count for this class through the whole graph, the largest first: on
        the way of the scores, and by what far spreading sent to images without label before.
    source_shares : array of shape (n_sources,)
    opinion : float
        Share of a classifier's opinions on all images without label, near and far; 0 where the
        method has none.
    far : float
        Share of far spreading that no labeled image can be named for: the class shares that it
        gives where no label reaches. With ``opinion`` and ``source_shares``, they sum to one.
    paths : tuple of Path
        To the first few of the sources.
    """

    label: int
    probability: float
    own: float
    own_far: float
    neighbors: Indices
    neighbor_shares: NDArray[np.float64]
    sources: Indices
    source_shares: NDArray[np.float64]
    opinion: float
    far: float
    paths: tuple[Path, ...]


@dataclass(frozen=True, eq=False)
class Attribution:
    """Why one image got its label, and what speaks for another one.

    Attributes
    ----------
    image : int
    predicted : ClassAttribution, optional
        Of the class with the largest score; None where no label reaches the image.
    runner_up : ClassAttribution, optional
        Of the second; None where no other class reaches the image.
    """

    image: int
    predicted: ClassAttribution | None
    runner_up: ClassAttribution | None


def attribute(flow: LinearSystem, image: int, *, n_paths: int = 3) -> Attribution:
    """Take the scores of an image apart: ``F_i = B_i + Σ_j T_ij F_j = Σ_j (I − T)⁻¹_ij B_j``.

    Parameters
    ----------
    flow : LinearSystem
        With contributions, this is a look-up; without, one equation is solved.
    image : int
    n_paths : int, default=3
        How many of the sources of each class get their strongest path.

    Raises
    ------
    InputError
        If there is no such image.

    Examples
    --------
    A path of three images: the middle one stands closer to the first.

    >>> from scipy import sparse
    >>> from voisin.explanation.linear_system import harmonic_system
    >>> path = sparse.csr_array([[0.0, 3, 0], [3, 0, 1], [0, 1, 0]])
    >>> why = attribute(harmonic_system(path, np.array([0, -1, 1]), 2, np.ones(3)), 1)
    >>> why.predicted.label, why.predicted.probability, why.predicted.sources
    (0, 0.75, array([0]))
    """
    n_samples = len(flow.labels)
    if not 0 <= image < n_samples:
        message = f"There is no image {image}: they are numbered from 0 to {n_samples - 1}."
        raise InputError(message)
    weights = _Weights(flow, image)
    scores = flow.scores[image]
    first, second = np.argsort(-scores, kind="stable")[:2].tolist()
    predicted, runner_up = (
        _account(flow, image, label, weights, n_paths) if scores[label] > _LEAST * scores.sum()
        else None
        for label in (first, second)
    )  # fmt: skip
    return Attribution(image, predicted, runner_up)


class _Weights:
    """What each labeled image counts for one image, looked up or solved."""

    def __init__(self, flow: LinearSystem, image: int) -> None:
        self._flow, self._image = flow, image
        self._row = None if flow.contributions is not None else flow.row(image)

    @cached_property
    def of_labeled(self) -> NDArray[np.float64]:
        if self._row is not None:
            return self._flow.credit(self._row)
        table = self._flow.contributions
        assert table is not None
        return np.asarray(table[self._image], dtype=np.float64)

    def path_to(self, source: int) -> Indices:
        """Find the strongest path, guided by all that walks bring."""
        from voisin.explanation.paths import strongest_path, strongest_path_from_both_ends

        flow, image = self._flow, self._image
        if self._row is not None:
            turned = flow.backward
            found = strongest_path(
                turned.indptr, turned.indices, turned.data,
                source, image, self._row[:, None], 0,
            )  # fmt: skip
            return found[::-1]
        graph, column = flow.transition, int(np.searchsorted(flow.labeled, source))
        if flow.far is not None:  # the table holds more than walks on T: no guide, but T = Tᵀ
            return strongest_path_from_both_ends(
                graph.indptr, graph.indices, graph.data, image, source, _MOST_SETTLED
            )
        table = np.asarray(flow.contributions)
        return strongest_path(graph.indptr, graph.indices, graph.data, image, source, table, column)


def _account(
    flow: LinearSystem, image: int, label: int, weights: _Weights, n_paths: int
) -> ClassAttribution:
    own, own_far, neighbors, by_neighbors = _by_neighbors(flow, image, label)
    brought = weights.of_labeled * flow.source[flow.labeled, label]
    opinion, far = flow.others(np.array([image]), label, brought.sum()[None])
    total = max(float(brought.sum() + opinion[0] + far[0]), 1e-300)
    order = np.argsort(-brought, kind="stable")
    order = order[brought[order] > _LEAST * total]
    sources = flow.labeled[order]
    paths = (_weighed(flow, weights.path_to(int(source))) for source in sources[:n_paths])
    scores = flow.scores[image]
    return ClassAttribution(
        label=label,
        probability=float(scores[label] / scores.sum()),
        own=own,
        own_far=own_far,
        neighbors=neighbors,
        neighbor_shares=by_neighbors,
        sources=sources,
        source_shares=brought[order] / total,
        opinion=float(opinion[0] / total),
        far=float(far[0] / total),
        paths=tuple(path for path in paths if len(path.images)),
    )


def _by_neighbors(
    flow: LinearSystem, image: int, label: int
) -> tuple[float, float, Indices, NDArray[np.float64]]:
    graph = flow.transition
    edges = slice(graph.indptr[image], graph.indptr[image + 1])
    near = graph.indices[edges].astype(np.int64)
    brought = graph.data[edges] * flow.scores[near, label]
    own = float(flow.source[image, label])
    total = max(own + brought.sum(), 1e-300)
    far = 0.0
    if flow.far is not None and flow.labels[image] == UNLABELED:
        said = flow.far.opinions[:, label]
        far = own - min(max(float(said[image] - graph.data[edges] @ said[near]), 0.0), own)
    order = np.argsort(-brought, kind="stable")
    return (own - far) / total, far / total, near[order], brought[order] / total


def _weighed(flow: LinearSystem, images: Indices) -> Path:
    graph, weights = flow.transition, []
    for here, there in pairwise(images.tolist()):
        edges = slice(graph.indptr[here], graph.indptr[here + 1])
        weights.append(float(graph.data[edges][graph.indices[edges] == there].sum()))
    return Path(images, np.array(weights))
