"""Labels that come later lead to where solving again would."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from tests.propagation.graphs import TWO_PAIRS, random_affinity, two_moons
from voisin.errors import InputError
from voisin.propagation.live import LiveSpreading, push
from voisin.propagation.matrices import normalize_affinity
from voisin.propagation.spreading import LabelSpreading

METHOD = LabelSpreading(tol=1e-8)


def long_ring(n_samples=1_000):
    ones = np.ones(n_samples)
    ring = sparse.diags_array(
        [ones, ones, ones, ones],
        offsets=[1, -1, n_samples - 1, 1 - n_samples],
        shape=(n_samples, n_samples),
    )
    return ring.tocsr()


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), steps=st.integers(1, 5))
def test_added_corrected_and_withdrawn_labels_lead_where_solving_again_does(seed, steps):
    generator = np.random.default_rng(seed)
    affinity = random_affinity(seed, n_samples=30)
    labels = np.full(30, -1)
    labels[:3] = [0, 1, 2]
    live = LiveSpreading(METHOD, affinity, labels)
    for _ in range(steps):
        rows = generator.choice(np.arange(1, 30), 3, replace=False)
        labels[rows] = generator.integers(-1, 3, size=3)
        live.add(rows, labels[rows])

    expected = METHOD.propagate(affinity, labels, n_classes=3)

    np.testing.assert_allclose(live.propagation.probabilities, expected.probabilities, atol=1e-5)
    assert live.propagation.residual <= 1e-8
    assert live.propagation.converged


def test_only_the_surroundings_of_a_new_label_change():
    labels = np.full(1_000, -1)
    labels[[0, 500]] = [0, 1]
    method = LabelSpreading(alpha=0.5, tol=1e-4, class_priors="uniform")
    live = LiveSpreading(method, long_ring(), labels)

    changed = live.add([200], [1])

    between = [*range(90, 260), *range(745, 756)]  # the last are as far from both others
    assert {100, 200, 250} <= set(changed.tolist()) <= set(between)


def test_reports_no_image_whose_scores_stay():
    labels = np.full(1_000, -1)
    labels[[0, 500]] = [0, 1]
    method = LabelSpreading(tol=1e-4, class_priors="uniform")
    live = LiveSpreading(method, long_ring(), labels)
    before = live.propagation.probabilities.copy()
    scores = live._scores.copy()

    changed = live.add([200], [1])

    pushed = (live._scores != scores).any(axis=0)
    moved = (live.propagation.probabilities != before).any(axis=1)
    assert (pushed | moved)[changed].all()


def count_pushes_of_southwell(smoother, alpha, goal):
    """Push the largest residual, one node at a time; the right-hand side is 1 at the first."""
    residual, n_pushes = np.eye(len(smoother))[0], 0
    while residual @ residual > goal:
        node = abs(residual).argmax()
        pushed, residual[node] = residual[node], 0
        residual += alpha * smoother[node] * pushed
        n_pushes += 1
    return n_pushes


@pytest.mark.parametrize("alpha", [0.5, 0.9, 0.99])
def test_pushing_more_than_the_residual_saves_almost_half_of_the_pushes(alpha):
    n_samples, goal = 200, 1e-8
    smoother = normalize_affinity(long_ring(n_samples))
    scores, residual = np.zeros(n_samples), np.eye(n_samples)[0]
    state, changed = np.eye(n_samples, dtype=np.uint8)[0], np.zeros(n_samples, dtype=np.bool_)
    touched, queue = np.zeros((2, n_samples), dtype=np.int64)

    square, _, n_pushes = push(
        smoother.indptr,
        smoother.indices,
        smoother.data,
        alpha,
        scores,
        residual,
        1.0,
        goal,
        100_000,
        touched,
        1,
        state,
        queue,
        changed,
    )

    expected = np.eye(n_samples)[0] - scores + alpha * smoother @ scores
    assert n_pushes < 0.62 * count_pushes_of_southwell(smoother.toarray(), alpha, goal)
    assert square <= goal
    np.testing.assert_allclose(residual, expected, atol=1e-12)
    np.testing.assert_array_equal(changed, scores != 0)


def test_images_that_are_not_reported_have_not_changed():
    affinity, truth = two_moons()
    labels = np.full(len(truth), -1)
    labels[[50, 150]] = [0, 1]
    live = LiveSpreading(METHOD, affinity, labels)
    before = live.propagation.probabilities.copy()

    changed = live.add([60], [0])

    differs = (live.propagation.probabilities != before).any(axis=1)
    assert not differs[np.setdiff1d(np.arange(len(truth)), changed)].any()


def test_a_first_label_reaches_its_component():
    live = LiveSpreading(METHOD, TWO_PAIRS, np.array([0, -1, -1, -1]), n_classes=2)

    live.add([2], [1])

    assert live.propagation.labels.tolist() == [0, 0, 1, 1]


def test_a_last_label_leaves_its_component_with_the_class_priors():
    live = LiveSpreading(METHOD, TWO_PAIRS, np.array([0, -1, 1, -1]))

    live.add([2], [-1])

    assert live.propagation.labels.tolist() == [0, 0, -1, -1]
    assert live.propagation.probabilities[3].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("rows", "labels", "message"),
    [
        ([4], [0], "rows reach from 4 to 4: there are 4 images"),
        ([1], [2], "labels reach from 2 to 2: there are 2 classes"),
        ([1, 2], [0], r"rows has shape \(2,\) and labels \(1,\)"),
        ([0], [-1], "No label would be left"),
    ],
)
def test_refuses_images_and_classes_that_do_not_exist(rows, labels, message):
    live = LiveSpreading(METHOD, TWO_PAIRS, np.array([0, -1, -1, -1]), n_classes=2)

    with pytest.raises(InputError, match=message):
        live.add(rows, labels)


def test_labels_taken_back_where_nothing_is_linked_end_the_pushing():
    n, alone = 60, 101
    rows = np.arange(n - 1)
    path = sparse.coo_array((np.ones(n - 1), (rows, rows + 1)), shape=(n + alone, n + alone))
    affinity = sparse.csr_array(path + path.T)
    labels = np.full(n + alone, -1)
    labels[[30, *range(n, n + 100)]] = 0
    labels[n - 1] = 1
    live = LiveSpreading(LabelSpreading(alpha=0.5), affinity, labels, n_classes=2)

    for i in range(100):
        live.add([n + i], [1])
        labels[n + i] = 1

    expected = LabelSpreading(alpha=0.5).propagate(affinity, labels, n_classes=2)
    np.testing.assert_allclose(live.propagation.probabilities, expected.probabilities, atol=1e-2)
    assert live.propagation.reached[:n].all()


def test_where_nothing_arrives_within_the_tolerance_images_follow_their_nearest_label():
    labels = np.full(1_000, -1)
    labels[[0, 500]] = [0, 1]
    method = LabelSpreading(alpha=0.5, tol=1e-4)
    live = LiveSpreading(method, long_ring(), labels)
    live.add([200], [1])
    labels[200] = 1

    expected = method.propagate(long_ring(), labels)

    assert live.propagation.reached.all()
    assert live.propagation.labels[[80, 120, 240, 740, 760]].tolist() == [0, 1, 1, 1, 0]
    np.testing.assert_allclose(live.propagation.probabilities, expected.probabilities, atol=1e-2)
