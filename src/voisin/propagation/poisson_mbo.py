"""Poisson MBO: alternate diffusion from the labels and decisions that keep the class priors.

Calder, Cook, Thorpe & Slepčev 2020, algorithm 2 (Merriman, Bence & Osher 1992 for the scheme).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from voisin.calibration.decision import quota_weights
from voisin.calibration.prior_shift import shift_priors
from voisin.neighbors.graph import find_components, order_nodes, reorder_matrix
from voisin.propagation.known_labels import (
    ClassPriors,
    check_class_priors,
    expected_priors,
    read_labeled_nodes,
)
from voisin.propagation.matrices import Solution, degrees_of, laplacian
from voisin.propagation.poisson import Poisson, label_sources
from voisin.propagation.result import reached_by_labels, rows_to_one, to_propagation
from voisin.propagation.solvers import iterate
from voisin.types import Affinity, Labels, Probabilities, Propagation
from voisin.validation import check_affinity, check_at_least, check_count

_SMALLEST = 1e-12  # in place of a probability of 0, so that quotas can be kept: a convention
_MOST_CHANGED = 1e-3  # share of decisions that the last round may change; chosen by hand


@dataclass(frozen=True)
class PoissonMBO:
    """Start from Poisson learning; diffuse, decide by the class priors, and repeat both.

    Each of ``n_rounds`` rounds takes ``n_steps`` steps of ``U ← U − dt (L U − fidelity · B)`` from
    the last decisions, where ``B`` are the sources of Poisson learning and ``dt = 1 / max degree``.
    Then it decides by ``U − min U`` such that each class gets its number of images. Images that no
    label reaches are left out.

    Parameters
    ----------
    class_priors : "labels", "uniform" or sequence of float, default="labels"
        Share of each class among all images.
    n_rounds : int, default=20
    n_steps : int, default=40
    fidelity : float, default=1
        Strength of the sources, if the largest weight of the graph is 1.
    tol : float, default=1e-4
        Tolerance of the Poisson equation at the start.

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

        Here `n_iter` counts the rounds until decisions no longer change, and `residual` is the
        share of decisions that the last round changed.
        """
        affinity = check_affinity(affinity)
        labeled_nodes = read_labeled_nodes(labels, affinity.shape[0], n_classes, sample_weight)
        first = Poisson(self.class_priors, self.tol).propagate(
            affinity, labels, n_classes=n_classes, sample_weight=sample_weight
        )
        sources, _ = label_sources(find_components(affinity), labeled_nodes)
        priors = expected_priors(self.class_priors, labeled_nodes)
        order = order_nodes(affinity)
        reached = reached_by_labels(affinity, labeled_nodes)[order]
        ordered = reorder_matrix(affinity, order)
        dt = 1 / max(degrees_of(ordered).max(initial=0), 1e-300)  # no division by 0
        step = (sparse.eye_array(ordered.shape[0]) - dt * laplacian(ordered)).tocsr()
        heaviest = ordered.data.max() if ordered.nnz else 1.0
        right = dt * heaviest * self.fidelity * sources[order]
        probabilities, changed, n_iter = first.probabilities[order], 1.0, 0
        weights = np.ones_like(priors)
        while changed > 0 and n_iter < self.n_rounds:
            decisions = probabilities.argmax(axis=1)
            scores = iterate(step, right, np.eye(labeled_nodes.n_classes)[decisions], self.n_steps)
            diffused = rows_to_one(scores - scores.min(), reached, priors)
            weights = quota_weights(diffused[reached], priors, weights)
            probabilities = shift_priors(np.maximum(diffused, _SMALLEST), new=weights)
            changed = float((decisions != probabilities.argmax(axis=1))[reached].mean())
            n_iter += 1
        values = np.empty_like(probabilities)
        values[order] = probabilities
        solution = Solution(values, n_iter, changed, converged=changed <= _MOST_CHANGED)
        return to_propagation(values, affinity, labeled_nodes, self.class_priors, solution)
