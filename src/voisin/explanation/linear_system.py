"""Where the scores of a labeling come from, as one equation: F = T F + B.

Every image's scores are a weighted sum of its neighbors' scores and of what it brings along
itself; so they are, through the whole graph, a weighted sum of what the sources bring:
``F = (I − T)⁻¹ B``. It knows graphs and labels, not images.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from voisin.errors import InputError
from voisin.explanation.prior_propagation import PriorPropagation
from voisin.labeling.consensus import PRIOR_PROPAGATION_ALPHA
from voisin.labeling.graph_only import GraphOnly, initial_scores_of, weigh_labels
from voisin.labeling.registry import name_of
from voisin.propagation.gradients import conjugate_gradients
from voisin.propagation.harmonic import Harmonic
from voisin.propagation.known_labels import read_labeled_nodes
from voisin.propagation.matrices import degrees_of, normalize_affinity
from voisin.propagation.result import reached_by_labels
from voisin.types import UNLABELED, Affinity, Indices, Labeling, Labels, Probabilities, Problem

_TOL, _FINE, _MAX_ITER = 1e-8, 1e-10, 10_000
_NOTHING = 1e-4  # of a score: what is left of it by rounding
_HARDLY = 1e-8  # of the labels' weights: what arrives is rounding
_COLUMNS = 32


@dataclass(frozen=True, eq=False)
class LinearSystem:
    """A labeling in the form ``F = T F + B``, which can be taken apart.

    Attributes
    ----------
    transition : sparse array of shape (n_samples, n_samples)
        T, non-negative; the row of an image that keeps its label whatever its neighbors say, or
        that has no neighbors, is empty.
    scale : array of shape (n_samples,)
        ``d`` with ``d_i T_ij = d_j T_ji`` wherever neither row is empty.
    source : array of shape (n_samples, n_classes)
        B: labels times their weights, and what images without label bring where the method lets
        them: a classifier's opinions, labels that were spread far.
    labels : array of shape (n_samples,)
        The labels that were given, -1 elsewhere: they tell labels from opinions in B.
    scores : array of shape (n_samples, n_classes)
        F; rows divided by their sums are the probabilities.
    contributions : array of shape (n_samples, n_labeled), optional
        What each labeled image, ascending, counts for every image, where that was computed:
        columns of ``(I − T)⁻¹``, and what comes by way of `far` in the same unit.
    far : PriorPropagation, optional
        Which part of what images without label bring was spread to them from labels.
    """

    transition: sparse.csr_array
    scale: NDArray[np.float64]
    source: Probabilities
    labels: Labels
    scores: Probabilities
    contributions: NDArray[np.floating] | None = None
    far: PriorPropagation | None = None

    @cached_property
    def labeled(self) -> Indices:
        """Positions of the labeled images, ascending."""
        return np.flatnonzero(self.labels != UNLABELED)

    @cached_property
    def has_opinions(self) -> bool:
        """Whether images without a label bring something along, too."""
        return bool(self.source[self.labels == UNLABELED].any())

    @cached_property
    def backward(self) -> sparse.csr_array:
        """T with its edges turned around."""
        return self.transition.T.tocsr()

    def row(self, image: int) -> NDArray[np.float64]:
        """Return row `image` of ``(I − T)⁻¹``: what each source counts for it.

        The error of a class's score is at most ``tol · |F_c|``; the tolerance is chosen so that
        this is a millionth of the image's own largest score.
        """
        unit = np.zeros((self.transition.shape[0], 1))
        unit[image] = 1
        free, equation = self._equation
        if not free[image]:
            return unit[:, 0]
        best = self.scores[image].argmax()
        share = self.scores[image, best] / max(np.linalg.norm(self.scores[:, best]), 1e-300)
        tol = float(np.clip(1e-6 * share, 1e-14, 1e-6))
        found = conjugate_gradients(equation, unit[free], tol=tol, max_iter=_MAX_ITER)
        row = np.zeros(len(free))
        row[free] = self.scale[free] * found.values[:, 0]
        row[~free] = self.transition[:, ~free].T @ row
        return np.maximum(row, 0)

    def credit(self, row: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what each labeled image counts, from a row of ``(I − T)⁻¹``."""
        direct = row[self.labeled]
        if self.far is None:
            return direct
        through = (row * self.far.per_weight(self.labeled))[:, None]
        came = solve_system(self.far_away, through, tol=_FINE)[self.labeled, 0]
        return np.asarray(direct + came * self.far.weights / self._of_labels)

    def others(
        self, images: Indices, label: int, labeled: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what comes to images' scores from elsewhere than the labeled images.

        Parameters
        ----------
        images : array of shape (n_images,)
        label : int
            The class.
        labeled : array of shape (n_images,)
            What the labeled images bring to it.

        Returns
        -------
        opinions : array of shape (n_images,)
            A classifier's.
        far : array of shape (n_images,)
            Far spreading from no label in particular: class shares, where no label reaches.
        """
        nothing = np.zeros(len(images))
        if not self.has_opinions:
            return nothing, nothing
        scores = self.scores[images, label]
        if self.far is None:
            return np.maximum(scores - labeled, 0), nothing
        opinions = self.far.opinions[images, label].astype(np.float64)
        parts = (opinions, scores - opinions - labeled)
        by_opinions, far = (np.where(part > _NOTHING * scores, part, 0) for part in parts)
        return by_opinions, far

    def with_contributions(self) -> "LinearSystem":
        """Return the flow with the columns of all labeled images solved.

        Costs as much as spreading as many classes as there are labels (where labels were spread
        far before, that too), and as much memory as their number times that of the images, in
        float32; then an explanation is a look-up.
        """
        blocks = np.array_split(np.arange(len(self.labeled)), -(-len(self.labeled) // _COLUMNS))
        table = self._far_columns(blocks)
        for block in blocks:
            right = table[:, block].astype(np.float64)
            right[self.labeled[block], np.arange(len(block))] += 1
            table[:, block] = solve_system(self, right)
        return replace(self, contributions=table)

    def _far_columns(self, blocks: list[Indices]) -> NDArray[np.float32]:
        """Return what images without label bring from each labeled one, in its unit."""
        table = np.zeros((len(self.labels), len(self.labeled)), dtype=np.float32)
        if self.far is None:
            return table
        for block in blocks:
            units = np.zeros((len(self.labels), len(block)))
            units[self.labeled[block], np.arange(len(block))] = 1
            table[:, block] = solve_system(self.far_away, units) * self.far.weights[block]
        sums = table.sum(axis=1, dtype=np.float64)
        sums[self.far.sums <= 0] = 0
        table *= self.far.per_weight(self.labeled, sums).astype(np.float32)[:, None]
        table /= self._of_labels.astype(np.float32)
        return table

    @cached_property
    def _of_labels(self) -> NDArray[np.float64]:
        return self.source[self.labeled].sum(axis=1)

    @cached_property
    def far_away(self) -> "LinearSystem":
        """The same graph, its weights stretched as the far spreading has them."""
        assert self.far is not None
        return self.stretched(self.far.stretch)

    def stretched(self, factor: float) -> "LinearSystem":
        """Return the flow on the same graph with all weights of T times a factor."""
        graph = self.transition
        weights = sparse.csr_array(
            (factor * graph.data, graph.indices, graph.indptr), shape=graph.shape
        )
        return replace(self, transition=weights, contributions=None, far=None)

    @cached_property
    def _equation(self) -> tuple[NDArray[np.bool_], sparse.csr_array]:
        """Which images have neighbors to ask, and ``diag(d) (I − T)`` among them."""
        free = np.diff(self.transition.indptr) > 0
        diagonal = sparse.dia_array((self.scale[free][None], 0), shape=(free.sum(),) * 2)
        among = self.transition if free.all() else self.transition[free][:, free]
        weighed = sparse.csr_array(
            (among.data * np.repeat(self.scale[free], np.diff(among.indptr)), among.indices,
             among.indptr), shape=among.shape
        )  # fmt: skip
        return free, (diagonal - weighed).tocsr()


def solve_system(
    flow: LinearSystem, source: NDArray[np.float64], *, tol: float = _TOL
) -> NDArray[np.float64]:
    """Solve ``X = T X + B`` for other sources B of shape (n_samples, n_columns).

    Examples
    --------
    >>> from scipy import sparse
    >>> pair = sparse.csr_array([[0.0, 1], [1, 0]])
    >>> flow = spreading_system(pair, np.array([[1.0, 0], [0, 0]]), 0.5, np.array([0, -1]))
    >>> solve_system(flow, np.array([[1.0], [0]])).round(6)
    array([[1.333333],
           [0.666667]])
    """
    free, equation = flow._equation
    right = source[free] + flow.transition[free][:, ~free] @ source[~free]
    found = conjugate_gradients(
        equation, flow.scale[free, None] * right, tol=tol, max_iter=_MAX_ITER
    )
    values = source.astype(np.float64, copy=True)
    values[free] = np.maximum(found.values, 0)
    return values


def spreading_system(
    affinity: Affinity, start: Probabilities, alpha: float, labels: Labels
) -> LinearSystem:
    """Write ``F = (1 − alpha) (I − alpha S)⁻¹ B₀`` as ``T = alpha S``, ``B = (1 − alpha) B₀``.

    Parameters
    ----------
    affinity : sparse array of shape (n_samples, n_samples)
    start : array of shape (n_samples, n_classes)
        B₀.
    alpha : float
    labels : array of shape (n_samples,)
        -1 where the start is an opinion, not a label.
    """
    smoother = normalize_affinity(affinity)
    transition = sparse.csr_array(
        (alpha * smoother.data, smoother.indices, smoother.indptr), shape=smoother.shape
    )
    return _solved(transition, np.ones(len(labels)), (1 - alpha) * start, labels)


def harmonic_system(
    affinity: Affinity, labels: Labels, n_classes: int, sample_weight: NDArray[np.floating]
) -> LinearSystem:
    """Write harmonic functions as a walk that ends at the first labeled image it meets.

    T holds the shares of the neighbors, ``T_ij = W_ij w_j / Σ_j W_ij w_j``, and is empty at labeled
    images; B holds their labels. ``(I − T)⁻¹_il`` is the probability that the walk from i ends at l
    (Zhu, Ghahramani & Lafferty 2003).
    """
    evidence = read_labeled_nodes(labels, len(labels), n_classes, sample_weight)
    multiplicity = np.ones(len(labels))
    multiplicity[evidence.rows] = evidence.weights
    walks = reached_by_labels(affinity, evidence) & ~evidence.is_labeled
    keep = sparse.dia_array((walks.astype(float)[None], 0), shape=affinity.shape)
    times = sparse.dia_array((multiplicity[None], 0), shape=affinity.shape)
    weights = (keep @ affinity.astype(np.float64) @ times).tocsr()
    weights.eliminate_zeros()
    degrees = degrees_of(weights)
    share = np.divide(1, degrees, where=degrees > 0, out=np.zeros_like(degrees))
    weights.data *= np.repeat(share, np.diff(weights.indptr))
    return _solved(weights, degrees, evidence.spread_out(evidence.targets), labels)


def linear_system_of(labeling: Labeling, problem: Problem) -> LinearSystem:
    """Write a labeling as a flow.

    Raises
    ------
    InputError
        If its method is not of this form.
    """
    affinity, labels = problem.data.affinity, problem.labels
    if labeling.start is not None and labeling.alpha is not None:
        flow = spreading_system(affinity, labeling.start, labeling.alpha, labels)
        return _with_far(flow, problem, labeling.prior_propagation_share, labeling.alpha)
    method = labeling.method
    if isinstance(method, GraphOnly) and isinstance(method.method, Harmonic):
        flow = harmonic_system(affinity, labels, problem.n_classes, weigh_labels(labels))
        shares = problem.class_priors
        if shares is None:
            return flow
        return replace(flow, source=flow.source * shares, scores=flow.scores * shares)
    message = (
        f"The scores of {name_of(method)} are no weighted sum of the labels, so they cannot be "
        "taken apart into shares: consensus, smoothed-classifier, correct-and-smooth, spreading "
        "and harmonic can."
    )
    raise InputError(message)


def _with_far(flow: LinearSystem, problem: Problem, share: float, alpha: float) -> LinearSystem:
    """Part what images without label bring into the classifier's and what labels far away sent."""
    if not share:
        return flow
    stretch, amount, labels = (
        PRIOR_PROPAGATION_ALPHA / alpha,
        (1 - alpha) * share,
        initial_scores_of(problem),
    )
    weights = labels.sum(axis=1)[flow.labeled]
    spread = solve_system(flow.stretched(stretch), labels, tol=_FINE)
    sums = spread.sum(axis=1)
    sums[sums <= _HARDLY * np.linalg.norm(weights)] = 0
    reached = sums > 0
    spread[reached] /= sums[reached, None]
    spread[~reached] = labels.sum(axis=0) / labels.sum()
    opinions = np.maximum(flow.source - amount * spread, 0)
    opinions[flow.labeled] = 0
    opinions = solve_system(flow, opinions).astype(np.float32)
    return replace(flow, far=PriorPropagation(stretch, amount, weights, sums, opinions))


def _solved(
    transition: sparse.csr_array,
    scale: NDArray[np.float64],
    source: Probabilities,
    labels: Labels,
) -> LinearSystem:
    flow = LinearSystem(transition, scale, source, labels, source)
    return replace(flow, scores=solve_system(flow, source))
