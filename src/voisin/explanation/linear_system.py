"""Write the scores of a labeling as the solution of a linear system: F = T F + B.

An image's scores are a weighted sum of its neighbors' scores (T F) and its own row of B. Over
the whole graph, its scores are therefore a weighted sum of the rows of B: ``F = (I − T)⁻¹ B``. This
module must not know images, pages or files.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from voisin.labeling.consensus import PRIOR_PROPAGATION_ALPHA
from voisin.labeling.graph_only import GraphOnly, initial_scores_of, weigh_labels
from voisin.propagation.harmonic import Harmonic
from voisin.propagation.known_labels import read_labeled_nodes
from voisin.propagation.matrices import degrees_of, normalize_affinity
from voisin.propagation.result import reached_by_labels
from voisin.propagation.reweighted import ReweightedLaplace
from voisin.propagation.small_rows import refine_small_rows
from voisin.propagation.solvers import conjugate_gradients
from voisin.types import UNLABELED, Affinity, Indices, Labeling, Labels, Probabilities, Problem

# Relative residuals, chosen by hand so that shares are right to 1e-4 (`benchmarks.reasons`). The
# finer tolerance is for solutions that are divided by their row sums, which may be small.
_TOL, _FINE_TOL = 1e-8, 1e-10
_MAX_ITER = 10_000  # a safeguard, chosen by hand: far more than any graph needed so far
_ROUNDING = 1e-4  # share of a score, chosen by hand: less is noise, since contributions are float32
_LEAST_SUM = 1e-30  # chosen by hand: one over a smaller one may be more than float32 holds
_COLUMNS = 32  # columns solved at a time, chosen by hand: more take more memory, but fewer passes


@dataclass(frozen=True, eq=False)
class PriorPropagation:
    """The prior propagation term: the part of B that comes from labels propagated before.

    The default method propagates twice. It first propagates the labels with an alpha near 1; the
    result, mixed with the classifier's probabilities, becomes B of the images without label. Then
    it propagates B. So row k of B gets ``total · R_kl v_l / Σ_m R_km v_m`` from labeled image l,
    for the class of l, with ``R = (I − alpha_ratio · T)⁻¹``. The row sums are taken as constants.

    Attributes
    ----------
    alpha_ratio : float
        Alpha of the prior propagation, divided by the alpha of T.
    total : float
        Sum over the classes of the prior propagation term in each row of B without label.
    label_weights : array of shape (n_labeled,)
        v: weights of the labeled images, in the order of their positions.
    row_sums : array of shape (n_samples,)
        ``Σ_m R_km v_m``; 0 where no label reaches the image, or hardly any.
    classifier_scores : array of shape (n_samples, n_classes)
        Part of the scores that comes from the classifier's probabilities alone.
    """

    alpha_ratio: float
    total: float
    label_weights: NDArray[np.float64]
    row_sums: NDArray[np.float64]
    classifier_scores: NDArray[np.floating]

    def row_factors(
        self, labeled: Indices, row_sums: NDArray[np.floating] | None = None
    ) -> NDArray[np.float64]:
        """Divide `total` by each image's row sum; 0 for labeled and for unreached images.

        Examples
        --------
        >>> prior = PriorPropagation(2.0, 0.3, np.ones(1), np.array([3.0, 1, 0]), np.zeros((3, 2)))
        >>> prior.row_factors(np.array([0])).tolist()
        [0.0, 0.3, 0.0]
        """
        sums = self.row_sums if row_sums is None else row_sums
        factors = np.divide(self.total, sums, where=sums > 0, out=np.zeros(len(sums)))
        factors[labeled] = 0
        return factors


@dataclass(frozen=True, eq=False)
class LinearSystem:
    """A labeling in the form ``F = T F + B``, so that its scores can be attributed.

    Attributes
    ----------
    transition : sparse array of shape (n_samples, n_samples)
        T, non-negative. The row of an image is empty if it has no neighbors, or if its label is
        fixed.
    scale : array of shape (n_samples,)
        ``d`` with ``d_i T_ij = d_j T_ji`` wherever neither row is empty.
    right_hand_side : array of shape (n_samples, n_classes)
        B: labels times their weights. With some methods, rows of images without label are not 0:
        they hold the classifier's probabilities and the prior propagation term.
    labels : array of shape (n_samples,)
        The given labels; -1 for an image without one.
    scores : array of shape (n_samples, n_classes)
        F; rows divided by their sums are the probabilities.
    contributions : array of shape (n_samples, n_labeled), optional
        Contribution of each labeled image, by position, to the scores of every image, in units of
        its row of B: columns of ``(I − T)⁻¹``, plus the contribution by `prior_propagation`. None
        until `with_contributions` computes it.
    prior_propagation : PriorPropagation, optional
        The part of B that comes from labels; None if the method propagates only once.
    """

    transition: sparse.csr_array
    scale: NDArray[np.float64]
    right_hand_side: Probabilities
    labels: Labels
    scores: Probabilities
    contributions: NDArray[np.floating] | None = None
    prior_propagation: PriorPropagation | None = None

    @cached_property
    def labeled(self) -> Indices:
        """Positions of the labeled images, ascending."""
        return np.flatnonzero(self.labels != UNLABELED)

    @cached_property
    def has_remainder(self) -> bool:
        """Whether rows of B without label are not all 0."""
        return bool(self.right_hand_side[self.labels == UNLABELED].any())

    @cached_property
    def transposed(self) -> sparse.csr_array:
        """The transpose of T."""
        return self.transition.T.tocsr()

    def solve(
        self, right_hand_side: NDArray[np.float64], *, tol: float = _TOL
    ) -> NDArray[np.float64]:
        """Solve ``X = T X + B`` for another B of shape (n_samples, n_columns).

        Examples
        --------
        >>> pair = sparse.csr_array([[0.0, 1], [1, 0]])
        >>> system = spreading_system(pair, np.array([[1.0, 0], [0, 0]]), 0.5, np.array([0, -1]))
        >>> system.solve(np.array([[1.0], [0]])).round(6)
        array([[1.333333],
               [0.666667]])
        """
        free = self._equation[0]
        known = right_hand_side[~free]
        right = right_hand_side[free] + self.transition[free][:, ~free] @ known
        values = right_hand_side.astype(np.float64, copy=True)
        values[free] = self._solve_free(self.scale[free, None] * right, tol)
        return values

    def solve_row(self, image: int) -> NDArray[np.float64]:
        """Return row `image` of ``(I − T)⁻¹``: the weights of the rows of B in the image's scores.

        The error of a class's score is at most ``tol · |F_c|``; with the chosen tolerance, this
        is a millionth of the image's largest score.
        """
        unit = np.zeros((self.transition.shape[0], 1))
        unit[image] = 1
        free = self._equation[0]
        if not free[image]:
            return unit[:, 0]
        best = self.scores[image].argmax()
        share = self.scores[image, best] / max(np.linalg.norm(self.scores[:, best]), 1e-300)
        tol = float(np.clip(1e-6 * share, 1e-14, 1e-6))
        row = np.zeros(len(free))
        row[free] = self.scale[free] * self._solve_free(unit[free], tol)[:, 0]
        row[~free] = self.transition[:, ~free].T @ row
        return np.maximum(row, 0)

    def _solve_free(self, right: NDArray[np.float64], tol: float) -> NDArray[np.float64]:
        """Solve for the rows of T that are not empty, every row accurate by its own measure."""
        free, equation, transition = self._equation
        first = conjugate_gradients(equation, right, tol=tol, max_iter=_MAX_ITER)
        refined, levels = refine_small_rows(transition, self.scale[free], right, first, _MAX_ITER)
        return np.maximum(refined.values * np.exp(levels)[:, None], 0)

    def contributions_to(self, image: int, row: NDArray[np.float64] | None) -> NDArray[np.float64]:
        """Return the contributions of all labeled images to an image, in units of their rows of B.

        Parameters
        ----------
        image : int
        row : array of shape (n_samples,), optional
            The image's row of ``(I − T)⁻¹``; needed if `contributions` is None.
        """
        if row is None:
            assert self.contributions is not None
            return np.asarray(self.contributions[image], dtype=np.float64)
        direct, prior = row[self.labeled], self.prior_propagation
        if prior is None:
            return direct
        weighted = (row * prior.row_factors(self.labeled))[:, None]
        indirect = self._prior_system.solve(weighted, tol=_FINE_TOL)[self.labeled, 0]
        return np.asarray(direct + indirect * prior.label_weights / self._label_totals)

    def remainder(
        self, images: Indices, label: int, attributed: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the parts of images' scores that come from no labeled image.

        Parameters
        ----------
        images : array of shape (n_images,)
        label : int
            The class.
        attributed : array of shape (n_images,)
            Contribution of all labeled images together to the score of each image.

        Returns
        -------
        by_classifier : array of shape (n_images,)
            Part that comes from the classifier's probabilities.
        by_class_priors : array of shape (n_images,)
            Part of the class priors, which replace prior propagation where no label reaches.
        """
        zeros = np.zeros(len(images))
        if not self.has_remainder:
            return zeros, zeros
        scores = self.scores[images, label]
        if self.prior_propagation is None:
            return np.maximum(scores - attributed, 0), zeros
        classifier = self.prior_propagation.classifier_scores[images, label].astype(np.float64)
        parts = (classifier, scores - classifier - attributed)
        by_classifier, by_class_priors = (
            np.where(part > _ROUNDING * scores, part, 0) for part in parts
        )
        return by_classifier, by_class_priors

    def with_contributions(self) -> "LinearSystem":
        """Return the system with the contributions of all labeled images computed.

        This takes as long as propagating n_labeled classes (twice as long with prior
        propagation), and memory for n_samples · n_labeled float32 values. Afterwards,
        explanations only look values up.
        """
        blocks = np.array_split(np.arange(len(self.labeled)), -(-len(self.labeled) // _COLUMNS))
        table = self._prior_contributions(blocks)
        for block in blocks:
            right = table[:, block].astype(np.float64)
            right[self.labeled[block], np.arange(len(block))] += 1
            table[:, block] = self.solve(right)
        return replace(self, contributions=table)

    def _prior_contributions(self, blocks: list[Indices]) -> NDArray[np.float32]:
        """Return what prior propagation adds to B per labeled image, in units of its row of B."""
        table = np.zeros((len(self.labels), len(self.labeled)), dtype=np.float32)
        prior = self.prior_propagation
        if prior is None:
            return table
        for block in blocks:
            units = np.zeros((len(self.labels), len(block)))
            units[self.labeled[block], np.arange(len(block))] = 1
            table[:, block] = self._prior_system.solve(units) * prior.label_weights[block]
        sums = table.sum(axis=1, dtype=np.float64)
        sums[(prior.row_sums <= 0) | (sums < _LEAST_SUM)] = 0
        table *= prior.row_factors(self.labeled, sums).astype(np.float32)[:, None]
        table /= self._label_totals.astype(np.float32)
        return table

    @cached_property
    def _label_totals(self) -> NDArray[np.float64]:
        return self.right_hand_side[self.labeled].sum(axis=1)

    @cached_property
    def _prior_system(self) -> "LinearSystem":
        """The system of the prior propagation: the same graph with another alpha."""
        assert self.prior_propagation is not None
        return self.with_scaled_transition(self.prior_propagation.alpha_ratio)

    def with_scaled_transition(self, factor: float) -> "LinearSystem":
        """Return the system on the same graph with T multiplied by a factor."""
        graph = self.transition
        weights = sparse.csr_array(
            (factor * graph.data, graph.indices, graph.indptr), shape=graph.shape
        )
        return replace(self, transition=weights, contributions=None, prior_propagation=None)

    @cached_property
    def _equation(self) -> tuple[NDArray[np.bool_], sparse.csr_array, sparse.csr_array]:
        """Which rows of T are not empty, and ``diag(d) (I − T)`` and d T among these rows."""
        free = np.diff(self.transition.indptr) > 0
        diagonal = sparse.dia_array((self.scale[free][None], 0), shape=(free.sum(),) * 2)
        among = self.transition if free.all() else self.transition[free][:, free]
        scaled = sparse.csr_array(
            (among.data * np.repeat(self.scale[free], np.diff(among.indptr)), among.indices,
             among.indptr), shape=among.shape
        )  # fmt: skip
        return free, (diagonal - scaled).tocsr(), scaled


def spreading_system(
    affinity: Affinity, initial_scores: Probabilities, alpha: float, labels: Labels
) -> LinearSystem:
    """Write ``F = (1 − alpha) (I − alpha S)⁻¹ B₀`` as ``T = alpha S``, ``B = (1 − alpha) B₀``.

    Parameters
    ----------
    affinity : sparse array of shape (n_samples, n_samples)
    initial_scores : array of shape (n_samples, n_classes)
        B₀.
    alpha : float
    labels : array of shape (n_samples,)
        -1 for an image whose initial scores do not come from a label.
    """
    smoother = normalize_affinity(affinity)
    transition = sparse.csr_array(
        (alpha * smoother.data, smoother.indices, smoother.indptr), shape=smoother.shape
    )
    return _solved(transition, np.ones(len(labels)), (1 - alpha) * initial_scores, labels)


def harmonic_system(
    affinity: Affinity,
    labels: Labels,
    n_classes: int,
    sample_weight: NDArray[np.floating],
    shift: float = 0.0,
) -> LinearSystem:
    """Write harmonic functions as a random walk that ends at the first labeled image.

    T holds the shares of the neighbors, ``T_ij = W_ij w_j / (τ + Σ_j W_ij w_j)`` with τ, the shift
    of reweighted Laplace learning, and is empty at labeled images; B holds their labels.
    ``(I − T)⁻¹_il`` is the probability that the walk from i ends at l (Zhu, Ghahramani & Lafferty
    2003).
    """
    known = read_labeled_nodes(labels, len(labels), n_classes, sample_weight)
    multiplicity = np.ones(len(labels))
    multiplicity[known.rows] = known.weights
    walks = reached_by_labels(affinity, known) & ~known.is_labeled
    keep = sparse.dia_array((walks.astype(float)[None], 0), shape=affinity.shape)
    times = sparse.dia_array((multiplicity[None], 0), shape=affinity.shape)
    weights = (keep @ affinity.astype(np.float64) @ times).tocsr()
    weights.eliminate_zeros()
    degrees = degrees_of(weights) + shift
    share = np.divide(1, degrees, where=degrees > 0, out=np.zeros_like(degrees))
    weights.data *= np.repeat(share, np.diff(weights.indptr))
    return _solved(weights, degrees, known.scatter(known.targets), labels)


def linear_system_of(labeling: Labeling, problem: Problem) -> LinearSystem | None:
    """Write a labeling as a linear system; None if its scores solve no such system of the graph."""
    affinity, labels = problem.data.affinity, problem.labels
    if labeling.initial_scores is not None and labeling.alpha is not None:
        system = spreading_system(affinity, labeling.initial_scores, labeling.alpha, labels)
        if not labeling.prior_propagation_share:
            return system
        total = (1 - labeling.alpha) * labeling.prior_propagation_share
        return _with_prior_propagation(
            system, problem, PRIOR_PROPAGATION_ALPHA / labeling.alpha, total
        )
    method = labeling.method
    if isinstance(method, GraphOnly) and isinstance(method.method, Harmonic | ReweightedLaplace):
        weights, shift = weigh_labels(labels), 0.0
        if isinstance(method.method, ReweightedLaplace):
            known = read_labeled_nodes(labels, len(labels), problem.n_classes, weights)
            affinity, shift = method.method.reweight(affinity, known)
        system = harmonic_system(affinity, labels, problem.n_classes, weights, shift)
        priors = problem.class_priors
        if priors is None:
            return system
        return replace(
            system, right_hand_side=system.right_hand_side * priors, scores=system.scores * priors
        )
    return None


def _with_prior_propagation(
    system: LinearSystem, problem: Problem, alpha_ratio: float, total: float
) -> LinearSystem:
    """Split B of images without label into the classifier's part and the prior propagation term."""
    initial_scores = initial_scores_of(problem)
    weights = initial_scores.sum(axis=1)[system.labeled]
    prior_system = system.with_scaled_transition(alpha_ratio)
    propagated = prior_system.solve(initial_scores, tol=_FINE_TOL)
    sums = propagated.sum(axis=1)
    reached = sums > 0
    propagated[reached] /= sums[reached, None]
    propagated[~reached] = initial_scores.sum(axis=0) / initial_scores.sum()
    classifier = np.maximum(system.right_hand_side - total * propagated, 0)
    classifier[system.labeled] = 0
    scores = system.solve(classifier).astype(np.float32)
    prior = PriorPropagation(alpha_ratio, total, weights, sums, scores)
    return replace(system, prior_propagation=prior)


def _solved(
    transition: sparse.csr_array,
    scale: NDArray[np.float64],
    right_hand_side: Probabilities,
    labels: Labels,
) -> LinearSystem:
    system = LinearSystem(transition, scale, right_hand_side, labels, right_hand_side)
    return replace(system, scores=system.solve(right_hand_side))
