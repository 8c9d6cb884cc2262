"""The residual network: what its features are, and what its last layer gets."""

import numpy as np
import pytest
import torch

from voisin.embedding.inference import embed, predict, to_tensor
from voisin.embedding.networks.residual_network import ResidualClassifier, ResidualNetwork


@pytest.fixture(params=[1, 3])
def pixels(request):
    shape = (6, 28, 28, request.param)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def new(kind, *arguments):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return kind(*arguments).eval()


def test_features_are_means_and_deviations_of_each_channel_of_each_block(pixels):
    network = new(ResidualNetwork, pixels.shape[-1])
    maps = []
    for block in network.blocks:
        block.register_forward_hook(lambda _, __, out: maps.append(out.numpy()))
    with torch.inference_mode():
        found = network.features(to_tensor(pixels)).numpy()

    assert [m.shape[1:] for m in maps] == [(64, 28, 28), (128, 14, 14), (256, 7, 7)]
    expected = [m.mean(axis=(2, 3)) for m in maps] + [m.std(axis=(2, 3)) for m in maps]
    np.testing.assert_allclose(found, np.hstack(expected), atol=1e-5)


def test_the_last_layer_gets_the_means_of_the_last_block(pixels):
    network = new(ResidualClassifier, pixels.shape[-1], 4)
    with torch.inference_mode():
        means = network.features(to_tensor(pixels))[:, 64 + 128 : 64 + 128 + 256].numpy()
    weight, bias = network.fc.weight.detach().numpy(), network.fc.bias.detach().numpy()
    scores = means @ weight.T + bias

    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    expected = odds / odds.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(predict(network, pixels, device="cpu"), expected, atol=1e-5)


def test_vectors_are_the_features_but_for_rounding_to_half_precision(pixels):
    network = new(ResidualNetwork, pixels.shape[-1])
    with torch.inference_mode():
        exact = network.features(to_tensor(pixels)).numpy()

    found = embed(network, pixels, device="cpu")

    assert found.dtype == np.float32
    np.testing.assert_allclose(found, exact, atol=0.02 * np.abs(exact).max())


def test_a_classifier_takes_the_weights_of_a_network_that_has_no_classes():
    start = new(ResidualNetwork, 1).state_dict()
    classifier = new(ResidualClassifier, 1, 4)

    assert set(classifier.state_dict()) - set(start) == {"fc.weight", "fc.bias"}
    assert set(start) <= set(classifier.state_dict())
