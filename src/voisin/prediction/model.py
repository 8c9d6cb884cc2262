"""The classifier that a run leaves, from pixels to calibrated probabilities, and its file.

The file is ``model.safetensors``; docs/files.md lists what is in it. This module must not know how
the classifier was taught, nor the graph.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voisin import __version__
from voisin.calibration.decision import Decision
from voisin.calibration.scaling import Calibration, Curve
from voisin.embedding.combination import Combination
from voisin.embedding.specification import Part, parse_embedding
from voisin.errors import ProjectError
from voisin.labeling.classifier import LinearScores
from voisin.types import Embeddings, Probabilities
from voisin.writing import write_atomically

MODEL = "model.safetensors"
LINEAR = "linear"


@dataclass(frozen=True, eq=False)
class Model:
    """A classifier, and the embedders whose vectors it takes, as arrays.

    Attributes
    ----------
    classifier : str
        ``linear`` for a linear layer on the vectors, else the class of a network that takes images
        of 28 pixels: ``SimpleCNN`` or ``ResidualClassifier``.
    embedding : str
        The embedders, as `voisin.embedding.specification` parses them.
    class_names : tuple of str
    n_channels : int
        1 for gray images, 3 for color.
    sizes : dict of str to int
        Pixels per side of the images that an embedder gets, where that is not its own.
    calibration : Calibration
        Of the classifier's probabilities.
    decision : Decision
        The rule that makes labels of probabilities: the run's.
    weights : dict of str to array
        ``head.weight`` and ``head.bias``, or the network's under ``network.``; each embedder's
        under its name; ``<embedder>.mean`` and ``head.axes`` where vectors are joined.
    onnx_normalization : str
    digests : dict of str to str
        Of the files of embedders that are not within the weights.
    """

    classifier: str
    embedding: str
    class_names: tuple[str, ...]
    n_channels: int
    sizes: Mapping[str, int]
    calibration: Calibration
    decision: Decision
    weights: Mapping[str, NDArray[Any]]
    onnx_normalization: str = "imagenet"
    digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The embedders."""
        return parse_embedding(self.embedding)

    @property
    def combination(self) -> Combination | None:
        """How the vectors of several embedders are joined; None for a single one."""
        if len(self.parts) == 1:
            return None
        means = tuple(self.weights[f"{part}.mean"] for part in self.parts)
        return Combination(means, self.weights.get("head.axes"))

    def join(self, vectors: Sequence[Embeddings]) -> Embeddings:
        """Join the vectors of each embedder to those that labeled the images."""
        combination = self.combination
        return vectors[0] if combination is None else combination.apply(vectors)

    def weights_of(self, name: str) -> dict[str, NDArray[Any]]:
        """Return the weights under one name, such as ``network`` or an embedder's."""
        start = f"{name}."
        named = {key: value for key, value in self.weights.items() if key.startswith(start)}
        return {key.removeprefix(start): value for key, value in named.items()}

    def classify(self, vectors: Embeddings) -> Probabilities:
        """Return the calibrated probabilities that the linear layer gives to vectors."""
        linear = LinearScores(self.weights["head.weight"], self.weights["head.bias"])
        return self.calibration.apply(linear.probabilities(vectors))


def save_model(path: Path, model: Model) -> None:
    """Write a model as safetensors, with all that is not an array as JSON in its metadata."""
    from safetensors.numpy import save

    card = {
        name: getattr(model, name)
        for name in ("classifier", "embedding", "class_names", "n_channels", "sizes")
    }
    card |= {
        "calibration": _as_lists(asdict(model.calibration)),
        "decision": _as_lists(asdict(model.decision)),
        "onnx_normalization": model.onnx_normalization,
        "digests": model.digests,
        "pixels": "value / 127.5 - 1",
        "version": __version__,
    }
    # a single key, since the order of keys would change the file
    metadata = {"voisin": json.dumps(card, ensure_ascii=False)}
    # safetensors writes memory as it lies, so that the axes of another order would be mixed up
    arrays = {name: np.array(value, order="C") for name, value in model.weights.items()}
    content = save(arrays, metadata)
    with write_atomically(path) as partial:
        partial.write_bytes(content)


def load_model(path: Path) -> Model:
    """Read a model.

    Raises
    ------
    ProjectError
        If the file is missing or damaged, or was written by another version.
    """
    from safetensors import safe_open

    try:
        with safe_open(path, "numpy") as file:
            card = json.loads(file.metadata()["voisin"])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        card["calibration"] = _read_calibration(card["calibration"])
        decision = card["decision"]
        card["decision"] = Decision(decision["way"], np.array(decision["factors"]))
        card["class_names"] = tuple(card["class_names"])
        del card["pixels"], card["version"]
        return Model(weights=weights, **card)
    except Exception as error:  # of damaged files, safetensors and JSON raise many kinds
        message = f"{path} cannot be used ({error}): run again with the same folder."
        raise ProjectError(message) from error


def _as_lists(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: _as_lists(inner) for key, inner in value.items()}
    if isinstance(value, tuple):
        return [_as_lists(inner) for inner in value]
    return value


def _read_calibration(tree: Mapping[str, Any]) -> Calibration:
    curves = (
        None if curve is None else Curve(np.array(curve["stated"]), np.array(curve["true"]))
        for curve in tree["curves"]
    )
    return Calibration(
        tree["temperature"],
        np.array(tree["factors"]),
        np.array(tree["class_priors"]),
        tuple(curves),
        np.array(tree["floors"]),
    )
