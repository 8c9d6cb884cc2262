"""Poisson learning: labels are sources and sinks of a flow along the graph, not fixed values.

Calder, Cook, Thorpe & Slepčev, "Poisson learning: graph based semi-supervised learning at very
low label rates", 2020.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from voisin.neighbors.graph import Components, find_components
from voisin.propagation.known_labels import (
    ClassPriors,
    LabeledNodes,
    check_class_priors,
    expected_priors,
    read_labeled_nodes,
)
from voisin.propagation.matrices import Solution, degrees_of, laplacian
from voisin.propagation.result import likelihoods, to_propagation
from voisin.propagation.solvers import conjugate_gradients
from voisin.types import Affinity, Labels, Probabilities, Propagation
from voisin.validation import check_affinity, check_at_least, check_count


@dataclass(frozen=True)
class Poisson:
    """Score each class by a flow along the graph, from its labels to labels of other classes.

    It solves ``L U = Σ_j δ_j (y_j − ȳ)``, where ``ȳ`` is the mean label and the degree-weighted
    mean of ``U`` is zero, for each connected component separately, since no flow connects them. If
    ``class_priors`` differ from the shares of the labels, the scores of class c are multiplied by
    ``prior_c / ȳ_c``. Probabilities are ``exp(u / rms(u))``, normalized: only their order has a
    meaning until they are calibrated.

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
        labeled_nodes = read_labeled_nodes(labels, affinity.shape[0], n_classes, sample_weight)
        components = find_components(affinity)
        sources, has_labels = label_sources(components, labeled_nodes)
        solution = solve_poisson(affinity, components, sources, self.tol, self.max_iter)
        priors = expected_priors(self.class_priors, labeled_nodes)
        frequencies = labeled_nodes.class_frequencies
        factors = np.divide(priors, frequencies, where=frequencies > 0, out=np.ones_like(priors))
        scores = likelihoods(solution.values * factors, has_labels)
        return to_propagation(scores, affinity, labeled_nodes, self.class_priors, solution)


def label_sources(
    components: Components, labeled_nodes: LabeledNodes
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Compute the sources ``y_j − ȳ``, and which classes have labels in each image's component.

    The mean label is that of the component, so that inflow and outflow are equal.
    """
    component = components.of_sample[labeled_nodes.rows]
    mass = np.zeros((len(components.sizes), labeled_nodes.n_classes))
    np.add.at(mass, component, labeled_nodes.weights[:, None] * labeled_nodes.targets)
    total = mass.sum(axis=1, keepdims=True)
    mean = np.divide(mass, total, where=total > 0, out=np.zeros_like(mass))
    sources = labeled_nodes.weights[:, None] * (labeled_nodes.targets - mean[component])
    return labeled_nodes.scatter(sources), (mass > 0)[components.of_sample]


def solve_poisson(
    affinity: Affinity,
    components: Components,
    sources: NDArray[np.float64],
    tol: float,
    max_iter: int,
) -> Solution:
    """Solve ``L U = sources``, with the degree-weighted mean of each component at zero."""
    solution = conjugate_gradients(laplacian(affinity), sources, tol=tol, max_iter=max_iter)
    n_samples, n_components = len(sources), len(components.sizes)
    degrees = sparse.csc_array(
        (degrees_of(affinity), components.of_sample, np.arange(n_samples + 1)),
        shape=(n_components, n_samples),
    )
    total = degrees_of(degrees)[:, None]
    mean = (degrees @ solution.values) / np.where(total > 0, total, 1)
    return replace(solution, values=solution.values - mean[components.of_sample])
