"""The gallery shows the same, telling images every time."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report.samples import sample_content
from voisin.evaluation.metrics import certainty
from voisin.report.gallery import MAX_CLASSES, N_MISTAKES, make_card, select_images

seeds = st.integers(0, 2**32 - 1)


def sure_of(first_class, sureness):
    """Two classes; how probable the first is, image by image."""
    p = np.asarray(sureness, dtype=float)
    return np.stack([p, 1 - p] if first_class == 0 else [1 - p, p], axis=1)


def two_class_content(sureness, labels, truth):
    labels, truth = np.asarray(labels), np.asarray(truth)
    return sample_content(
        n_images=len(labels), class_names=("cat", "dog"), labels=labels, truth=truth,
        probabilities=sure_of(0, sureness), rounds=(), scores=(),
    )  # fmt: skip


def test_the_surest_come_first_and_the_most_doubtful_last():
    sureness = [1.0, 0.9, 0.55, 0.8, 0.7, 0.95, 0.6, 0.1]
    content = two_class_content(sureness, [0] + [-1] * 7, [-1] * 8)

    cats, dogs = select_images(content).classes

    assert cats.surest.tolist() == [5, 1, 3]  # the labeled image 0 is left out
    assert cats.doubtful.tolist() == [2, 6, 4]
    assert cats.n_given == 6
    assert dogs.surest.tolist() == [7]
    assert dogs.doubtful.tolist() == []


def test_equal_images_keep_their_order():
    content = two_class_content([0.8] * 6, [-1] * 6, [-1] * 6)
    cats = select_images(content).classes[0]
    assert cats.surest.tolist() == [0, 1, 2]


def test_the_surest_mistakes_are_those_known_to_be_wrong():
    sureness = [0.99, 0.9, 0.8, 0.95, 0.05]
    truth = [1, 1, 1, -1, 1]  # the fourth is unknown, the fifth right
    content = two_class_content(sureness, [0, -1, -1, -1, -1], truth)

    choice = select_images(content)

    assert choice.mistakes.tolist() == [1, 2]
    assert choice.n_mistakes == 2


@given(seeds)
def test_nothing_labeled_or_unreached_is_chosen_for_a_class_and_nothing_twice(seed):
    reached = np.random.default_rng(seed).random(60) < 0.7
    content = sample_content(random_state=seed, reached=reached)
    predicted = content.probabilities.argmax(axis=1)

    for chosen in select_images(content).classes:
        images = np.concatenate([chosen.surest, chosen.doubtful])
        assert len(set(images.tolist())) == len(images)
        assert (content.labels[images] == -1).all()
        assert reached[images].all()
        assert (predicted[images] == chosen.label).all()


@given(seeds)
def test_no_image_of_a_class_is_surer_than_the_surest_or_more_doubtful_than_the_last(seed):
    content = sample_content(random_state=seed)
    sure = certainty(content.probabilities)
    predicted = content.probabilities.argmax(axis=1)

    for chosen in select_images(content).classes:
        others = np.flatnonzero((predicted == chosen.label) & (content.labels == -1))
        if len(others):
            assert sure[chosen.surest[0]] == sure[others].max()
            assert chosen.n_given == len(others)
        if len(chosen.doubtful):
            assert sure[chosen.doubtful[0]] == sure[others].min()


@given(seeds)
def test_mistakes_are_the_surest_wrong_ones(seed):
    content = sample_content(random_state=seed)
    sure = certainty(content.probabilities)
    wrong = (content.truth != -1) & (content.probabilities.argmax(axis=1) != content.truth)

    choice = select_images(content)

    assert choice.n_mistakes == wrong.sum()
    expected = np.sort(sure[wrong])[::-1][:N_MISTAKES]
    np.testing.assert_array_equal(sure[choice.mistakes], expected)


def test_of_many_classes_those_given_most_often_are_shown_in_their_order():
    n_classes = MAX_CLASSES + 5
    content = sample_content(n_images=400, class_names=tuple(f"c{i}" for i in range(n_classes)))
    given_to = content.probabilities.argmax(axis=1)[content.labels == -1]
    counts = np.bincount(given_to, minlength=n_classes)

    shown = [chosen.label for chosen in select_images(content).classes]

    assert shown == sorted(shown)
    assert len(shown) == MAX_CLASSES
    assert counts[shown].min() >= np.delete(counts, shown).max()


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_neighbors_are_the_nearest_labeled_images_by_brute_force(metric):
    content = sample_content(metric=metric)
    images = np.array([20, 33])
    labeled = np.flatnonzero(content.labels != -1)
    vectors = content.embeddings.astype(np.float64)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    described = make_card(content, images)

    for image in images:
        if metric == "cosine":
            closeness = unit[labeled] @ unit[image]
            order = np.argsort(-closeness)[:3]
        else:
            closeness = np.linalg.norm(vectors[labeled] - vectors[image], axis=1)
            order = np.argsort(closeness)[:3]
        near = described[image].neighbors
        assert [n.image for n in near] == labeled[order].tolist()
        assert [n.label for n in near] == content.labels[labeled[order]].tolist()
        np.testing.assert_allclose([n.closeness for n in near], closeness[order], atol=1e-5)


def test_an_exhibit_tells_class_probability_certainty_and_truth():
    content = two_class_content([1.0, 0.25], [0, -1], [-1, 1])

    shown = make_card(content, np.array([1]))[1]

    assert (shown.predicted, shown.probability, shown.truth, shown.reached) == (1, 0.75, 1, True)
    assert shown.certainty == pytest.approx(1 - 0.811278, abs=1e-6)  # entropy of (1/4, 3/4) in bits
    assert [n.image for n in shown.neighbors] == [0]  # only one is labeled


def test_unreached_images_are_counted_and_the_first_are_shown():
    content = replace(sample_content(), reached=np.arange(60) < 50)
    choice = select_images(content)
    assert choice.n_unreached == 10
    assert choice.unreached.tolist() == [50, 51, 52]
