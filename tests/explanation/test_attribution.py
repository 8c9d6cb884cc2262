"""The parts that scores are attributed to did make them: no more, no less."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from tests.propagation.graphs import FEW_LABELS, TWO_PAIRS, film, random_affinity
from voisin.errors import InputError
from voisin.explanation.attribution import attribute
from voisin.explanation.linear_system import (
    PriorPropagation,
    harmonic_system,
    linear_system_of,
    spreading_system,
)
from voisin.labeling.registry import METHODS, make_method
from voisin.types import GraphData, Problem

CAN_BE_TAKEN_APART = (
    "auto",
    "consensus",
    "correct-and-smooth",
    "harmonic",
    "reweighted",
    "smoothed-classifier",
    "spreading",
)


def problem_of(affinity, labels, n_classes=3):
    vectors = np.random.default_rng(0).normal(size=(len(labels), 4)).astype(np.float32)
    return Problem(GraphData(vectors, affinity, vectors[:0]), labels, n_classes)


def with_initial_scores(affinity, labels, alpha=0.8, n_classes=3):
    """The smoothed classifier's system: labels where known, else some probabilities."""
    start = np.random.default_rng(5).dirichlet(np.ones(n_classes), len(labels))
    start[labels >= 0] = np.eye(n_classes)[labels[labels >= 0]]
    return spreading_system(affinity, start, alpha, labels)


def systems(seed):
    """Every kind of linear system on a random graph, with labels looked up and solved."""
    affinity = random_affinity(seed)
    weights = np.random.default_rng(seed).uniform(0.5, 2, 12)
    kinds = [
        linear_system_of(make_method(name).label(problem), problem)
        for name in sorted(set(METHODS) & set(CAN_BE_TAKEN_APART))
        for problem in [problem_of(affinity, FEW_LABELS)]
    ]
    kinds += [
        with_initial_scores(affinity, FEW_LABELS),
        harmonic_system(affinity, FEW_LABELS, 3, weights),
    ]
    return [one for kind in kinds for one in (kind, kind.with_contributions())]


def class_attributions(system):
    for image in range(len(system.labels)):
        why = attribute(system, image)
        yield from ((image, one) for one in (why.predicted, why.runner_up) if one is not None)


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
def test_shares_sum_to_one_by_neighbors_and_by_labeled_images(seed):
    for system in systems(seed):
        for _, one in class_attributions(system):
            own = one.own_share + one.prior_propagation_share
            remainder = one.classifier_share + one.class_prior_share
            assert own + one.neighbor_shares.sum() == pytest.approx(1, abs=1e-4)
            assert remainder + one.contributor_shares.sum() == pytest.approx(1, abs=1e-4)
            assert min(one.own_share, one.prior_propagation_share) >= 0
            assert min(one.classifier_share, one.class_prior_share) >= 0
            assert min(one.contributor_shares, default=0) >= 0


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
def test_without_its_largest_contributor_a_score_is_lower_by_exactly_that_share(seed):
    for system in (one for one in systems(seed) if one.prior_propagation is None):
        inverse = np.linalg.inv(np.eye(12) - system.transition.toarray())
        for image, one in class_attributions(system):
            if not len(one.contributors):
                continue
            fewer = system.right_hand_side.copy()
            fewer[one.contributors[0]] = 0

            before = inverse[image] @ system.right_hand_side[:, one.label]
            after = inverse[image] @ fewer[:, one.label]

            assert after == pytest.approx(before * (1 - one.contributor_shares[0]), rel=1e-4)


def test_scores_are_those_of_the_method():
    affinity = random_affinity(3)
    for name in sorted(set(METHODS) & set(CAN_BE_TAKEN_APART)):
        problem = problem_of(affinity, FEW_LABELS)
        labeling = make_method(name).label(problem)
        system = linear_system_of(labeling, problem)

        found = system.scores / system.scores.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(found, labeling.propagation.probabilities, atol=1e-4)


def test_class_priors_weigh_the_scores_but_not_the_labeled_images_within_a_class():
    affinity, shares = random_affinity(3), np.array([0.7, 0.2, 0.1])
    for name in ("spreading", "harmonic"):
        told = replace(problem_of(affinity, FEW_LABELS), class_priors=shares)
        labeling = make_method(name).label(told)
        system = linear_system_of(labeling, told)

        found = system.scores / system.scores.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(found, labeling.propagation.probabilities, atol=1e-5)


@pytest.mark.parametrize("name", sorted(set(METHODS) - set(CAN_BE_TAKEN_APART)))
def test_methods_whose_scores_solve_no_system_of_the_graph_have_none(name):
    problem = problem_of(random_affinity(0), FEW_LABELS)

    assert linear_system_of(make_method(name).label(problem), problem) is None


def test_a_look_up_gives_the_same_as_solving():
    system = with_initial_scores(random_affinity(8), FEW_LABELS)
    for image in range(12):
        solved, found = attribute(system, image), attribute(system.with_contributions(), image)
        for one, other in (
            (solved.predicted, found.predicted),
            (solved.runner_up, found.runner_up),
        ):
            assert one.label == other.label
            assert one.classifier_share == pytest.approx(other.classifier_share, abs=1e-5)
            np.testing.assert_array_equal(one.contributors, other.contributors)
            np.testing.assert_allclose(one.contributor_shares, other.contributor_shares, atol=1e-5)
            for path, same in zip(one.paths, other.paths, strict=True):
                np.testing.assert_array_equal(path.images, same.images)


def strongest_by_trying_all(weights, start, goal):
    between = [node for node in range(len(weights)) if node not in (start, goal)]
    best, found = 0.0, ()
    for length in range(len(between) + 1):
        for middle in itertools.permutations(between, length):
            nodes = (start, *middle, goal)
            strength = np.prod([weights[a, b] for a, b in itertools.pairwise(nodes)])
            if strength > best:
                best, found = strength, nodes
    return best, found


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1), density=st.floats(0.3, 1))
def test_no_path_is_stronger_than_the_one_shown(seed, density):
    generator = np.random.default_rng(seed)
    weights = np.triu(generator.random((7, 7)) * (generator.random((7, 7)) < density), k=1)
    affinity, labels = sparse.csr_array(weights + weights.T), np.array([0, 1, 0] + [-1] * 4)
    plain = spreading_system(affinity, np.eye(3)[labels], 0.9, labels)
    walk = harmonic_system(affinity, labels, 2, np.ones(7))
    sums, nothing = np.ones(7), np.zeros((7, 3))
    prior = replace(plain, prior_propagation=PriorPropagation(1.05, 0.1, np.ones(3), sums, nothing))
    three = (plain, walk, prior)
    for system in (*three, *(one.with_contributions() for one in three)):
        for image, one in class_attributions(system):
            assert len(one.paths) == min(3, len(one.contributors))
            for source, path in zip(one.contributors, one.paths, strict=False):
                if source == image:
                    assert path.images.tolist() == [image]
                    continue
                best, nodes = strongest_by_trying_all(system.transition.toarray(), image, source)
                assert path.strength == pytest.approx(best)
                assert path.images.tolist() == list(nodes)


def test_an_image_that_no_label_reaches_has_no_attribution():
    labels = np.array([0, 1, -1, -1])
    system = spreading_system(TWO_PAIRS, np.eye(2)[labels] * (labels >= 0)[:, None], 0.9, labels)

    why = attribute(system, 3)

    assert why.predicted is None
    assert why.runner_up is None
    assert attribute(system, 0).predicted is not None


def test_images_are_numbered():
    system = with_initial_scores(random_affinity(0), FEW_LABELS)

    with pytest.raises(InputError, match="no image 12: they are numbered from 0 to 11"):
        attribute(system, 12)


def test_solving_for_another_right_hand_side_is_linear():
    system = with_initial_scores(random_affinity(4), FEW_LABELS)

    found = system.solve(system.right_hand_side)

    expected = np.linalg.inv(np.eye(12) - system.transition.toarray()) @ system.right_hand_side
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("alpha", [0.9, 0.99])
def test_an_image_far_from_all_labels_is_explained_by_the_nearer_ones(alpha):
    labels = np.full(600, -1)
    labels[[0, 1, -1]] = [0, 0, 1]
    system = spreading_system(film(), np.eye(2)[labels] * (labels >= 0)[:, None], alpha, labels)

    for one in (system, system.with_contributions()):
        for image in (150, 290):
            why = attribute(one, image).predicted

            assert why.label == 0
            assert set(why.contributors[:2].tolist()) == {0, 1}
            assert why.contributor_shares.sum() == pytest.approx(1, abs=0.02)
            assert why.neighbor_shares.sum() == pytest.approx(1, abs=0.02)
