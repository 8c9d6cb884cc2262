"""Prior propagation is attributed to the labeled images: compared with the equation solved anew."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from tests.propagation.graphs import random_affinity
from voisin.explanation.attribution import attribute
from voisin.explanation.linear_system import linear_system_of
from voisin.labeling.consensus import SmoothedClassifier
from voisin.types import GraphData, Problem

LABELS = np.array([0, 1, 2, 0, 0, 1] + [-1] * 8)
N, N_CLASSES = len(LABELS), 3


def problem_of(affinity, labels=LABELS, shares=None):
    vectors = np.random.default_rng(0).normal(size=(len(labels), 4)).astype(np.float32)
    data = GraphData(vectors, affinity, vectors[:0])
    return Problem(data, labels, N_CLASSES, class_priors=shares)


def operator(affinity, alpha):
    """``(1 − alpha) (I − alpha S)⁻¹``, dense."""
    weights = affinity.toarray()
    degrees = weights.sum(axis=1)
    smoother = weights / np.sqrt(degrees[:, None] * degrees)
    return (1 - alpha) * np.linalg.inv(np.eye(len(weights)) - alpha * smoother)


class Dense:
    """The scores of the consensus, each of their parts by itself."""

    def __init__(self, problem, labeling, alpha, share):
        labels, shares = problem.labels, problem.class_priors
        affinity = problem.data.affinity
        self.smooth, self.spread = operator(affinity, alpha), operator(affinity, 0.99)
        self.labeled = labels >= 0
        self.given = np.eye(N_CLASSES)[labels] * self.labeled[:, None]
        counts = self.given.sum(axis=0)
        self.weighted = self.given / counts * (1 if shares is None else shares)
        self.sums = (self.spread @ self.weighted).sum(axis=1, keepdims=True)
        self.by_classifier = (
            (1 - share) * labeling.classifier_probabilities * ~self.labeled[:, None]
        )
        self.share = share

    def scores(self, removed=()):
        weighted, given = self.weighted.copy(), self.given.copy()
        weighted[list(removed)] = given[list(removed)] = 0
        prior = self.share * (self.spread @ weighted) / self.sums * ~self.labeled[:, None]
        return self.smooth @ (given + prior + self.by_classifier)


def class_attributions(system):
    for image in range(len(system.labels)):
        why = attribute(system, image)
        yield from ((image, one) for one in (why.predicted, why.runner_up) if one is not None)


@settings(max_examples=8)
@given(
    seed=st.integers(0, 2**32 - 1),
    share=st.sampled_from([0.3, 0.7, 1.0]),
    alpha=st.sampled_from([0.3, 0.5, 0.9]),
    shares=st.sampled_from([None, (0.7, 0.2, 0.1)]),
)
def test_the_share_of_each_labeled_image_is_what_is_lost_without_it(seed, share, alpha, shares):
    shares = None if shares is None else np.array(shares)
    problem = problem_of(random_affinity(seed, N), shares=shares)
    labeling = SmoothedClassifier(alpha, share).label(problem)
    dense = Dense(problem, labeling, alpha, share)
    before, without = dense.scores(), {i: dense.scores([i]) for i in np.flatnonzero(LABELS >= 0)}
    np.testing.assert_allclose(
        before / before.sum(axis=1, keepdims=True), labeling.propagation.probabilities, atol=1e-4
    )
    solved = linear_system_of(labeling, problem)
    for system in (solved, solved.with_contributions()):
        for image, one in class_attributions(system):
            score = before[image, one.label]
            by_classifier = (dense.smooth @ dense.by_classifier)[image, one.label]
            assert one.classifier_share == pytest.approx(by_classifier / score, abs=1e-4)
            assert one.class_prior_share == 0
            assert one.classifier_share + one.contributor_shares.sum() == pytest.approx(1, abs=1e-4)
            assert len(one.contributors) == (one.label == LABELS).sum()
            for source, contributor_share in zip(
                one.contributors, one.contributor_shares, strict=True
            ):
                lost = 1 - without[source][image, one.label] / score
                assert contributor_share == pytest.approx(lost, abs=1e-4)


def test_without_a_classifier_labeled_images_have_every_share():
    problem = problem_of(random_affinity(1, N))
    system = linear_system_of(SmoothedClassifier(0.5, 1.0).label(problem), problem)

    for _, one in class_attributions(system):
        assert one.classifier_share == 0
        assert one.contributor_shares.sum() == pytest.approx(1)
        assert one.own_share == 0 or len(one.contributors)


def test_by_neighbors_prior_propagation_is_apart_from_the_image_itself():
    share, alpha = 0.7, 0.5
    problem = problem_of(random_affinity(2, N))
    labeling = SmoothedClassifier(alpha, share).label(problem)
    dense, system = Dense(problem, labeling, alpha, share), linear_system_of(labeling, problem)

    for image, one in class_attributions(system):
        score = dense.scores()[image, one.label]
        own = (1 - alpha) * (dense.by_classifier + dense.given)[image, one.label] / score
        entry = (1 - alpha) * labeling.initial_scores[image, one.label] / score
        assert one.own_share == pytest.approx(own, abs=1e-4)
        assert one.prior_propagation_share == pytest.approx(entry - own, abs=1e-4)
        assert (
            one.own_share + one.prior_propagation_share + one.neighbor_shares.sum()
            == pytest.approx(1, abs=1e-4)
        )


def test_where_no_label_reaches_prior_propagation_becomes_a_share_of_the_class_priors():
    parts = [random_affinity(3, N), random_affinity(4, 5)]
    affinity = sparse.csr_array(sparse.block_diag(parts))
    labels = np.concatenate([LABELS, np.full(5, -1)])
    problem = problem_of(affinity, labels)
    labeling = SmoothedClassifier(0.5, 0.7).label(problem)

    solved = linear_system_of(labeling, problem)

    for system in (solved, solved.with_contributions()):
        for image, one in class_attributions(system):
            assert (one.class_prior_share > 0) == (image >= N)
            assert (
                one.class_prior_share + one.classifier_share + one.contributor_shares.sum()
                == pytest.approx(1, abs=1e-4)
            )
            if image >= N:
                assert not len(one.contributors)
                score = operator(parts[1], 0.5) @ labeling.initial_scores[N:, one.label]
                class_priors = 0.7 / N_CLASSES * operator(parts[1], 0.5)[image - N].sum()
                assert one.class_prior_share == pytest.approx(
                    class_priors / score[image - N], abs=1e-4
                )


def test_a_class_prior_of_zero_leaves_a_class_without_prior_propagation():
    shares = np.array([0.5, 0.5, 0.0])
    problem = replace(problem_of(random_affinity(5, N)), class_priors=shares)
    system = linear_system_of(
        SmoothedClassifier(0.5, 0.7).label(problem), problem
    ).with_contributions()

    for _, one in class_attributions(system):
        assert one.classifier_share + one.contributor_shares.sum() == pytest.approx(1, abs=1e-4)
