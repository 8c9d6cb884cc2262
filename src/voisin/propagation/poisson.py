"""Poisson learning: labels are sources and sinks of a flow, instead of fixed values.

Calder, Cook, Thorpe & Slepčev, "Poisson learning: graph based semi-supervised learning at very
low label rates", 2020.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from voisin.neighbors.graph import Components, find_components
from voisin.propagation.gradients import conjugate_gradients
from voisin.propagation.known_labels import (
    ClassPriors,
    LabeledNodes,
    check_class_priors,
    expected_priors,
    read_labeled_nodes,
)
from voisin.propagation.matrices import degrees_of, laplacian
from voisin.propagation.result import likelihoods, to_propagation
from voisin.propagation.solvers import Solution
from voisin.types import Affinity, Labels, Probabilities, Propagation
from voisin.validation import check_affinity, check_at_least, check_count


@dataclass(frozen=True)
class Poisson:
    """Let a flow from the labels of each class tell how near every image is.

    Solves ``L U = Σ_j δ_j (y_j − ȳ)`` with the degree-weighted mean of ``U`` at zero, ``ȳ`` the
    mean label; each connected component by itself, since no flow runs between them. Where other
    ``class_priors`` than those of the labels are expected, class c counts ``share_c / ȳ_c``
    times. Probabilities are ``exp(u / rms(u))``, normalized: their order is meant, not how sure
    they are.

    Parameters
    ----------
    class_priors : "labels", "uniform" or sequence of float, default="labels"
        Share of each class among all images.
    tol : float, default=1e-4
        Stop once the residual of every class is below this share of its right-hand side.
    max_iter : int, default=1000

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> path = sparse.csr_array([[0.0, 3, 0, 0], [3, 0, 1, 0], [0, 1, 0, 3], [0, 0, 3, 0]])
    >>> Poisson().propagate(path, np.array([0, -1, -1, 1])).labels
    array([0, 0, 1, 1])
    """

    class_priors: ClassPriors = "labels"
    tol: float = 1e-4
    max_iter: int = 1_000

    def __post_init__(self) -> None:
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
        evidence = read_labeled_nodes(labels, affinity.shape[0], n_classes, sample_weight)
        components = find_components(affinity)
        sources, present = label_sources(components, evidence)
        found = poisson_scores(affinity, components, sources, self.tol, self.max_iter)
        shares, seen = expected_priors(self.class_priors, evidence), evidence.shares
        gain = np.divide(shares, seen, where=seen > 0, out=np.ones_like(shares))
        scores = likelihoods(found.values * gain, present)
        return to_propagation(scores, affinity, evidence, self.class_priors, found)


def label_sources(
    components: Components, evidence: LabeledNodes
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Compute the sources ``y_j − ȳ``, and which classes have labels in each component.

    The mean label is that of each component, so that what flows in flows out.
    """
    home = components.of_sample[evidence.rows]
    mass = np.zeros((len(components.sizes), evidence.n_classes))
    np.add.at(mass, home, evidence.weights[:, None] * evidence.targets)
    total = mass.sum(axis=1, keepdims=True)
    mean = np.divide(mass, total, where=total > 0, out=np.zeros_like(mass))
    flow = evidence.weights[:, None] * (evidence.targets - mean[home])
    return evidence.spread_out(flow), (mass > 0)[components.of_sample]


def poisson_scores(
    affinity: Affinity,
    components: Components,
    sources: NDArray[np.float64],
    tol: float,
    max_iter: int,
) -> Solution:
    """Solve ``L U = sources``, with the degree-weighted mean of each component at zero."""
    found = conjugate_gradients(laplacian(affinity), sources, tol=tol, max_iter=max_iter)
    n_samples, count = len(sources), len(components.sizes)
    parts = (degrees_of(affinity), components.of_sample, np.arange(n_samples + 1))
    share = sparse.csc_array(parts, shape=(count, n_samples))
    total = degrees_of(share)[:, None]
    mean = (share @ found.values) / np.where(total > 0, total, 1)
    values = found.values - mean[components.of_sample]
    return Solution(values, found.n_iter, found.residual, found.converged)
