"""The expert network: a small convolutional network, trained on the few labels, and its files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor, nn

from voisin.embedding.specification import IMAGE_SIZE
from voisin.embedding.weights import load_weights, read_class_names
from voisin.errors import InputError

_WIDTHS = (16, 32)  # channels of either block; those of the notebook whose weights it can load
_OF_RUN = "network."  # begins the keys of the classifier in a run's model.safetensors
N_FEATURES = (IMAGE_SIZE // 4) ** 2 * _WIDTHS[1]  # 1,568: either block halves the sides


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
        self.layer1 = _block(in_channels, _WIDTHS[0])
        self.layer2 = _block(*_WIDTHS)
        self.fc = nn.Linear(N_FEATURES, num_classes)

    def features(self, images: Tensor) -> Tensor:
        """Return the 1,568 values before the linear layer."""
        features: Tensor = self.layer2(self.layer1(images)).flatten(1)
        return features

    def forward(self, images: Tensor) -> Tensor:
        """Return one score (logit) per class, from images of shape (n, channels, 28, 28)."""
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
    """Load a network's weights from a ``.pth`` or ``.safetensors`` file, without running code.

    Parameters
    ----------
    path : Path
        A state dict saved by ``torch.save(network.state_dict(), path)``, or safetensors, such as a
        run's ``model.safetensors``.
    in_channels, num_classes : int
        What the images need.
    class_names : sequence of str, optional
        Where the file names the classes of its outputs (voisin's own files do), the outputs are
        put in this order.

    Raises
    ------
    InputError
        If the file cannot be read without running code, or a key is missing, unknown or of
        another shape, or it was trained on other classes.
    """
    network = SimpleCNN(in_channels, num_classes)
    state = _read_state(path)
    problem = _find_mismatch(network.state_dict(), state)
    if problem:
        message = (
            f"{path} does not fit SimpleCNN with {in_channels} channels and {num_classes} classes: "
            f"{problem}. Pass weights trained on images and classes like these."
        )
        raise InputError(message)
    network.load_state_dict(dict(state))
    trained_on = read_class_names(path)
    if trained_on and class_names:
        if set(trained_on) != set(class_names):
            message = (
                f"{path} was trained on the classes {', '.join(trained_on)}, "
                f"but these images have {', '.join(class_names)}: pass weights for these classes."
            )
            raise InputError(message)
        order = [list(trained_on).index(name) for name in class_names]
        network.fc.weight.data = network.fc.weight.data[order]
        network.fc.bias.data = network.fc.bias.data[order]
    return network.eval()


def _read_state(path: Path) -> Mapping[str, Tensor]:
    if not path.is_file():
        message = f"{path} is not a file: pass the expert's weights (.pth, .pt or .safetensors)."
        raise InputError(message)
    state = load_weights(path)
    if isinstance(state, Mapping) and any(name.startswith(_OF_RUN) for name in state):
        state = {
            name.removeprefix(_OF_RUN): value
            for name, value in state.items()
            if name.startswith(_OF_RUN)
        }
    if not isinstance(state, Mapping) or not all(isinstance(v, Tensor) for v in state.values()):
        message = (
            f"{path} holds no state dict: save it with torch.save(network.state_dict(), path)."
        )
        raise InputError(message)
    return state


def _find_mismatch(expected: Mapping[str, Tensor], loaded: Mapping[str, Tensor]) -> str:
    """Describe the first key or shape that differs; return an empty text if none does."""
    if missing := sorted(expected.keys() - loaded.keys()):
        return f"{missing[0]} is missing (the file has {', '.join(sorted(loaded))})"
    if unknown := sorted(loaded.keys() - expected.keys()):
        return f"{unknown[0]} is not one of its keys ({', '.join(expected)})"
    for key, value in expected.items():
        if value.shape != loaded[key].shape:
            return f"{key} has shape {tuple(loaded[key].shape)}, expected {tuple(value.shape)}"
    return ""
