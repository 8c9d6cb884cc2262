"""The classifier is a good citizen of scikit-learn."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.semi_supervised import LabelSpreading as TheirSpreading
from sklearn.utils.estimator_checks import parametrize_with_checks

from tests.propagation.graphs import two_moons
from tests.propagation.methods import METHODS
from voisin.errors import InputError
from voisin.propagation.estimator import GraphClassifier
from voisin.propagation.harmonic import Harmonic
from voisin.propagation.spreading import LabelSpreading

MINUS_ONE_IS_UNKNOWN = "the check takes -1 for a class, as it does not for LabelSpreading"
WEIGHTS_ARE_OF_LABELS = "a sample of weight 0 stays in the graph: only its label does not count"


def does_not_apply(estimator):
    return {
        "check_classifiers_classes": MINUS_ONE_IS_UNKNOWN,
        "check_sample_weight_equivalence_on_dense_data": WEIGHTS_ARE_OF_LABELS,
        "check_sample_weight_equivalence_on_sparse_data": WEIGHTS_ARE_OF_LABELS,
    }


@parametrize_with_checks([GraphClassifier()], expected_failed_checks=does_not_apply)
def test_it_keeps_the_conventions_of_scikit_learn(estimator, check):
    check(estimator)


def moons_with_two_labels(names=(0, 1), unknown=-1):
    affinity, truth = two_moons()
    y = np.full(len(truth), unknown, dtype=object)
    y[[50, 150]] = [names[0], names[1]]
    return affinity, truth, y


def test_it_agrees_with_scikit_learn_on_the_same_affinity():
    affinity, _, y = moons_with_two_labels()
    y = y.astype(int)
    theirs = TheirSpreading(
        kernel=lambda x, y: affinity.toarray(), alpha=0.9, tol=1e-12, max_iter=9_000
    ).fit(np.arange(len(y))[:, None], y)

    ours = GraphClassifier(affinity="precomputed", method=LabelSpreading(tol=1e-9))
    ours.fit(affinity, y)

    np.testing.assert_allclose(ours.label_distributions_, theirs.label_distributions_, atol=1e-5)
    np.testing.assert_array_equal(ours.transduction_, theirs.transduction_)


def test_classes_can_be_strings():
    affinity, truth, y = moons_with_two_labels(("moon", "night"))

    found = GraphClassifier(affinity="precomputed").fit(affinity, y)

    assert found.classes_.tolist() == ["moon", "night"]
    np.testing.assert_array_equal(found.transduction_, np.array(["moon", "night"])[truth])


def test_unknown_is_minus_one_also_in_arrays_of_text():
    affinity, _, y = moons_with_two_labels(("moon", "night"))

    found = GraphClassifier(affinity="precomputed").fit(affinity, y.astype(str))

    assert found.classes_.tolist() == ["moon", "night"]


def test_new_samples_of_a_precomputed_graph_take_the_mean_of_their_neighbors():
    affinity, truth, y = moons_with_two_labels()
    fitted = GraphClassifier(affinity="precomputed").fit(affinity, y.astype(int))
    weights = np.zeros((2, len(truth)))
    weights[0, [10, 20]] = [1, 3]

    found = fitted.predict_proba(weights)

    known = fitted.label_distributions_
    np.testing.assert_allclose(found[0], (known[10] + 3 * known[20]) / 4)
    np.testing.assert_allclose(found[1], known.mean(axis=0))


@pytest.mark.parametrize("method", METHODS)
def test_a_few_labels_of_digits_tell_nearly_all_others(method):
    images, truth = load_digits(return_X_y=True)
    y = np.full(len(truth), -1)
    generator = np.random.default_rng(0)
    for digit in range(10):
        chosen = generator.choice(np.flatnonzero(truth == digit), 10, replace=False)
        y[chosen] = digit

    found = GraphClassifier(method=METHODS[method]()).fit(images, y)

    assert (found.transduction_ == truth).mean() > 0.93
    assert (found.predict(images) == truth).mean() > 0.93


def test_what_it_was_fitted_on_is_predicted_as_anything_else_is():
    points = np.random.default_rng(0).normal(size=(60, 4))
    fitted = GraphClassifier().fit(points, np.arange(60) % 3)

    at_once = fitted.predict_proba(points)

    one_by_one = np.concatenate([fitted.predict_proba(point[None]) for point in points])
    np.testing.assert_allclose(at_once, one_by_one)


def test_its_settings_survive_cloning():
    assert clone(GraphClassifier(method=Harmonic(tol=1e-3))).method == Harmonic(tol=1e-3)


def test_refuses_y_without_labels():
    with pytest.raises(InputError, match="None of the 20 samples is labeled"):
        GraphClassifier().fit(np.random.default_rng(0).normal(size=(20, 2)), np.full(20, -1))


def test_refuses_an_unknown_affinity():
    with pytest.raises(InputError, match="`affinity='rbf'` is not known: choose one of neighbors"):
        GraphClassifier(affinity="rbf").fit(np.zeros((4, 2)), [0, 1, -1, -1])


def test_times_in_seconds_lose_nothing():
    rng = np.random.default_rng(0)
    points = np.vstack([rng.normal(0, 1, (100, 2)), rng.normal(6, 1, (100, 2))])
    y, truth = np.full(200, -1), np.repeat([0, 1], 100)
    y[0], y[100] = 0, 1

    plain = GraphClassifier().fit(points, y)
    late = GraphClassifier().fit(points + 1.7e9, y)

    assert (plain.transduction_ == truth).mean() > 0.95
    np.testing.assert_array_equal(late.transduction_, plain.transduction_)
    new = rng.normal(3, 3, (50, 2))
    np.testing.assert_allclose(late.predict_proba(new + 1.7e9), plain.predict_proba(new), atol=1e-4)
