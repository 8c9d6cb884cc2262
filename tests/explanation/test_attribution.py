"""What is said to have made a label did make it: no more, no less."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from tests.propagation.graphs import FEW_LABELS, TWO_PAIRS, random_affinity
from voisin.errors import InputError
from voisin.explanation.attribution import attribute
from voisin.explanation.linear_system import (
    harmonic_system,
    linear_system_of,
    solve_system,
    spreading_system,
)
from voisin.explanation.prior_propagation import PriorPropagation
from voisin.labeling.registry import METHODS, make_method
from voisin.types import GraphData, Problem

CAN_BE_TAKEN_APART = (
    "auto",
    "consensus",
    "correct-and-smooth",
    "harmonic",
    "smoothed-classifier",
    "spreading",
)


def problem_of(affinity, labels, n_classes=3):
    vectors = np.random.default_rng(0).normal(size=(len(labels), 4)).astype(np.float32)
    return Problem(GraphData(vectors, affinity, vectors[:0]), labels, n_classes)


def with_opinions(affinity, labels, alpha=0.8, n_classes=3):
    """The smoothed classifier's equation: labels where known, else some opinion."""
    start = np.random.default_rng(5).dirichlet(np.ones(n_classes), len(labels))
    start[labels >= 0] = np.eye(n_classes)[labels[labels >= 0]]
    return spreading_system(affinity, start, alpha, labels)


def flows(seed):
    """Every kind of flow on a random graph, with labels looked up and solved."""
    affinity = random_affinity(seed)
    weights = np.random.default_rng(seed).uniform(0.5, 2, 12)
    kinds = [
        linear_system_of(make_method(name).label(problem), problem)
        for name in sorted(set(METHODS) & set(CAN_BE_TAKEN_APART))
        for problem in [problem_of(affinity, FEW_LABELS)]
    ]
    kinds += [
        with_opinions(affinity, FEW_LABELS),
        harmonic_system(affinity, FEW_LABELS, 3, weights),
    ]
    return [one for kind in kinds for one in (kind, kind.with_contributions())]


def accounts(flow):
    for image in range(len(flow.labels)):
        why = attribute(flow, image)
        yield from ((image, one) for one in (why.predicted, why.runner_up) if one is not None)


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
def test_shares_sum_to_one_by_neighbors_and_by_sources(seed):
    for flow in flows(seed):
        for _, account in accounts(flow):
            others, own = account.opinion + account.far, account.own + account.own_far
            assert own + account.neighbor_shares.sum() == pytest.approx(1, abs=1e-4)
            assert others + account.source_shares.sum() == pytest.approx(1, abs=1e-4)
            parts = (account.own, account.own_far, account.opinion, account.far)
            assert min(*parts, *account.source_shares) >= 0


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
def test_without_its_largest_source_a_score_is_lower_by_exactly_that_share(seed):
    for flow in (one for one in flows(seed) if one.far is None):
        inverse = np.linalg.inv(np.eye(12) - flow.transition.toarray())
        for image, account in accounts(flow):
            if not len(account.sources):
                continue
            fewer = flow.source.copy()
            fewer[account.sources[0]] = 0

            before = inverse[image] @ flow.source[:, account.label]
            after = inverse[image] @ fewer[:, account.label]

            assert after == pytest.approx(before * (1 - account.source_shares[0]), rel=1e-4)


def test_scores_are_those_of_the_method():
    affinity = random_affinity(3)
    for name in sorted(set(METHODS) & set(CAN_BE_TAKEN_APART)):
        problem = problem_of(affinity, FEW_LABELS)
        labeling = make_method(name).label(problem)
        flow = linear_system_of(labeling, problem)

        found = flow.scores / flow.scores.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(found, labeling.propagation.probabilities, atol=1e-4)


def test_class_shares_weigh_the_scores_but_not_the_sources_within_a_class():
    affinity, shares = random_affinity(3), np.array([0.7, 0.2, 0.1])
    for name in ("spreading", "harmonic"):
        told = replace(problem_of(affinity, FEW_LABELS), class_priors=shares)
        labeling = make_method(name).label(told)
        flow = linear_system_of(labeling, told)

        found = flow.scores / flow.scores.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(found, labeling.propagation.probabilities, atol=1e-5)


@pytest.mark.parametrize("name", sorted(set(METHODS) - set(CAN_BE_TAKEN_APART)))
def test_methods_that_are_no_sum_say_so(name):
    problem = problem_of(random_affinity(0), FEW_LABELS)

    with pytest.raises(InputError, match=r"cannot be taken apart.*spreading.*can"):
        linear_system_of(make_method(name).label(problem), problem)


def test_a_look_up_says_what_solving_says():
    flow = with_opinions(random_affinity(8), FEW_LABELS)
    for image in range(12):
        solved, found = attribute(flow, image), attribute(flow.with_contributions(), image)
        for one, other in (
            (solved.predicted, found.predicted),
            (solved.runner_up, found.runner_up),
        ):
            assert one.label == other.label
            assert one.opinion == pytest.approx(other.opinion, abs=1e-5)
            np.testing.assert_array_equal(one.sources, other.sources)
            np.testing.assert_allclose(one.source_shares, other.source_shares, atol=1e-5)
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
    far = replace(plain, far=PriorPropagation(1.05, 0.1, np.ones(3), sums, nothing))
    for flow in (plain, walk, far, *(one.with_contributions() for one in (plain, walk, far))):
        for image, account in accounts(flow):
            assert len(account.paths) == min(3, len(account.sources))
            for source, path in zip(account.sources, account.paths, strict=False):
                if source == image:
                    assert path.images.tolist() == [image]
                    continue
                best, nodes = strongest_by_trying_all(flow.transition.toarray(), image, source)
                assert path.strength == pytest.approx(best)
                assert path.images.tolist() == list(nodes)


def test_an_image_that_no_label_reaches_has_no_account():
    labels = np.array([0, 1, -1, -1])
    flow = spreading_system(TWO_PAIRS, np.eye(2)[labels] * (labels >= 0)[:, None], 0.9, labels)

    why = attribute(flow, 3)

    assert why.predicted is None
    assert why.runner_up is None
    assert attribute(flow, 0).predicted is not None


def test_images_are_numbered():
    flow = with_opinions(random_affinity(0), FEW_LABELS)

    with pytest.raises(InputError, match="no image 12: they are numbered from 0 to 11"):
        attribute(flow, 12)


def test_solving_for_other_sources_is_linear():
    flow = with_opinions(random_affinity(4), FEW_LABELS)

    found = solve_system(flow, flow.source)

    expected = np.linalg.inv(np.eye(12) - flow.transition.toarray()) @ flow.source
    np.testing.assert_allclose(found, expected, rtol=1e-6)
