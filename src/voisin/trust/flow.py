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
from voisin.labeling.graph_only import GraphOnly, even_weights
from voisin.propagation import Harmonic
from voisin.propagation.evidence import gather_evidence
from voisin.propagation.gradients import conjugate_gradients
from voisin.propagation.matrices import degrees_of, normalize
from voisin.propagation.outcome import reached_by_labels
from voisin.types import UNLABELED, Affinity, Indices, Labeling, Labels, Probabilities, Problem

_TOL, _MAX_ITER = 1e-8, 10_000
_COLUMNS = 32


@dataclass(frozen=True, eq=False)
class Flow:
    """A labeling in the form ``F = T F + B``, which can be taken apart.

    Attributes
    ----------
    transition : sparse array of shape (n_samples, n_samples)
        T, non-negative; the row of an image that keeps its label whatever its neighbors say, or
        that has no neighbors, is empty.
    scale : array of shape (n_samples,)
        ``d`` with ``d_i T_ij = d_j T_ji`` wherever neither row is empty.
    source : array of shape (n_samples, n_classes)
        B: labels times their weights, and a classifier's opinions where the method has one.
    labels : array of shape (n_samples,)
        The labels that were given, -1 elsewhere: they tell labels from opinions in B.
    scores : array of shape (n_samples, n_classes)
        F; rows divided by their sums are the probabilities.
    contributions : array of shape (n_samples, n_labeled), optional
        Columns of ``(I − T)⁻¹`` for the labeled images, ascending, where they were computed.
    """

    transition: sparse.csr_array
    scale: NDArray[np.float64]
    source: Probabilities
    labels: Labels
    scores: Probabilities
    contributions: NDArray[np.floating] | None = None

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

    def with_contributions(self) -> "Flow":
        """Return the flow with the columns of all labeled images solved.

        Costs as much as spreading as many classes as there are labels, and as much memory as
        their number times that of the images, in float32; then an explanation is a look-up.
        """
        parts = [self._columns(block) for block in np.array_split(self.labeled, self._n_blocks)]
        return replace(self, contributions=np.hstack(parts))

    @property
    def _n_blocks(self) -> int:
        return -(-len(self.labeled) // _COLUMNS)

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

    def _columns(self, images: Indices) -> NDArray[np.float32]:
        units = np.zeros((self.transition.shape[0], len(images)))
        units[images, np.arange(len(images))] = 1
        return solve(self, units).astype(np.float32)


def solve(flow: Flow, source: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve ``X = T X + B`` for other sources B of shape (n_samples, n_columns).

    Examples
    --------
    >>> from scipy import sparse
    >>> pair = sparse.csr_array([[0.0, 1], [1, 0]])
    >>> flow = spreading_flow(pair, np.array([[1.0, 0], [0, 0]]), 0.5, np.array([0, -1]))
    >>> solve(flow, np.array([[1.0], [0]])).round(6)
    array([[1.333333],
           [0.666667]])
    """
    free, equation = flow._equation
    right = source[free] + flow.transition[free][:, ~free] @ source[~free]
    found = conjugate_gradients(
        equation, flow.scale[free, None] * right, tol=_TOL, max_iter=_MAX_ITER
    )
    values = source.astype(np.float64, copy=True)
    values[free] = np.maximum(found.values, 0)
    return values


def spreading_flow(affinity: Affinity, start: Probabilities, alpha: float, labels: Labels) -> Flow:
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
    smoother = normalize(affinity)
    transition = sparse.csr_array(
        (alpha * smoother.data, smoother.indices, smoother.indptr), shape=smoother.shape
    )
    return _solved(transition, np.ones(len(labels)), (1 - alpha) * start, labels)


def harmonic_flow(
    affinity: Affinity, labels: Labels, n_classes: int, sample_weight: NDArray[np.floating]
) -> Flow:
    """Write harmonic functions as a walk that ends at the first labeled image it meets.

    T holds the shares of the neighbors, ``T_ij = W_ij w_j / Σ_j W_ij w_j``, and is empty at labeled
    images; B holds their labels. ``(I − T)⁻¹_il`` is the probability that the walk from i ends at l
    (Zhu, Ghahramani & Lafferty 2003).
    """
    evidence = gather_evidence(labels, len(labels), n_classes, sample_weight)
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


def flow_of(labeling: Labeling, problem: Problem) -> Flow:
    """Write a labeling as a flow.

    Raises
    ------
    InputError
        If its method is not of this form.
    """
    affinity, labels = problem.view.affinity, problem.labels
    if labeling.start is not None and labeling.alpha is not None:
        return spreading_flow(affinity, labeling.start, labeling.alpha, labels)
    method = labeling.method
    if isinstance(method, GraphOnly) and isinstance(method.method, Harmonic):
        flow = harmonic_flow(affinity, labels, problem.n_classes, even_weights(labels))
        shares = problem.class_shares
        if shares is None:
            return flow
        return replace(flow, source=flow.source * shares, scores=flow.scores * shares)
    name = type(method.method if isinstance(method, GraphOnly) else method).__name__
    message = (
        f"The scores of {name} are no weighted sum of the labels, so they cannot be taken apart "
        "into shares: auto, consensus, smoothed-classifier, correct-and-smooth, spreading and "
        "harmonic can."
    )
    raise InputError(message)


def _solved(
    transition: sparse.csr_array,
    scale: NDArray[np.float64],
    source: Probabilities,
    labels: Labels,
) -> Flow:
    flow = Flow(transition, scale, source, labels, source)
    return replace(flow, scores=solve(flow, source))
