"""The chapter's expert: a small convolutional network, and its files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor, nn

from voisin.embedding.weights_file import load_weights_only, read_class_names
from voisin.errors import InputError

IMAGE_SIZE = 28
N_FEATURES = 7 * 7 * 32


class SimpleCNN(nn.Module):
    """Two blocks of convolution, normalization, ReLU and pooling, then one linear layer.

    Parameters
    ----------
    in_channels : int
        1 for gray images, 3 for color.
    num_classes : int

    Examples
    --------
    >>> import torch
    >>> network = SimpleCNN(in_channels=3, num_classes=7)
    >>> network(torch.zeros(2, 3, 28, 28)).shape
    torch.Size([2, 7])
    >>> network.features(torch.zeros(2, 3, 28, 28)).shape
    torch.Size([2, 1568])
    """

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        self.layer1 = _block(in_channels, 16)
        self.layer2 = _block(16, 32)
        self.fc = nn.Linear(N_FEATURES, num_classes)

    def features(self, images: Tensor) -> Tensor:
        """Return the 1,568 values before the linear layer."""
        features: Tensor = self.layer2(self.layer1(images)).flatten(1)
        return features

    def forward(self, images: Tensor) -> Tensor:
        """Return one score (logit) a class, from images of shape (n, channels, 28, 28)."""
        scores: Tensor = self.fc(self.features(images))
        return scores


def _block(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
        nn.MaxPool2d(kernel_size=2, stride=2),
    )


def load_simple_cnn(
    path: Path, in_channels: int, num_classes: int, class_names: Sequence[str] = ()
) -> SimpleCNN:
    """Load a network's weights from a ``.pth`` or ``.safetensors`` file; never code.

    Parameters
    ----------
    path : Path
        A state dict saved by ``torch.save(network.state_dict(), path)``, or safetensors.
    in_channels, num_classes : int
        What the images need.
    class_names : sequence of str, optional
        Where the file says which classes its outputs are (voisin's own do), the outputs are put
        in this order.

    Raises
    ------
    InputError
        If the file cannot be read without running code, or a key is missing, unknown or of
        another shape, or it was trained on other classes.
    """
    network = SimpleCNN(in_channels, num_classes)
    found = _read_state(path)
    problem = _mismatch(network.state_dict(), found)
    if problem:
        message = (
            f"{path} does not fit SimpleCNN with {in_channels} channels and {num_classes} classes: "
            f"{problem}. Pass weights trained on images and classes like these."
        )
        raise InputError(message)
    network.load_state_dict(dict(found))
    named = read_class_names(path)
    if named and class_names:
        order = _order_of(path, named, class_names)
        network.fc.weight.data = network.fc.weight.data[order]
        network.fc.bias.data = network.fc.bias.data[order]
    return network.eval()


def _order_of(path: Path, named: Sequence[str], class_names: Sequence[str]) -> list[int]:
    """Return where the file has each class."""
    if set(named) != set(class_names):
        message = (
            f"{path} was trained on the classes {', '.join(named)}, "
            f"but these images have {', '.join(class_names)}: pass weights for these classes."
        )
        raise InputError(message)
    return [list(named).index(name) for name in class_names]


def _read_state(path: Path) -> Mapping[str, Tensor]:
    if not path.is_file():
        message = f"{path} is not a file: pass the expert's weights (.pth, .pt or .safetensors)."
        raise InputError(message)
    state = load_weights_only(path)
    if not isinstance(state, Mapping) or not all(isinstance(v, Tensor) for v in state.values()):
        message = (
            f"{path} holds no state dict: save it with torch.save(network.state_dict(), path)."
        )
        raise InputError(message)
    return state


def _mismatch(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str:
    """Say which key or shape differs first; an empty text if none does."""
    if missing := sorted(expected.keys() - found.keys()):
        return f"{missing[0]} is missing (the file has {', '.join(sorted(found))})"
    if unknown := sorted(found.keys() - expected.keys()):
        return f"{unknown[0]} is not one of its keys ({', '.join(expected)})"
    for key, value in expected.items():
        if value.shape != found[key].shape:
            return f"{key} has shape {tuple(found[key].shape)}, expected {tuple(value.shape)}"
    return ""
