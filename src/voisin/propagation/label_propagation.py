"""Label propagation: every unlabeled image takes the mean of its neighbors, again and again.

Zhu & Ghahramani, "Learning from labeled and unlabeled data with label propagation", 2002. Its
limit is the harmonic function; few steps keep labels local.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from voisin.propagation.evidence import ClassShares, check_class_shares, gather_evidence
from voisin.propagation.harmonic import clamped_equation
from voisin.propagation.outcome import outcome
from voisin.propagation.solvers import fixed_point
from voisin.types import Affinity, Labels, Probabilities, Propagation
from voisin.validation import check_affinity, check_at_least, check_count


@dataclass(frozen=True)
class LabelPropagation:
    """Repeat ``F ← D⁻¹ W F`` with the labeled rows held fast.

    Parameters
    ----------
    class_shares : "labels", "uniform" or sequence of float, default="labels"
        What an image gets that no label reaches.
    tol : float, default=1e-6
        Stop once no score changes by more than this share of the largest.
    max_iter : int, default=10000
        Steps are many where labels are few.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> path = sparse.csr_array([[0.0, 3, 0], [3, 0, 1], [0, 1, 0]])
    >>> LabelPropagation().propagate(path, np.array([0, -1, 1])).probabilities[1]
    array([0.75, 0.25])
    """

    class_shares: ClassShares = "labels"
    tol: float = 1e-6
    max_iter: int = 10_000

    def __post_init__(self) -> None:
        check_class_shares(self.class_shares)
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
        evidence = gather_evidence(labels, affinity.shape[0], n_classes, sample_weight)
        asked, matrix, right = clamped_equation(affinity, evidence)
        per_degree = 1 / np.maximum(matrix.diagonal(), 1e-300)
        walk = sparse.dia_array((per_degree[None], 0), shape=matrix.shape)
        among = (sparse.eye_array(len(asked)) - walk @ matrix).tocsr()
        known = per_degree[:, None] * right
        found = fixed_point(
            lambda scores: among @ scores + known, known, tol=self.tol, max_iter=self.max_iter
        )
        scores = evidence.spread_out(evidence.targets)
        scores[asked] = found.values
        return outcome(scores, affinity, evidence, self.class_shares, found)
