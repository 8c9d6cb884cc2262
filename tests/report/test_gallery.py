"""The gallery shows the most and the least certain images, the same every time."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report.samples import sample_content
from voisin.report.gallery import MAX_CLASSES, N_MISTAKES, make_cards, select_images

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
    assert cats.most_doubtful.tolist() == [2, 6, 4]
    assert cats.n_given == 6
    assert dogs.surest.tolist() == [7]
    assert dogs.most_doubtful.tolist() == []


def test_equal_images_keep_their_order():
    content = two_class_content([0.8] * 6, [-1] * 6, [-1] * 6)
    cats = select_images(content).classes[0]
    assert cats.surest.tolist() == [0, 1, 2]


def test_the_surest_mistakes_are_those_known_to_be_wrong():
    sureness = [0.99, 0.9, 0.8, 0.95, 0.05]
    truth = [1, 1, 1, -1, 1]  # the fourth is unknown, the fifth right
    content = two_class_content(sureness, [0, -1, -1, -1, -1], truth)

    selection = select_images(content)

    assert selection.mistakes.tolist() == [1, 2]
    assert selection.n_mistakes == 2


@given(seeds)
def test_nothing_labeled_or_unreached_is_chosen_for_a_class_and_nothing_twice(seed):
    reached = np.random.default_rng(seed).random(60) < 0.7
    content = sample_content(random_state=seed, reached=reached)
    predicted = content.probabilities.argmax(axis=1)

    for shown in select_images(content).classes:
        images = np.concatenate([shown.surest, shown.most_doubtful])
        assert len(set(images.tolist())) == len(images)
        assert (content.labels[images] == -1).all()
        assert reached[images].all()
        assert (predicted[images] == shown.label).all()


@given(seeds)
def test_no_image_of_a_class_is_surer_than_the_first_or_more_doubtful_than_the_last(seed):
    content = sample_content(random_state=seed)
    sure = content.probabilities.max(axis=1)
    predicted = content.probabilities.argmax(axis=1)

    for shown in select_images(content).classes:
        others = np.flatnonzero((predicted == shown.label) & (content.labels == -1))
        if len(others):
            assert sure[shown.surest[0]] == sure[others].max()
            assert shown.n_given == len(others)
        if len(shown.most_doubtful):
            assert sure[shown.most_doubtful[0]] == sure[others].min()


@given(seeds)
def test_mistakes_are_the_surest_wrong_ones(seed):
    content = sample_content(random_state=seed)
    sure = content.probabilities.max(axis=1)
    wrong = (content.truth != -1) & (content.probabilities.argmax(axis=1) != content.truth)

    selection = select_images(content)

    assert selection.n_mistakes == wrong.sum()
    expected = np.sort(sure[wrong])[::-1][:N_MISTAKES]
    np.testing.assert_array_equal(sure[selection.mistakes], expected)


def test_of_many_classes_those_given_most_often_are_shown_in_their_order():
    n_classes = MAX_CLASSES + 5
    content = sample_content(n_images=400, class_names=tuple(f"c{i}" for i in range(n_classes)))
    given_to = content.probabilities.argmax(axis=1)[content.labels == -1]
    counts = np.bincount(given_to, minlength=n_classes)

    shown = [of_class.label for of_class in select_images(content).classes]

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

    cards = make_cards(content, images)

    for image in images:
        if metric == "cosine":
            closeness = unit[labeled] @ unit[image]
            order = np.argsort(-closeness)[:3]
        else:
            closeness = np.linalg.norm(vectors[labeled] - vectors[image], axis=1)
            order = np.argsort(closeness)[:3]
        near = cards[image].neighbors
        assert [n.image for n in near] == labeled[order].tolist()
        assert [n.label for n in near] == content.labels[labeled[order]].tolist()
        np.testing.assert_allclose([n.closeness for n in near], closeness[order], atol=1e-5)


def test_a_card_has_class_probability_and_truth():
    content = two_class_content([1.0, 0.25], [0, -1], [-1, 1])

    card = make_cards(content, np.array([1]))[1]

    assert (card.predicted, card.probability, card.truth, card.reached) == (1, 0.75, 1, True)
    assert [n.image for n in card.neighbors] == [0]  # only one is labeled


def test_unreached_images_are_counted_and_the_first_are_shown():
    content = sample_content(reached=np.arange(60) < 50)
    selection = select_images(content)
    assert selection.n_unreached == 10
    assert selection.unreached.tolist() == [50, 51, 52]


def test_pictures_go_by_the_probability_of_the_label_even_where_another_class_is_likelier():
    content = two_class_content([0.5, 0.9, 0.8, 0.7, 0.6, 0.1], [-1] * 6, [-1] * 6)
    content = replace(content, predicted=np.array([0, 1, 1, 1, 1, 1]))

    shown = select_images(content).classes[1]

    assert shown.surest.tolist() == [5, 4, 3]  # dog has 0.9, 0.4 and 0.3
    assert shown.most_doubtful.tolist() == [1, 2]
    assert make_cards(content, np.array([1]))[1].probability == pytest.approx(0.1)
    assert content.n_not_likeliest == 4
