"""Poisson-reweighted Laplace learning: edges near the labels get larger weights.

Miller & Calder, "Poisson reweighted Laplacian uncertainty sampling for graph-based active
learning", 2023.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from voisin.neighbors.graph import find_components
from voisin.propagation.harmonic import solve_clamped
from voisin.propagation.known_labels import (
    ClassPriors,
    LabeledNodes,
    check_class_priors,
    read_labeled_nodes,
)
from voisin.propagation.matrices import Solution, degrees_of
from voisin.propagation.poisson import solve_poisson
from voisin.propagation.result import to_propagation
from voisin.types import Affinity, Labels, Probabilities, Propagation
from voisin.validation import check_affinity, check_at_least, check_count

# Share of the largest γ that is added to each γ, so that no edge gets weight 0. The authors' code
# (graphlearning, `reweight`) adds 1e-5; a share does not depend on the scale of the weights.
_GAMMA_FLOOR = 1e-5


@dataclass(frozen=True)
class ReweightedLaplace:
    """Reweight edges by a flow from the labels, and shrink scores far from all labels to zero.

    ``L γ = Σ_j (δ_j − 1/n)``, ``γ ← γ − min γ + 1e-5 max γ``, ``W' = diag(γ) W diag(γ)``; then
    ``(τ I + L'_uu) U = W'_ul Y``, with τ = ``shift`` times the mean degree of ``W'``. Before
    normalization, a row's sum is below 1: the smaller it is, the less explored is the image.

    Parameters
    ----------
    shift : float, default=0.001
        Strength of the shrinkage to zero; 0 for plain reweighted Laplace learning.
    class_priors : "labels", "uniform" or sequence of float, default="labels"
        Probabilities of an image that no label reaches.
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
        labeled_nodes = read_labeled_nodes(labels, affinity.shape[0], n_classes, sample_weight)
        solution, _ = self._solve(affinity, labeled_nodes)
        return to_propagation(solution.values, affinity, labeled_nodes, self.class_priors, solution)

    def scores(
        self, affinity: Affinity, labels: Labels | Probabilities, *, n_classes: int | None = None
    ) -> NDArray[np.floating]:
        """Return U before its rows are normalized; rows that no label reaches are zero.

        Returns
        -------
        array of shape (n_samples, n_classes)
        """
        affinity = check_affinity(affinity)
        labeled_nodes = read_labeled_nodes(labels, affinity.shape[0], n_classes)
        solution, levels = self._solve(affinity, labeled_nodes)
        return np.asarray(solution.values * np.exp(levels)[:, None])

    def _solve(
        self, affinity: Affinity, labeled_nodes: LabeledNodes
    ) -> tuple[Solution, NDArray[np.float64]]:
        """Solve for U on the reweighted graph; its rows hold up to factors."""
        reweighted, shift = self.reweight(affinity, labeled_nodes)
        return solve_clamped(
            reweighted, labeled_nodes, shift=shift, tol=self.tol, max_iter=self.max_iter
        )

    def reweight(self, affinity: Affinity, labeled_nodes: LabeledNodes) -> tuple[Affinity, float]:
        """Compute ``W'`` and τ; the flow into a component leaves evenly at all of its images."""
        components = find_components(affinity)
        n_components, component = len(components.sizes), components.of_sample
        inflow = labeled_nodes.scatter(labeled_nodes.weights[:, None])[:, 0]
        outflow = np.bincount(component, weights=inflow, minlength=n_components) / components.sizes
        sources = (inflow - outflow[component])[:, None]
        potential = solve_poisson(affinity, components, sources, self.tol, self.max_iter).values
        lowest = np.full(n_components, np.inf)
        np.minimum.at(lowest, component, potential[:, 0])
        gamma = potential[:, 0] - lowest[component]
        gamma += _GAMMA_FLOOR * gamma.max() if gamma.max() > 0 else 1
        diagonal = sparse.dia_array((gamma[None], 0), shape=affinity.shape)
        reweighted = (diagonal @ affinity.astype(np.float64) @ diagonal).tocsr()
        return reweighted, self.shift * float(degrees_of(reweighted).mean())
