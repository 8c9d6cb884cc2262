"""Poisson-reweighted Laplace learning: edges count more near the labels.

Miller & Calder, "Poisson reweighted Laplacian uncertainty sampling for graph-based active
learning", 2023.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from voisin.neighbors.graph import find_components
from voisin.propagation.gradients import conjugate_gradients
from voisin.propagation.harmonic import clamped_equation
from voisin.propagation.known_labels import (
    ClassPriors,
    LabeledNodes,
    check_class_priors,
    read_labeled_nodes,
)
from voisin.propagation.matrices import degrees_of
from voisin.propagation.poisson import poisson_scores
from voisin.propagation.result import to_propagation
from voisin.propagation.solvers import Solution
from voisin.types import Affinity, Labels, Probabilities, Propagation
from voisin.validation import check_affinity, check_at_least, check_count

_FLOOR = 1e-5


@dataclass(frozen=True)
class ReweightedLaplace:
    """Weigh edges by a flow from the labels, and pull what is far from all of them to zero.

    ``L γ = Σ_j (δ_j − 1/n)``, ``γ ← γ − min γ + 1e-5 max γ``, ``W' = diag(γ) W diag(γ)``; then
    ``(τ I + L'_uu) U = W'_ul Y``, with τ = ``shift`` times the mean degree of ``W'``. Before it
    is normalized, a row's sum is below 1: the smaller, the less explored the image.

    Parameters
    ----------
    shift : float, default=0.001
        0 for plain reweighted Laplace learning.
    class_priors : "labels", "uniform" or sequence of float, default="labels"
        What an image gets that no label reaches.
    tol : float, default=1e-6
    max_iter : int, default=1000

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> path = sparse.csr_array([[0.0, 3, 0], [3, 0, 1], [0, 1, 0]])
    >>> ReweightedLaplace().propagate(path, np.array([0, -1, 1])).labels
    array([0, 0, 1])
    """

    shift: float = 1e-3
    class_priors: ClassPriors = "labels"
    tol: float = 1e-6
    max_iter: int = 1_000

    def __post_init__(self) -> None:
        check_at_least("shift", self.shift, 0)
        check_class_priors(self.class_priors)
        check_count("max_iter", self.max_iter, 1)
        check_at_least("tol", self.tol, 0)

    def propagate(
        self,
        affinity: Affinity,
        labels: Labels | Probabilities,
        *,
        n_classes: int | None = None,
        sample_weight: NDArray[np.floating] | None = None,
    ) -> Propagation:
        """Give every image a distribution over the classes; see `LabelSpreading.propagate`."""
        affinity = check_affinity(affinity)
        evidence, found = self._solve(affinity, labels, n_classes, sample_weight)
        return to_propagation(found.values, affinity, evidence, self.class_priors, found)

    def scores(
        self, affinity: Affinity, labels: Labels | Probabilities, *, n_classes: int | None = None
    ) -> NDArray[np.floating]:
        """Return U before its rows are normalized; zeros where no label reaches.

        Returns
        -------
        array of shape (n_samples, n_classes)
        """
        return self._solve(check_affinity(affinity), labels, n_classes, None)[1].values

    def _solve(
        self,
        affinity: Affinity,
        labels: Labels | Probabilities,
        n_classes: int | None,
        sample_weight: NDArray[np.floating] | None,
    ) -> tuple[LabeledNodes, Solution]:
        evidence = read_labeled_nodes(labels, affinity.shape[0], n_classes, sample_weight)
        weighted = self._reweigh(affinity, evidence)
        shift = self.shift * float(degrees_of(weighted).mean())
        asked, matrix, right = clamped_equation(weighted, evidence, shift)
        found = conjugate_gradients(matrix, right, tol=self.tol, max_iter=self.max_iter)
        scores = evidence.spread_out(evidence.targets)
        scores[asked] = found.values
        return evidence, replace(found, values=scores)

    def _reweigh(self, affinity: Affinity, evidence: LabeledNodes) -> Affinity:
        """Compute ``W'``; what flows into a component flows out all over it."""
        components = find_components(affinity)
        count, component = len(components.sizes), components.of_sample
        inflow = evidence.spread_out(evidence.weights[:, None])[:, 0]
        outflow = np.bincount(component, weights=inflow, minlength=count) / components.sizes
        sources = (inflow - outflow[component])[:, None]
        flow = poisson_scores(affinity, components, sources, self.tol, self.max_iter)
        lowest = np.full(count, np.inf)
        np.minimum.at(lowest, component, flow.values[:, 0])
        gamma = flow.values[:, 0] - lowest[component]
        gamma += _FLOOR * gamma.max() if gamma.max() > 0 else 1
        diagonal = sparse.dia_array((gamma[None], 0), shape=affinity.shape)
        return (diagonal @ affinity.astype(np.float64) @ diagonal).tocsr()
