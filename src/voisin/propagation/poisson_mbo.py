"""Poisson MBO: diffusion from the labels and decisions of known shares, in turn.

Calder, Cook, Thorpe & Slepčev 2020, algorithm 2 (Merriman, Bence & Osher 1992 for the scheme).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from voisin.neighbors.graph import find_components, order_nodes, reorder_matrix
from voisin.propagation.class_priors import rebalance
from voisin.propagation.class_quotas import quota_weights
from voisin.propagation.known_labels import (
    ClassPriors,
    check_class_priors,
    expected_priors,
    read_labeled_nodes,
)
from voisin.propagation.matrices import degrees_of, laplacian
from voisin.propagation.poisson import Poisson, label_sources
from voisin.propagation.result import reached_by_labels, rows_to_one, to_propagation
from voisin.propagation.solvers import Solution, repeat
from voisin.types import Affinity, Labels, Probabilities, Propagation
from voisin.validation import check_affinity, check_at_least, check_count


@dataclass(frozen=True)
class PoissonMBO:
    """Start from Poisson learning; diffuse, decide with the class shares, and repeat.

    ``n_rounds`` times: ``n_steps`` steps of ``U ← U − dt (L U − fidelity · B)`` from the last
    decisions, ``B`` the sources of Poisson learning and ``dt = 1 / max degree``; then decisions
    by ``U − min U`` that give each class its share. Images that no label reaches take no part.

    Parameters
    ----------
    class_priors : "labels", "uniform" or sequence of float, default="labels"
        Share of each class among all images.
    n_rounds : int, default=20
    n_steps : int, default=40
    fidelity : float, default=1
        Strength of the sources, for weights of which the largest is 1.
    tol : float, default=1e-4
        Of the Poisson equation at the start.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> path = sparse.csr_array([[0.0, 3, 0, 0], [3, 0, 1, 0], [0, 1, 0, 3], [0, 0, 3, 0]])
    >>> PoissonMBO().propagate(path, np.array([0, -1, -1, 1])).labels
    array([0, 0, 1, 1])
    """

    class_priors: ClassPriors = "labels"
    n_rounds: int = 20
    n_steps: int = 40
    fidelity: float = 1.0
    tol: float = 1e-4

    def __post_init__(self) -> None:
        check_class_priors(self.class_priors)
        check_count("n_rounds", self.n_rounds, 1)
        check_count("n_steps", self.n_steps, 1)
        check_at_least("fidelity", self.fidelity, 0)
        check_at_least("tol", self.tol, 0)

    def propagate(
        self,
        affinity: Affinity,
        labels: Labels | Probabilities,
        *,
        n_classes: int | None = None,
        sample_weight: NDArray[np.floating] | None = None,
    ) -> Propagation:
        """Give every image a distribution over the classes; see `LabelSpreading.propagate`.

        Here `n_iter` counts the rounds until the decisions stay, and `residual` is the share of
        decisions that the last round changed.
        """
        affinity = check_affinity(affinity)
        evidence = read_labeled_nodes(labels, affinity.shape[0], n_classes, sample_weight)
        first = Poisson(self.class_priors, self.tol).propagate(
            affinity, labels, n_classes=n_classes, sample_weight=sample_weight
        )
        sources, _ = label_sources(find_components(affinity), evidence)
        shares = expected_priors(self.class_priors, evidence)
        order = order_nodes(affinity)
        reached = reached_by_labels(affinity, evidence)[order]
        step, push = self._diffusion(reorder_matrix(affinity, order), sources[order])
        decided, changed, n_iter = first.probabilities[order], 1.0, 0
        weights = np.ones_like(shares)
        while changed > 0 and n_iter < self.n_rounds:
            last = one_hot(decided.argmax(axis=1), evidence.n_classes)
            scores = repeat(step, push, last, self.n_steps)
            valid = rows_to_one(scores - scores.min(), reached, shares)
            weights = quota_weights(valid[reached], shares, weights)
            decided = rebalance(valid, weights)
            changed = float((last.argmax(axis=1) != decided.argmax(axis=1))[reached].mean())
            n_iter += 1
        in_place = np.empty_like(decided)
        in_place[order] = decided
        found = Solution(in_place, n_iter, changed, converged=changed <= 1e-3)
        return to_propagation(in_place, affinity, evidence, self.class_priors, found)

    def _diffusion(
        self, affinity: Affinity, sources: NDArray[np.float64]
    ) -> tuple[sparse.csr_array, NDArray[np.float64]]:
        heaviest = affinity.data.max() if affinity.nnz else 1.0
        pace = 1 / max(degrees_of(affinity).max(initial=0), 1e-300)
        step = sparse.eye_array(affinity.shape[0]) - pace * laplacian(affinity)
        return step.tocsr(), pace * heaviest * self.fidelity * sources


def one_hot(labels: Labels, n_classes: int) -> NDArray[np.float64]:
    """Return 1 at each label's class."""
    return np.eye(n_classes)[labels]
