"""The networks, by the names that kinds of embedders give them, before they have weights."""

from collections.abc import Callable, Mapping
from typing import Any

from voisin.embedding.networks.autoencoder import Autoencoder
from voisin.embedding.networks.efficientnet import EfficientNetLite0
from voisin.embedding.networks.perceptron import Perceptron
from voisin.embedding.networks.residual_network import ResidualClassifier, ResidualNetwork
from voisin.embedding.networks.simple_cnn import SimpleCNN

# By the names in `voisin.embedding.specification.KINDS`, from numbers of channels and classes.
_NETWORKS: Mapping[str, Callable[[int, int], Any]] = {
    "backbone": lambda _, __: EfficientNetLite0(),
    "backbone-tuned": lambda _, n_classes: EfficientNetLite0(n_classes),
    "expert": SimpleCNN,
    "augmented": SimpleCNN,
    "simclr": lambda n_channels, _: ResidualNetwork(n_channels),
    "fine-tuned": ResidualClassifier,
    "vae": lambda n_channels, _: Autoencoder(n_channels),
    "neighbor-contrastive": lambda n_channels, _: Perceptron(n_channels),
}


def build_network(name: str, n_channels: int, n_classes: int) -> Any:
    """Build a network without training it.

    Examples
    --------
    >>> build_network("expert", 3, 7).fc.out_features
    7
    """
    return _NETWORKS[name](n_channels, n_classes)
