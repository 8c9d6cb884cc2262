"""The classifier of a run as an ONNX graph: everything from pixels to probabilities and labels.

Decoding and resizing are left to the reader of the file. This module must not know how the
classifier was taught.
"""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from voisin import __version__
from voisin.calibration.scaling import FLOOR, Calibration
from voisin.embedding.specification import IMAGE_SIZE, KINDS, Part
from voisin.errors import InputError
from voisin.prediction.embedder import CLASSIFIERS, load_network
from voisin.prediction.model import LINEAR, Model
from voisin.writing import write_atomically

_SMALLEST = 1e-30  # in place of a length of 0
_OPSET = 17  # of 2022, by hand: every onnxruntime of today's Pythons reads it


def export_onnx(model: Model, path: Path) -> None:
    """Write the classifier as an ONNX file that needs no other library than onnxruntime.

    Inputs are ``pixels_<size>``, uint8 of shape (n, size, size, channels), one for each size that
    an embedder takes: images resized bicubically without keeping their proportions. Outputs are
    ``probabilities`` (n, n_classes) and ``label`` (n,), a position in the metadata's
    ``class_names``, which is a list in JSON.

    Raises
    ------
    InputError
        If an embedder is a model or a file of the user, which is not within the run.
    """
    outside = [str(part) for part in model.parts if part.kind in ("onnx", "pretrained", "vectors")]
    if model.classifier == LINEAR and outside:
        message = (
            f"The classifier takes vectors of {outside[0]}, which is not a part of the run: label "
            "new images by voisin predict, or run again with another --embedding."
        )
        raise InputError(message)
    network = ExportedModel(model).eval()
    names = [f"pixels_{size}" for size in network.sizes]
    images = [
        torch.zeros((2, size, size, model.n_channels), dtype=torch.uint8) for size in network.sizes
    ]
    channels = "gray" if model.n_channels == 1 else "RGB"
    metadata = {
        "class_names": json.dumps(model.class_names, ensure_ascii=False),
        "preprocessing": f"{channels}, uint8, resized bicubically to each input's size",
        "embedding": model.embedding,
        "version": f"voisin {__version__}",
    }
    with write_atomically(path) as partial:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # of the exporter, about itself
            torch.onnx.export(
                network,
                tuple(images),
                str(partial),
                dynamo=False,  # the newer exporter needs two more packages
                opset_version=_OPSET,
                input_names=names,
                output_names=["probabilities", "label"],
                dynamic_axes={name: {0: "n"} for name in [*names, "probabilities", "label"]},
            )
        document = onnx.load(partial)
        onnx.helper.set_model_props(document, metadata)
        onnx.save(document, partial)


class ExportedModel(nn.Module):
    """A model as one module of PyTorch, from uint8 pixels to probabilities and labels.

    Attributes
    ----------
    sizes : tuple of int
        Pixels per side of each input, ascending.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        if model.classifier == LINEAR:
            self.sizes_of_parts = [model.sizes.get(str(part), IMAGE_SIZE) for part in model.parts]
            self.parts = nn.ModuleList(_embedder_layer(model, part) for part in model.parts)
            self.head: nn.Module = LinearHead(model)
        else:
            self.sizes_of_parts = [IMAGE_SIZE]
            network = load_network(model, "network", CLASSIFIERS[model.classifier])
            self.parts = nn.ModuleList([network])
            self.head = nn.Identity()
        self.sizes = tuple(sorted(set(self.sizes_of_parts)))
        self.calibration = CalibrationLayer(model.calibration)
        self.factors = _tensor(model.decision.factors)

    def forward(self, *pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return probabilities and labels."""
        scaled = {
            size: one.permute(0, 3, 1, 2).float() / 127.5 - 1
            for size, one in zip(self.sizes, pixels, strict=True)
        }
        pairs = zip(self.parts, self.sizes_of_parts, strict=True)
        scores = self.head(*(part(scaled[size]) for part, size in pairs))
        probabilities = self.calibration(scores)
        return probabilities.float(), (probabilities * self.factors).argmax(dim=1)


class LinearHead(nn.Module):
    """Joins vectors as `voisin.embedding.combination.Combination` does; then a linear layer."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.weight, self.bias = (_tensor(model.weights[f"head.{n}"]) for n in ("weight", "bias"))
        joined = model.combination
        self.means = None if joined is None else [_tensor(mean) for mean in joined.means]
        self.axes = None if joined is None or joined.axes is None else _tensor(joined.axes)

    def forward(self, *vectors: Tensor) -> Tensor:
        """Return one score per class."""
        joined = vectors[0] if self.means is None else self._join(vectors, self.means)
        return joined @ self.weight + self.bias

    def _join(self, vectors: tuple[Tensor, ...], means: list[Tensor]) -> Tensor:
        normalized = []
        for vector, mean in zip(vectors, means, strict=True):
            centered = vector.double() - mean
            length = centered.norm(dim=1, keepdim=True).clamp(min=_SMALLEST)
            normalized.append((centered / length).float())
        joined = torch.cat(normalized, dim=1)
        return joined if self.axes is None else joined @ self.axes


class CalibrationLayer(nn.Module):
    """`Calibration` of the softmax of scores, in float64, so that steep curves lose no digits."""

    def __init__(self, calibration: Calibration) -> None:
        super().__init__()
        self.floors = _tensor(np.asarray(calibration.floors, dtype=np.float64))
        self.log_factors = _tensor(np.log(calibration.factors))
        self.class_priors = _tensor(calibration.class_priors)
        self.temperature = float(calibration.temperature)
        self.curves = calibration.curves

    def forward(self, scores: Tensor) -> Tensor:
        """Return calibrated probabilities, as `Calibration.apply` does."""
        stated = torch.softmax(scores.double(), dim=1)
        logs = torch.log(torch.maximum(stated, self.floors)) / self.temperature + self.log_factors
        mapped = torch.softmax(logs, dim=1) * self.class_priors
        mapped = mapped / mapped.sum(dim=1, keepdim=True)
        if not self.curves:
            return mapped
        columns = [
            mapped[:, c] if curve is None else _interpolate(mapped[:, c], curve.stated, curve.true)
            for c, curve in enumerate(self.curves)
        ]
        raised = torch.stack(columns, dim=1).clamp(min=FLOOR)
        return raised / raised.sum(dim=1, keepdim=True)


def _interpolate(values: Tensor, x: Any, y: Any) -> Tensor:
    """Interpolate linearly between points, as `numpy.interp` does: a sum of clamped ramps."""
    result = torch.full_like(values, float(y[0]))
    for left, right, low, high in zip(x[:-1], x[1:], y[:-1], y[1:], strict=True):
        ramp = (values.clamp(float(left), float(right)) - float(left)) / float(right - left)
        result = result + ramp * float(high - low)
    return result


def _tensor(values: Any) -> Tensor:
    return torch.from_numpy(np.array(values))


def _embedder_layer(model: Model, part: Part) -> nn.Module:
    if part.kind == "pixels":
        return PixelLayer(model.weights_of(str(part)))
    network = load_network(model, str(part), KINDS[part.kind].network)
    return FeatureLayer(network.fused() if KINDS[part.kind].module == "backbone" else network)


class FeatureLayer(nn.Module):
    """The features of a network, in place of its scores."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Return one row per image."""
        features: Tensor = self.network.features(images)
        return features


class PixelLayer(nn.Module):
    """Principal components of pixels."""

    def __init__(self, weights: Any) -> None:
        super().__init__()
        self.center, self.components = (_tensor(weights[n]) for n in ("center", "components"))

    def forward(self, images: Tensor) -> Tensor:
        """Return one row per image."""
        values = images.permute(0, 2, 3, 1).flatten(1)
        return (values - self.center) @ self.components.T
