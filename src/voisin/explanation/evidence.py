"""Say what a label rests on, whatever the method: by the graph, the classifier, or the nearest.

- Where the scores solve a linear system of the graph, they are split by it (`attribution`).
- The classifier's score of a class is a sum over the labeled images, by the representer theorem
  (Schölkopf, Herbrich & Smola 2001; Yeh, Kim, Yen & Ravikumar 2018): ``Σ_i α_i ⟨x_i, x⟩ + b``.
- A score of Poisson learning is one too: ``u_i = Σ_j G_ij s_j``, with the pseudo-inverse G of the
  Laplacian and the sources s at the labeled images.
- Of all other scores, no such shares are known: the nearest labeled images are named instead.

This module must not know pictures, pages or files.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from voisin.explanation.attribution import (
    Attribution,
    ClassAttribution,
    LabeledParts,
    attribute,
)
from voisin.explanation.linear_system import LinearSystem
from voisin.labeling.classifier import Scale, scale_of
from voisin.labeling.graph_only import weigh_labels
from voisin.labeling.induction import induce
from voisin.neighbors.graph import find_components
from voisin.neighbors.search import query_neighbors
from voisin.propagation.known_labels import read_labeled_nodes
from voisin.propagation.matrices import degrees_of
from voisin.propagation.poisson import label_sources, solve_poisson
from voisin.propagation.result import weights_of
from voisin.types import (
    UNLABELED,
    Affinity,
    Embeddings,
    Indices,
    Induction,
    Labeling,
    Labels,
    Neighbors,
    Probabilities,
)

_TOL, _MAX_ITER = 1e-6, 10_000  # of the flow to one image: shares are then right to 1e-4
_NEAREST = 6  # nearest labeled images that are named, by eye: one row of the page
_NONE: Indices = np.empty(0, dtype=np.int64)
_NO_SHARES = np.empty(0)


@dataclass(frozen=True, eq=False)
class DualClassifier:
    """A linear classifier as a sum over the images that it learned from.

    Attributes
    ----------
    duals : array of shape (n_labeled, n_classes)
        α.
    intercept : array of shape (n_classes,)
        b, the score of the mean vector; −∞ for a class that is impossible.
    scale : Scale
        Makes x of a vector.
    """

    duals: NDArray[np.float64]
    intercept: NDArray[np.float64]
    scale: Scale

    @classmethod
    def of(cls, labeling: Labeling, embeddings: Embeddings) -> "DualClassifier | None":
        """Take the classifier out of a labeling; None if its method has none."""
        induction = labeling.induction
        if labeling.duals is None or induction is None:
            return None
        if induction.weights is None or induction.intercept is None:
            return None
        scale = scale_of(embeddings)
        intercept = np.asarray(induction.intercept + scale.mean @ induction.weights)
        return cls(labeling.duals, intercept, scale)

    def parts_of(
        self, labeled: Embeddings, vector: NDArray[np.float32], label: int
    ) -> tuple[NDArray[np.float64], float]:
        """Return the part of each labeled image in a score of a vector, and that of the intercept.

        Scores count from their mean over the classes, which no probability depends on; the duals
        of an image sum to 0 over the classes, so that only the intercept must be shifted.
        """
        possible = np.isfinite(self.intercept)
        constant = self.intercept[label] - self.intercept[possible].mean()
        similarity = self.scale(labeled) @ self.scale(vector[None])[0]
        return similarity * self.duals[:, label], float(constant) if possible[label] else 0.0


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the labels of a run rest on.

    Attributes
    ----------
    method : str
        Name of the method that found the labels.
    system : LinearSystem, optional
    classifier : DualClassifier, optional
    affinity : sparse array of shape (n_samples, n_samples)
    embeddings : array of shape (n_samples, n_dims)
    labels : array of shape (n_samples,)
        The given labels; -1 for an image without one.
    probabilities : array of shape (n_samples, n_classes)
        As the method found them, before calibration.
    metric : {"cosine", "euclidean"}
    """

    method: str
    system: LinearSystem | None
    classifier: DualClassifier | None
    affinity: Affinity
    embeddings: Embeddings
    labels: Labels
    probabilities: Probabilities
    metric: str

    def attribute(self, image: int, *, label: int, n_paths: int = 3) -> Attribution:
        """Say what the score of an image's label is made of, and that of the class that comes next.

        Parameters
        ----------
        image : int
        label : int
            The label of the image; -1 if there is no evidence for any.
        n_paths : int, default=3
            Number of contributors per class whose strongest path is found.
        """
        if self.system is not None:
            found = attribute(self.system, image, label=label, n_paths=n_paths)
            accounts = [one for one in (found.predicted, found.runner_up) if one is not None]
        else:
            accounts = [self._account(image, c) for c in self._two_classes(image, label)]
        if not accounts and label != UNLABELED:
            accounts = [self._account(image, label)]  # its scores are below what float64 holds
        vector = self.embeddings[image]
        predicted, runner_up = (*(self._complete(one, vector) for one in accounts), None, None)[:2]
        return Attribution(image, predicted, runner_up)

    def attribute_new(
        self,
        image: int,
        vector: NDArray[np.float32],
        near: Neighbors,
        induction: Induction,
        label: int,
    ) -> Attribution:
        """Say the same of an image outside the graph: its score is a mean over its neighbors.

        Parameters
        ----------
        image : int
            The position by which the result names it.
        vector : array of shape (n_dims,)
        near : Neighbors
            Of this image, among those of the graph.
        induction : Induction
        label : int
        """
        all_reached = np.full(len(self.labels), fill_value=True)  # it does not change probabilities
        (probabilities,), _ = induce(induction, vector[None], near, all_reached)
        others = [c for c in np.argsort(-probabilities, kind="stable").tolist() if c != label]
        accounts = [
            self._complete(self._account_of_new(near, induction, probabilities, c), vector)
            for c in (label, *others[:1])
            if label != UNLABELED and (c == label or probabilities[c] > 0)
        ]
        predicted, runner_up = (*accounts, None, None)[:2]
        return Attribution(image, predicted, runner_up)

    def _two_classes(self, image: int, label: int) -> list[int]:
        if label == UNLABELED:
            return []
        scores = self.probabilities[image]
        others = [c for c in np.argsort(-scores, kind="stable").tolist() if c != label]
        return [label, *(c for c in others[:1] if scores[c] > 0)]

    def _account(self, image: int, label: int) -> ClassAttribution:
        """Account for a score that no linear system of the graph gives."""
        by_classifier = float(self.classifier is not None)
        account = ClassAttribution(
            label=label,
            probability=float(self.probabilities[image, label]),
            own_share=by_classifier,
            prior_propagation_share=0.0,
            neighbors=_NONE,
            neighbor_shares=_NO_SHARES,
            contributors=_NONE,
            contributor_shares=_NO_SHARES,
            classifier_share=by_classifier,
            class_prior_share=0.0,
        )
        if self.method != "poisson":
            return account
        parts = _split(self.flow_to(image)[:, label], self._labeled)
        if parts is None:
            return account
        return replace(
            account,
            contributors=parts.images,
            contributor_shares=parts.shares,
            against=parts.against,
        )

    def _account_of_new(
        self, near: Neighbors, induction: Induction, probabilities: Probabilities, label: int
    ) -> ClassAttribution:
        (weights,), (images,) = weights_of(near), near.indices
        by_neighbors = np.zeros(len(images))
        if induction.neighbor_scores is not None:
            by_neighbors = weights * induction.neighbor_scores[images, label]
        total = max(float(probabilities[label]), 1e-300)
        order = np.argsort(-by_neighbors, kind="stable")
        order = order[by_neighbors[order] > 0]
        neighbors, shares = images[order], by_neighbors[order] / total
        own = max(1 - float(shares.sum()), 0.0) if induction.classifier_share else 0.0
        by_labeled = np.zeros(len(self.labels))
        by_classifier, by_priors = own, 0.0
        for neighbor, share in zip(neighbors.tolist(), shares.tolist(), strict=True):
            theirs = self.attribute(neighbor, label=label, n_paths=0).predicted
            if theirs is not None and theirs.closeness is None:
                by_labeled[theirs.contributors] += share * theirs.contributor_shares
                by_classifier += share * theirs.classifier_share
                by_priors += share * theirs.class_prior_share
        contributors = np.argsort(-by_labeled, kind="stable")[: np.count_nonzero(by_labeled)]
        return ClassAttribution(
            label=label,
            probability=float(probabilities[label]),
            own_share=own,
            prior_propagation_share=0.0,
            neighbors=neighbors,
            neighbor_shares=shares,
            contributors=contributors,
            contributor_shares=by_labeled[contributors],
            classifier_share=by_classifier,
            class_prior_share=by_priors,
        )

    def _complete(self, account: ClassAttribution, vector: NDArray[np.float32]) -> ClassAttribution:
        """Add the parts of the classifier's score; or the nearest, if no image has a share."""
        if self.classifier is not None and account.classifier_share > 0:
            account = replace(account, by_classifier=self._by_classifier(vector, account.label))
        if len(account.contributors) or account.by_classifier is not None:
            return account
        return self._with_nearest(account, vector)

    def _with_nearest(
        self, account: ClassAttribution, vector: NDArray[np.float32]
    ) -> ClassAttribution:
        of_class = np.flatnonzero(self.labels == account.label)
        if not len(of_class):
            return account
        vectors = np.asarray(self.embeddings[of_class], dtype=np.float32)
        n_nearest = min(_NEAREST, len(of_class))
        near = query_neighbors(vector[None], vectors, n_nearest, metric=self.metric)
        distances = near.distances[0].astype(np.float64)
        closeness = 1 - distances if self.metric == "cosine" else distances
        images = of_class[near.indices[0]]
        return replace(
            account, contributors=images, contributor_shares=_NO_SHARES, closeness=closeness
        )

    def _by_classifier(self, vector: NDArray[np.float32], label: int) -> LabeledParts | None:
        labeled = self._labeled
        assert self.classifier is not None
        parts, constant = self.classifier.parts_of(self.embeddings[labeled], vector, label)
        return _split(parts, labeled, constant)

    def flow_to(self, image: int) -> NDArray[np.float64]:
        """Return the part of each labeled image in the scores of Poisson learning of one image."""
        n_samples, n_classes = self.probabilities.shape
        known = read_labeled_nodes(self.labels, n_samples, n_classes, weigh_labels(self.labels))
        components = find_components(self.affinity)
        sources, _ = label_sources(components, known)
        here = components.of_sample == components.of_sample[image]
        degrees = np.where(here, degrees_of(self.affinity), 0)
        unit = -degrees / max(float(degrees.sum()), 1e-300)
        unit[image] += 1
        row = solve_poisson(self.affinity, components, unit[:, None], _TOL, _MAX_ITER).values
        return np.asarray((row * sources)[self._labeled])

    @property
    def _labeled(self) -> Indices:
        return np.flatnonzero(self.labels != UNLABELED)


def _split(
    parts: NDArray[np.float64], images: Indices, constant: float = 0.0
) -> LabeledParts | None:
    """Split a score into what raises it and what lowers it; None if no labeled image raises it."""
    raising = np.maximum(parts, 0)
    total = float(raising.sum() + max(constant, 0))
    lowering = float(np.minimum(parts, 0).sum() + min(constant, 0))
    if not raising.any():
        return None
    order = np.argsort(-raising, kind="stable")[: np.count_nonzero(raising)]
    return LabeledParts(
        images[order], raising[order] / total, max(constant, 0.0) / total, -lowering / total
    )
