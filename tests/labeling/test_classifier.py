"""Logistic regression against scikit-learn's, and choices that never see what was held out."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from tests.labeling.problems import clouds, few_labels, relabel
from voisin.labeling.classifier import Classifier, fit_softmax
from voisin.labeling.cross_validation import select_by_losses


@pytest.mark.parametrize("n_dims", [4, 200], ids=["fewer dimensions", "more dimensions"])
def test_it_is_the_regression_of_scikit_learn(n_dims):
    vectors, labels = clouds((12, 8, 10), n_dims=n_dims, spread=2)
    weights = np.random.default_rng(0).random(30) + 0.5

    models = fit_softmax(vectors, np.eye(3)[labels], weights, [0.1, 10.0])

    for strength, model in zip([0.1, 10.0], models, strict=True):
        reference = LogisticRegression(C=strength, tol=1e-8, max_iter=5000)
        reference.fit(vectors.astype(float), labels, sample_weight=weights)
        expected = reference.predict_proba(vectors.astype(float))
        found = softmax(model(vectors.astype(float)), axis=1)
        np.testing.assert_allclose(found, expected, atol=2e-4)


def test_soft_targets_count_as_several_labels_with_weights():
    vectors = np.array([[-1.0], [0.2], [1.0]])
    soft = np.array([[1, 0], [0.3, 0.7], [0, 1.0]])
    (found,) = fit_softmax(vectors, soft, np.ones(3), [1.0])
    (expected,) = fit_softmax(
        vectors[[0, 1, 1, 2]], np.eye(2)[[0, 0, 1, 1]], np.array([1, 0.3, 0.7, 1]), [1.0]
    )
    np.testing.assert_allclose(found.weights, expected.weights, atol=1e-5)


def test_a_class_that_was_never_seen_has_no_probability():
    vectors, labels = clouds((5, 5))
    (model,) = fit_softmax(vectors, np.eye(3)[labels], np.ones(10), [1.0])
    assert (softmax(model(vectors), axis=1)[:, 2] == 0).all()


def test_shift_and_unit_of_the_vectors_do_not_matter():
    problem, _ = few_labels()
    data = problem.data
    moved = type(data)(
        100 * data.embeddings + 7, data.affinity, 100 * data.new_embeddings + 7, data.new_neighbors
    )
    method = Classifier(strength=3.0, temperature=1.0)

    found = method.label(problem)
    found_moved = method.label(type(problem)(moved, problem.labels, 3))

    np.testing.assert_allclose(
        found_moved.propagation.probabilities, found.propagation.probabilities, atol=1e-3
    )
    np.testing.assert_allclose(found_moved.new_probabilities, found.new_probabilities, atol=1e-3)


def test_shares_that_are_told_shift_the_probabilities_by_bayes_rule():
    problem, _ = few_labels()
    shares = np.array([0.6, 0.3, 0.1])
    method = Classifier(strength=3.0, temperature=1.0)
    plain = method.label(problem).propagation.probabilities

    told = method.label(
        type(problem)(problem.data, problem.labels, 3, (), shares)
    ).propagation.probabilities

    expected = plain * shares
    np.testing.assert_allclose(told, expected / expected.sum(axis=1, keepdims=True), atol=1e-9)


def test_the_default_stays_unless_another_is_better_by_more_than_the_noise():
    generator = np.random.default_rng(0)
    default, weights = generator.random(50), np.ones(50)
    noisy = default - 0.01 + generator.normal(0, 0.5, 50)
    noisy += default.mean() - 0.001 - noisy.mean()

    assert select_by_losses([noisy, default], weights, default=1) == 1
    assert select_by_losses([default - 0.1, default], weights, default=1) == 0


def test_what_is_held_out_is_judged_by_models_that_never_saw_it():
    from voisin.labeling.classifier import predict_out_of_fold

    problem, _ = few_labels(6)
    fold = problem.folds[0].held_out
    wrong = relabel(problem, fold, (problem.labels[fold] + 1) % 3)

    rows, honest = predict_out_of_fold(problem, [10.0])
    _, changed = predict_out_of_fold(wrong, [10.0])

    of_fold = np.isin(rows, fold)
    np.testing.assert_array_equal(honest[0][of_fold], changed[0][of_fold])
    assert not np.allclose(honest[0][~of_fold], changed[0][~of_fold])
