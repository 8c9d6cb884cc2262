"""What every propagation method promises, whatever its equations."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from tests.propagation.graphs import FEW_LABELS, TWO_PAIRS, film, random_affinity, two_moons
from tests.propagation.methods import METHODS
from voisin.errors import ConvergenceWarning, InputError

seeds = st.integers(0, 2**32 - 1)
every_method = pytest.mark.parametrize("method", [cls() for cls in METHODS.values()], ids=METHODS)
quick = settings(deadline=None, max_examples=20)


@every_method
@quick
@given(seed=seeds)
def test_probabilities_are_rows_that_sum_to_one(method, seed):
    found = method.propagate(random_affinity(seed), FEW_LABELS)

    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1)
    assert (found.probabilities >= 0).all()
    assert found.reached.all()


@every_method
@quick
@given(seed=seeds)
def test_labeled_images_keep_their_labels(method, seed):
    affinity = random_affinity(seed)

    assert method.propagate(affinity, FEW_LABELS).labels[:3].tolist() == [0, 1, 2]


@every_method
@quick
@given(seed=seeds)
def test_the_order_of_the_images_does_not_matter(method, seed):
    affinity = random_affinity(seed)
    order = np.random.default_rng(seed).permutation(12)

    shuffled = method.propagate(affinity[order][:, order].tocsr(), FEW_LABELS[order])

    expected = method.propagate(affinity, FEW_LABELS).probabilities[order]
    np.testing.assert_allclose(shuffled.probabilities, expected, atol=1e-3)


@every_method
@quick
@given(seed=seeds, unit=st.floats(0.01, 100))
def test_the_unit_of_the_weights_does_not_matter(method, seed, unit):
    affinity = random_affinity(seed)

    scaled = method.propagate(affinity * unit, FEW_LABELS)

    expected = method.propagate(affinity, FEW_LABELS).probabilities
    np.testing.assert_allclose(scaled.probabilities, expected, atol=1e-3)


@every_method
def test_labels_follow_the_shape_of_the_data(method):
    affinity, truth = two_moons()
    labels = np.full(len(truth), -1)
    labels[[50, 150]] = truth[[50, 150]]

    found = method.propagate(affinity, labels)

    np.testing.assert_array_equal(found.labels, truth)


@every_method
def test_an_image_that_no_label_reaches_gets_the_class_priors_and_a_flag(method):
    found = method.propagate(TWO_PAIRS, np.array([0, -1, -1, -1]), n_classes=2)

    assert found.labels.tolist() == [0, 0, -1, -1]
    assert found.reached.tolist() == [True, True, False, False]
    assert found.probabilities[2:].tolist() == [[1, 0], [1, 0]]


@every_method
@pytest.mark.parametrize(
    ("class_priors", "expected"), [("uniform", [0.5, 0.5]), ([3.0, 1.0], [0.75, 0.25])]
)
def test_the_class_priors_can_be_given(method, class_priors, expected):
    with_priors = type(method)(class_priors=class_priors)

    found = with_priors.propagate(TWO_PAIRS, np.array([0, 1, -1, -1]))

    assert found.probabilities[2].tolist() == expected


@every_method
def test_components_with_labels_do_not_disturb_one_another(method):
    two_moons_twice = sparse.block_diag([two_moons()[0]] * 2, format="csr")
    truth = np.tile(two_moons()[1], 2)
    labels = np.full(len(truth), -1)
    labels[[50, 150, 260, 350]] = truth[[50, 150, 260, 350]]

    np.testing.assert_array_equal(method.propagate(two_moons_twice, labels).labels, truth)


@every_method
def test_soft_labels_that_are_certain_are_plain_labels(method):
    affinity = random_affinity(0)
    soft = np.eye(3)[FEW_LABELS] * (FEW_LABELS >= 0)[:, None]

    found = method.propagate(affinity, soft)

    expected = method.propagate(affinity, FEW_LABELS)
    np.testing.assert_allclose(found.probabilities, expected.probabilities)


@every_method
def test_a_heavier_label_draws_more(method):
    affinity = random_affinity(1)
    weights = np.ones(12)
    weights[0] = 5

    heavier = method.propagate(affinity, FEW_LABELS, sample_weight=weights)

    plain = method.propagate(affinity, FEW_LABELS)
    assert heavier.probabilities[3:, 0].sum() > plain.probabilities[3:, 0].sum()


@every_method
def test_a_label_of_weight_zero_is_no_label(method):
    affinity = random_affinity(1)
    weights = np.ones(12)
    weights[2] = 0

    found = method.propagate(affinity, FEW_LABELS, n_classes=3, sample_weight=weights)

    without = method.propagate(affinity, np.where(np.arange(12) == 2, -1, FEW_LABELS), n_classes=3)
    np.testing.assert_allclose(found.probabilities, without.probabilities)


@every_method
def test_the_result_says_how_it_ended(method):
    found = method.propagate(random_affinity(0), FEW_LABELS)

    assert found.converged
    assert found.n_iter > 0
    assert 0 <= found.residual <= 1e-3


@every_method
@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.full(12, -1), "None of the 12 samples is labeled"),
        (np.zeros(9, dtype=int), r"labels has shape \(9,\), but this graph has 12 nodes"),
        (np.where(FEW_LABELS == 0, 0, -1), "There is a single class, 0"),
        (np.where(FEW_LABELS == 0, -5, FEW_LABELS), "labels has -5"),
        (FEW_LABELS / 2, "labels has dtype float64"),
        (np.ma.masked_less(FEW_LABELS, 0), "labels is a masked array: leave out or fill"),
        (np.full((12, 3), -1.0), "negative or not finite"),
        (np.zeros((12, 3)), "None of the 12 samples is labeled"),
        (np.ones((9, 3)), r"labels has shape \(9, 3\): pass one row per node \(12\)"),
    ],
)
def test_refuses_labels_that_do_not_fit(method, labels, message):
    with pytest.raises(InputError, match=message):
        method.propagate(random_affinity(0), labels)


@every_method
def test_refuses_classes_beyond_their_number(method):
    with pytest.raises(InputError, match="class 2, but there are 2 classes"):
        method.propagate(random_affinity(0), FEW_LABELS, n_classes=2)


@every_method
@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(3), r"sample_weight has shape \(3,\), but there are 12 samples"),
        (-np.ones(12), "sample_weight of the labeled samples must be >= 0"),
        (np.zeros(12), "not all 0"),
    ],
)
def test_refuses_weights_that_do_not_fit(method, weights, message):
    with pytest.raises(InputError, match=message):
        method.propagate(random_affinity(0), FEW_LABELS, sample_weight=weights)


@every_method
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w[:, :11], "shape"),
        (lambda w: -w, "negative weights"),
        (lambda w: w * np.nan, "NaN"),
        (lambda _: [["a", "b"]], "cannot be read as a matrix of weights"),
        (lambda w: sparse.csr_array(np.triu(w.toarray())), "not symmetric"),
    ],
)
def test_refuses_graphs_that_cannot_carry_labels(method, change, message):
    with pytest.raises(InputError, match=message):
        method.propagate(change(random_affinity(0)), FEW_LABELS)


@every_method
@pytest.mark.parametrize(
    "change",
    [
        sparse.coo_array,
        sparse.csc_array,
        lambda w: w.tocoo().todok(),
        lambda w: w.toarray(),
    ],
)
def test_takes_a_graph_in_any_form(method, change):
    affinity = random_affinity(0)

    found = method.propagate(change(affinity), FEW_LABELS.tolist(), sample_weight=[1.0] * 12)

    expected = method.propagate(affinity, FEW_LABELS)
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-6)


@every_method
def test_refuses_a_number_of_classes_that_is_none(method):
    with pytest.raises(InputError, match=r"`n_classes=2.5` is no whole number: pass 1 or more"):
        method.propagate(random_affinity(0), FEW_LABELS, n_classes=2.5)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    ("class_priors", "message"),
    [
        ("guess", "`class_priors='guess'` is not known: choose one of labels, uniform"),
        ([-1.0, 2.0], "is no distribution"),
        ([0.0, 0.0], "all 0"),
    ],
)
def test_refuses_class_priors_that_are_no_distribution(name, class_priors, message):
    method = METHODS[name]

    with pytest.raises(InputError, match=message):
        method(class_priors=class_priors)


@every_method
def test_no_image_is_given_the_bare_class_priors_as_if_a_label_had_reached_it(method):
    n_samples = 3_000  # a chain: the labels at its head fade long before its end
    ones = np.ones(n_samples - 1)
    chain = sparse.diags_array([ones, ones], offsets=[1, -1]).tocsr()
    labels = np.full(n_samples, -1)
    labels[:3] = [0, 1, 2]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = method.propagate(chain, labels)

    bare = np.ptp(found.probabilities, axis=1) == 0
    assert not (bare & found.reached).any()


@every_method
def test_weights_of_zero_and_weights_of_an_image_with_itself_are_no_edges(method):
    pairs, rows = np.array([1.0, 1, 0, 0, 1, 1]), [0, 1, 1, 2, 2, 3]
    stored = sparse.csr_array((pairs, (rows, [1, 0, 2, 1, 3, 2])), shape=(4, 4))
    looped = (sparse.eye_array(4) * 5 + stored).tocsr()
    kept = looped.copy()

    for graph in (stored, looped):
        found = method.propagate(graph, np.array([0, 1, -1, -1]))

        assert found.reached.tolist() == [True, True, False, False]
        expected = method.propagate(TWO_PAIRS, np.array([0, 1, -1, -1]))
        np.testing.assert_allclose(found.probabilities, expected.probabilities)
    assert (looped != kept).nnz == 0


@every_method
def test_a_frame_far_along_a_film_is_reached_and_follows_the_nearer_label(method):
    labels = np.full(600, -1)
    labels[0], labels[-1] = 0, 1

    found = method.propagate(film(), labels)

    assert found.reached.all()
    assert (found.labels[:280] == 0).all()
    assert (found.labels[-280:] == 1).all()
