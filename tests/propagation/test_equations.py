"""Each method solves the equation of its paper, as a dense solver does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.semi_supervised import LabelSpreading as TheirSpreading

from tests.propagation.graphs import FEW_LABELS, random_affinity, two_moons
from voisin.neighbors.affinity import build_affinity
from voisin.neighbors.search import find_neighbors
from voisin.propagation.harmonic import Harmonic
from voisin.propagation.poisson import Poisson
from voisin.propagation.poisson_mbo import PoissonMBO
from voisin.propagation.reweighted import ReweightedLaplace
from voisin.propagation.spreading import LabelSpreading

seeds = st.integers(0, 2**32 - 1)
quick = settings(deadline=None, max_examples=20)
KNOWN = np.eye(3)[FEW_LABELS] * (FEW_LABELS >= 0)[:, None]


def rows_to_one(scores):
    return scores / scores.sum(axis=1, keepdims=True)


def dense_laplacian(weights):
    return np.diag(weights.sum(axis=1)) - weights


@quick
@given(seed=seeds, alpha=st.sampled_from([0.1, 0.5, 0.9, 0.99]))
def test_spreading_has_the_closed_form_of_zhou_2004(seed, alpha):
    affinity = random_affinity(seed)
    scale = 1 / np.sqrt(affinity.sum(axis=1))
    smoother = scale[:, None] * affinity.toarray() * scale
    expected = rows_to_one(np.linalg.solve(np.eye(12) - alpha * smoother, KNOWN))

    found = LabelSpreading(alpha=alpha, tol=1e-9).propagate(affinity, FEW_LABELS)

    np.testing.assert_allclose(found.probabilities, expected, atol=1e-6)


def test_spreading_agrees_with_scikit_learn_on_the_same_affinity():
    affinity, truth = two_moons()
    labels = np.full(len(truth), -1)
    labels[[20, 80, 120, 180]] = truth[[20, 80, 120, 180]]
    theirs = TheirSpreading(
        kernel=lambda x, y: affinity.toarray(), alpha=0.9, tol=1e-12, max_iter=5_000
    ).fit(np.arange(len(truth))[:, None], labels)

    ours = LabelSpreading(alpha=0.9, tol=1e-9).propagate(affinity, labels)

    np.testing.assert_allclose(ours.probabilities, theirs.label_distributions_, atol=1e-5)


def harmonic_values(weights, weight_of_first=1.0):
    edges = weights[3:, :3] * np.array([weight_of_first, 1, 1])
    laplacian = np.diag(edges.sum(axis=1)) + dense_laplacian(weights[3:, 3:])
    return np.linalg.solve(laplacian, edges)


@quick
@given(seed=seeds)
def test_harmonic_values_are_means_of_their_neighbors(seed):
    affinity = random_affinity(seed)

    found = Harmonic(tol=1e-9).propagate(affinity, FEW_LABELS)

    np.testing.assert_allclose(
        found.probabilities[3:], harmonic_values(affinity.toarray()), atol=1e-6
    )
    np.testing.assert_array_equal(found.probabilities[:3], np.eye(3))


def test_a_label_of_weight_two_counts_as_two_images_in_its_place():
    affinity = random_affinity(0)
    weights = np.ones(12)
    weights[0] = 2

    found = Harmonic(tol=1e-9).propagate(affinity, FEW_LABELS, sample_weight=weights)

    expected = harmonic_values(affinity.toarray(), weight_of_first=2.0)
    np.testing.assert_allclose(found.probabilities[3:], expected, atol=1e-6)


def poisson_values(weights):
    sources = KNOWN - (FEW_LABELS >= 0)[:, None] * KNOWN.sum(axis=0) / KNOWN.sum()
    values = np.linalg.pinv(dense_laplacian(weights)) @ sources
    return values - np.average(values, axis=0, weights=weights.sum(axis=1))


@quick
@given(seed=seeds)
def test_poisson_orders_classes_as_the_pseudoinverse_of_the_laplacian_does(seed):
    affinity = random_affinity(seed)

    found = Poisson(tol=1e-9).propagate(affinity, FEW_LABELS)

    expected = poisson_values(affinity.toarray())
    logs = np.log(found.probabilities)
    logs -= logs.mean(axis=1, keepdims=True)
    centered = expected - expected.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(logs, centered / np.sqrt((expected**2).mean()), atol=1e-4)


def test_poisson_with_given_class_priors_weighs_the_classes_by_them():
    affinity, priors = random_affinity(0), np.array([0.2, 0.3, 0.5])

    found = Poisson(class_priors=tuple(priors), tol=1e-9).propagate(affinity, FEW_LABELS)

    expected = poisson_values(affinity.toarray()) * priors * 3
    np.testing.assert_array_equal(found.labels, expected.argmax(axis=1))


@quick
@given(seed=seeds)
def test_reweighted_laplace_solves_its_two_equations(seed):
    affinity = random_affinity(seed)
    weights = affinity.toarray()
    gamma = np.linalg.pinv(dense_laplacian(weights)) @ ((FEW_LABELS >= 0) - 3 / 12)
    gamma += 1e-5 * np.ptp(gamma) - gamma.min()
    reweighted = gamma[:, None] * weights * gamma
    shift = 1e-3 * reweighted.sum(axis=1).mean()
    shifted = shift * np.eye(9) + dense_laplacian(reweighted)[3:, 3:]
    expected = rows_to_one(np.linalg.solve(shifted, reweighted[3:, :3]))

    found = ReweightedLaplace(tol=1e-10).propagate(affinity, FEW_LABELS)

    np.testing.assert_allclose(found.probabilities[3:], expected, atol=1e-4)


def test_poisson_mbo_decides_for_each_class_as_often_as_its_prior():
    cloud = np.random.default_rng(0).normal(size=(600, 4)).astype(np.float32)
    cloud[:300, 0] += 2
    affinity = build_affinity(find_neighbors(cloud, metric="euclidean"), weights="gaussian")
    labels = np.full(600, -1)
    labels[[0, 1, 2, 400]] = [0, 0, 0, 1]

    found = PoissonMBO(class_priors=(0.4, 0.6)).propagate(affinity, labels)

    assert np.bincount(found.labels) == pytest.approx([240, 360], abs=12)


def test_a_fine_tolerance_is_reached_though_the_weights_are_in_single_precision():
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(600, 8)) + 3 * generator.integers(0, 4, (600, 1))
    affinity = build_affinity(find_neighbors(vectors.astype(np.float32), 10))
    labels = np.full(600, -1)
    labels[:8] = [0, 1, 2, 0, 1, 2, 3, 3]
    weights = affinity.toarray().astype(np.float64)
    sources = np.eye(4)[labels[:8]] - np.eye(4)[labels[:8]].mean(axis=0)
    scores = np.linalg.pinv(dense_laplacian(weights))[:, :8] @ sources
    scores -= weights.sum(axis=1) @ scores / weights.sum()

    found = Poisson(tol=1e-12).propagate(affinity, labels)

    assert found.converged
    expected = rows_to_one(np.exp(scores / np.sqrt((scores**2).mean())))
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-9)
