"""Label spreading solves the equation of its paper, and agrees with scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.semi_supervised import LabelSpreading as Reference

from tests.propagation.graphs import FEW_LABELS, TWO_PAIRS, random_affinity
from voisin.errors import ConvergenceWarning, InputError
from voisin.propagation.spreading import LabelSpreading


@given(seed=st.integers(0, 2**32 - 1), alpha=st.sampled_from([0.1, 0.5, 0.9, 0.99]))
def test_matches_the_closed_form_of_zhou_2004(seed, alpha):
    affinity = random_affinity(seed)
    scale = 1 / np.sqrt(affinity.sum(axis=1))
    smoother = scale[:, None] * affinity.toarray() * scale
    known = np.eye(3)[FEW_LABELS] * (FEW_LABELS >= 0)[:, None]
    expected = np.linalg.solve(np.eye(12) - alpha * smoother, known)
    expected /= expected.sum(axis=1, keepdims=True)

    method = LabelSpreading(alpha=alpha, tol=1e-12, max_iter=10_000)
    found = method.propagate(affinity, FEW_LABELS)

    np.testing.assert_allclose(found.probabilities, expected, atol=1e-6)
    assert found.converged


@given(seed=st.integers(0, 2**32 - 1))
def test_matches_scikit_learn_on_the_same_affinity(seed):
    affinity = random_affinity(seed)
    reference = Reference(kernel=lambda rows, _: affinity.toarray(), alpha=0.8, tol=0, max_iter=300)
    with pytest.warns(UserWarning, match="max_iter"):
        reference.fit(np.arange(12.0)[:, None], FEW_LABELS)

    found = LabelSpreading(alpha=0.8, tol=1e-10).propagate(affinity, FEW_LABELS)

    np.testing.assert_allclose(found.probabilities, reference.label_distributions_, atol=1e-5)


def test_an_image_that_no_label_reaches_gets_the_class_priors_and_is_flagged():
    found = LabelSpreading().propagate(TWO_PAIRS, np.array([0, 1, -1, -1]))
    assert found.reached.tolist() == [True, True, False, False]
    assert found.labels.tolist() == [0, 1, -1, -1]
    np.testing.assert_allclose(found.probabilities[2:], 0.5)


def test_a_class_without_labels_has_its_column():
    found = LabelSpreading().propagate(random_affinity(0), FEW_LABELS, n_classes=5)
    assert found.probabilities.shape == (12, 5)
    np.testing.assert_array_equal(found.probabilities[:, 3:], 0)


def test_warns_when_it_stops_early():
    with pytest.warns(ConvergenceWarning, match="max_iter=1"):
        found = LabelSpreading(max_iter=1).propagate(random_affinity(0), FEW_LABELS)
    assert not found.converged


@pytest.mark.parametrize("alpha", [-0.1, 0, 1, 1.5])
def test_refuses_alpha_outside_its_interval(alpha):
    with pytest.raises(InputError, match=r"`alpha=.*` is outside \(0, 1\)"):
        LabelSpreading(alpha=alpha)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.full(12, -1), "None of the 12 samples is labeled"),
        (FEW_LABELS[:9], r"labels has shape \(9,\), but this graph has 12 nodes"),
        (FEW_LABELS.astype(float), "dtype float64: pass integers"),
        (np.where(FEW_LABELS == 2, 18, FEW_LABELS), "class 18, but there are 5 classes"),
    ],
)
def test_refuses_labels_that_do_not_fit(labels, message):
    with pytest.raises(InputError, match=message):
        LabelSpreading().propagate(random_affinity(0), labels, n_classes=5)


def test_refuses_a_graph_with_a_direction_or_negative_weights():
    one_way = sparse.csr_array(np.triu(np.ones((12, 12)), k=1))
    with pytest.raises(InputError, match="not symmetric"):
        LabelSpreading().propagate(one_way, FEW_LABELS)
    with pytest.raises(InputError, match="negative weights"):
        LabelSpreading().propagate(-1 * random_affinity(0), FEW_LABELS)
