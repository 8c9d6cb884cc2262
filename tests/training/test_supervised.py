"""Supervised training: weights count, two runs agree, an interrupted one resumes."""

import numpy as np
import pytest
import torch

from voisin.embedding.inference import predict
from voisin.errors import InputError
from voisin.training.supervised import SupervisedTraining

QUICK = SupervisedTraining(epochs=4, batch_size=16)


def stripes(n_images=60, seed=0):
    """Horizontal stripes against vertical ones, with noise."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n_images) % 2
    rows = (np.arange(28) % 4 < 2)[:, None] * 120.0
    patterns = np.stack([np.broadcast_to(rows, (28, 28)), np.broadcast_to(rows.T, (28, 28))])
    noisy = patterns[labels] + rng.integers(0, 100, (n_images, 28, 28))
    return noisy[..., None].astype(np.uint8), labels


def state_of(network):
    return {name: value.numpy() for name, value in network.state_dict().items()}


def assert_same_network(one, other):
    for (name, a), b in zip(state_of(one).items(), state_of(other).values(), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)


def test_learns_a_simple_pattern():
    pixels, labels = stripes()
    network = QUICK.fit(pixels, labels, n_classes=2)
    new_pixels, new_labels = stripes(seed=1)
    assert (predict(network, new_pixels).argmax(axis=1) == new_labels).mean() > 0.95


def test_the_same_random_state_gives_the_same_network_whatever_the_number_of_threads():
    pixels, labels = stripes()
    n_threads = torch.get_num_threads()
    first = QUICK.fit(pixels, labels, n_classes=2, random_state=3)
    torch.set_num_threads(n_threads + 1)
    try:
        second = QUICK.fit(pixels, labels, n_classes=2, random_state=3)
        assert torch.get_num_threads() == n_threads + 1
    finally:
        torch.set_num_threads(n_threads)
    assert_same_network(first, second)
    other = QUICK.fit(pixels, labels, n_classes=2, random_state=4)
    assert not np.array_equal(state_of(first)["fc.weight"], state_of(other)["fc.weight"])


def test_the_callers_random_numbers_are_left_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    QUICK.fit(*stripes(), n_classes=2)
    torch.testing.assert_close(torch.rand(3), expected)


class InterruptionError(Exception):
    pass


@pytest.mark.parametrize("after", [1, 3])
def test_an_interrupted_training_resumes_to_the_same_network(tmp_path, after):
    pixels, labels = stripes()
    path = tmp_path / "training.pt"

    def stop(task, done, total):
        if done == after:
            raise InterruptionError

    with pytest.raises(InterruptionError):
        QUICK.fit(pixels, labels, n_classes=2, checkpoint=path, progress=stop)
    epochs = []
    resumed = QUICK.fit(
        pixels,
        labels,
        n_classes=2,
        checkpoint=path,
        progress=lambda _, done, __: epochs.append(done),
    )

    assert epochs[0] == after + 1
    assert_same_network(resumed, QUICK.fit(pixels, labels, n_classes=2))


def test_a_damaged_checkpoint_is_as_good_as_none(tmp_path):
    path = tmp_path / "training.pt"
    path.write_bytes(b"half of a file")
    pixels, labels = stripes()
    again = QUICK.fit(pixels, labels, n_classes=2, checkpoint=path)
    assert_same_network(again, QUICK.fit(pixels, labels, n_classes=2))


def test_an_image_of_weight_zero_might_as_well_not_be_there():
    pixels, labels = stripes()
    weights = np.ones(60)
    weights[::3] = 0
    wrong = np.where(weights > 0, labels, 1 - labels)
    weighted = QUICK.fit(pixels, wrong, n_classes=2, weights=weights)
    without = QUICK.fit(pixels[weights > 0], labels[weights > 0], n_classes=2)
    assert_same_network(weighted, without)


def test_heavier_images_win_where_labels_contradict_one_another():
    pixels, labels = stripes()
    twice = np.concatenate([pixels, pixels])
    both = np.concatenate([labels, 1 - labels])
    weights = np.repeat([1.0, 0.05], 60)
    network = QUICK.fit(twice, both, n_classes=2, weights=weights)
    assert (predict(network, pixels).argmax(axis=1) == labels).mean() > 0.95


def test_stops_early_once_the_loss_no_longer_falls():
    pixels = np.zeros((8, 28, 28, 1), dtype=np.uint8)  # nothing to learn: the loss stays at log 2
    epochs = []
    SupervisedTraining(epochs=200).fit(
        pixels, np.arange(8) % 2, n_classes=2, progress=lambda _, done, __: epochs.append(done)
    )
    assert len(epochs) < 100
    assert epochs[-1] == 200  # the progress bar reaches its end


@pytest.mark.parametrize("n_images", [17, 33])
def test_a_last_batch_of_one_image_joins_the_one_before(n_images):
    pixels, labels = stripes(n_images)
    network = SupervisedTraining(epochs=1, batch_size=16).fit(pixels, labels, n_classes=2)
    assert int(network.layer1[1].num_batches_tracked) == n_images // 16


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (np.zeros(60), "0 images have a weight above 0"),
        (np.full(60, -1.0), "negative or non-finite"),
        (np.full(60, np.nan), "negative or non-finite"),
        (np.ones(59), "60 images, 60 labels and 59 weights"),
    ],
)
def test_unusable_weights_are_refused(weights, words):
    pixels, labels = stripes()
    with pytest.raises(InputError, match=words):
        QUICK.fit(pixels, labels, n_classes=2, weights=weights)


def test_unknown_labels_and_wrong_settings_are_refused():
    pixels, labels = stripes()
    labels = labels.copy()
    labels[3] = -1
    with pytest.raises(InputError, match="1 unknown"):
        QUICK.fit(pixels, labels, n_classes=2)
    with pytest.raises(InputError, match="`epochs=0` is too small"):
        SupervisedTraining(epochs=0)
