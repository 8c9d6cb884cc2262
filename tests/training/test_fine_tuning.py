"""Training on augmented images: it learns, two runs agree, and weights count."""

import numpy as np
import pytest
import torch

from tests.training.test_supervised import assert_same_network, state_of, stripes
from voisin.embedding.inference import predict
from voisin.embedding.networks.residual_network import ResidualClassifier
from voisin.embedding.networks.simple_cnn import SimpleCNN
from voisin.errors import InputError
from voisin.training.fine_tuning import FineTuning

QUICK = FineTuning("fixed", epochs=4)


def new(random_state=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(random_state)
        return SimpleCNN(1, 2)


@pytest.mark.parametrize("kind", [SimpleCNN, ResidualClassifier])
def test_learns_a_simple_pattern(kind):
    pixels, labels = stripes()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = kind(1, 2)
    trained = QUICK.fit(network, pixels, labels)
    new_pixels, new_labels = stripes(seed=1)

    assert not trained.training
    assert (predict(trained, new_pixels).argmax(axis=1) == new_labels).mean() > 0.95


def test_stripes_that_may_be_turned_freely_cannot_be_told_apart():
    pixels, labels = stripes()
    trained = FineTuning("any", epochs=4).fit(new(), pixels, labels)

    certain = predict(trained, pixels).max(axis=1).mean()
    assert certain < predict(QUICK.fit(new(), pixels, labels), pixels).max(axis=1).mean() - 0.1


def test_the_same_random_state_gives_the_same_network_whatever_the_number_of_threads():
    pixels, labels = stripes()
    n_threads = torch.get_num_threads()
    first = QUICK.fit(new(), pixels, labels, random_state=3)
    torch.set_num_threads(n_threads + 1)
    try:
        second = QUICK.fit(new(), pixels, labels, random_state=3)
    finally:
        torch.set_num_threads(n_threads)
    assert_same_network(first, second)
    other = QUICK.fit(new(), pixels, labels, random_state=4)
    assert not np.array_equal(state_of(first)["fc.weight"], state_of(other)["fc.weight"])


def test_an_image_of_weight_zero_might_as_well_not_be_there():
    pixels, labels = stripes()
    weights = np.ones(60)
    weights[40:] = 0
    wrong = np.where(weights > 0, labels, -1)

    weighted = QUICK.fit(new(), pixels, wrong, weights=weights)
    assert_same_network(weighted, QUICK.fit(new(), pixels[:40], labels[:40]))


def test_unknown_labels_are_refused():
    pixels, labels = stripes()
    with pytest.raises(InputError, match=r"labels has 1 unknown \(-1\)"):
        QUICK.fit(new(), pixels, np.where(np.arange(60) == 5, -1, labels))


def test_distributions_are_learned_in_place_of_labels():
    pixels, labels = stripes()
    certain = np.eye(2, dtype=np.float32)[labels]
    doubtful = (0.2 * certain + 0.4).astype(np.float32)
    training = FineTuning("fixed", epochs=12, label_smoothing=0.0)

    by_labels = training.fit(new(), pixels, labels)
    assert_same_network(by_labels, training.fit(new(), pixels, certain))

    sure, unsure = (
        predict(net, pixels).max(axis=1).mean()
        for net in (by_labels, training.fit(new(), pixels, doubtful))
    )
    assert sure > 0.9
    assert unsure < 0.75
