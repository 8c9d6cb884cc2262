"""Embed new images as a run embedded its own, by the weights that it left.

This module must not know the graph, nor labels.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from PIL import Image

from voisin.embedding.registry import EmbedderOptions, make_embedder
from voisin.embedding.specification import IMAGE_SIZE, KINDS, Part
from voisin.errors import InputError, UnreadableImageError
from voisin.prediction.model import LINEAR, Model
from voisin.sources.arrays import ArrayReader
from voisin.sources.reading import read_images
from voisin.types import (
    Embedder,
    Embeddings,
    ImageCollection,
    LearningEmbedder,
    Pixels,
    Probabilities,
)

PixelsBySize: TypeAlias = Mapping[int, Pixels]
# The kinds of network, by the class that a model names as its classifier.
CLASSIFIERS: Mapping[str, str] = {"SimpleCNN": "augmented", "ResidualClassifier": "fine-tuned"}


@dataclass(frozen=True, eq=False)
class ImageEmbedder:
    """Embeds new images by the embedders of a model, and joins their vectors.

    Attributes
    ----------
    model : Model
    embedders : tuple of Embedder
        One for each part of the model's embedding.
    network : SimpleCNN or ResidualClassifier, optional
        The model's classifier; None if that is a linear layer.
    device : str
    """

    model: Model
    embedders: tuple[Embedder, ...]
    network: Any
    device: str

    @classmethod
    def of(cls, model: Model, *, device: str = "auto") -> "ImageEmbedder":
        """Make the embedders.

        Raises
        ------
        MissingDependencyError
            If a library of an embedder is not installed.
        InputError
            If a file that an embedder reads is gone or has changed, or the vectors came with the
            images.
        """
        embedders = tuple(_make(model, part, device) for part in model.parts)
        network = None
        if model.classifier != LINEAR:
            network = load_network(model, "network", CLASSIFIERS[model.classifier])
        return cls(model, embedders, network, device)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Pixels per side at which images are needed, ascending."""
        sizes = {embedder.input_size or IMAGE_SIZE for embedder in self.embedders}
        return tuple(sorted(sizes | (set() if self.network is None else {IMAGE_SIZE})))

    def read(self, images: ImageCollection) -> tuple[PixelsBySize, ImageCollection, dict[str, str]]:
        """Decode images at every size that is needed.

        Returns
        -------
        pixels : dict of int to array of shape (n_readable, size, size, channels)
        readable : ImageCollection
        unreadable : dict of str to str
            By id, why an image cannot be read.
        """
        unreadable = dict[str, str]()
        pixels: dict[int, Pixels] = {}
        for size in self.sizes:
            try:
                read = read_images(images, size=size, max_unreadable=1)
            except InputError:  # none of them can be read
                return {}, images.take(np.empty(0, dtype=np.int64)), _explain(images)
            images, unreadable = read.images, unreadable | read.unreadable
            pixels[size] = _to_channels(read.pixels, self.model.n_channels)
        return pixels, images, unreadable

    def embed_parts(self, pixels: PixelsBySize, images: ImageCollection) -> list[Embeddings]:
        """Return the vectors of images whose pixels were read, by each embedder."""
        vectors = []
        for embedder in self.embedders:
            some = images
            if embedder.input_size is not None:
                reader = ArrayReader([pixels[embedder.input_size]], "")
                some = replace(images, reader=reader, positions=np.arange(len(images)))
            vectors.append(embedder.embed(some))
        return vectors

    def classify(self, pixels: PixelsBySize, images: ImageCollection) -> Probabilities:
        """Return the classifier's calibrated probabilities; shape (n_images, n_classes)."""
        if self.network is None:
            return self.model.classify(self.model.join(self.embed_parts(pixels, images)))
        from voisin.embedding.inference import predict

        stated = predict(self.network, pixels[IMAGE_SIZE], device=self.device)
        return self.model.calibration.apply(stated)


def _explain(images: ImageCollection) -> dict[str, str]:
    """Return by id why images cannot be read."""
    reasons = {}
    for name, position in zip(images.ids.tolist(), images.positions.tolist(), strict=True):
        try:
            images.reader.load(position)
        except UnreadableImageError as error:
            reasons[name] = str(error)
    return reasons


def load_network(model: Model, name: str, kind: str) -> Any:
    """Build the network of a kind, and load its weights from those under `name`."""
    import torch

    from voisin.embedding.networks.registry import build_network

    network = build_network(kind, model.n_channels, len(model.class_names))
    own = model.weights_of(name)
    own.pop("mean", None)  # of the vectors, where they are joined
    network.load_state_dict({key: torch.from_numpy(np.array(own[key])) for key in own})
    return network.eval()


def _make(model: Model, part: Part, device: str) -> Embedder:
    kind, name = KINDS[part.kind], str(part)
    if part.kind == "vectors":
        message = (
            f"The run compared images by vectors of your own ({part.argument}), which new images "
            "do not have: run again with another --embedding to label new images."
        )
        raise InputError(message)
    if part.kind == "pixels":
        from voisin.embedding.pixels import FittedPixelPCA

        own = model.weights_of(name)
        return FittedPixelPCA(own["center"], own["components"])
    network = load_network(model, name, kind.network) if kind.network else None
    options = EmbedderOptions(
        np.empty(0, dtype=np.str_),
        size=model.sizes.get(name),
        onnx_normalization=model.onnx_normalization,
        device=device,
        network=network,
        fills_batches=False,
    )
    embedder: Any = make_embedder(part, options)
    if name in model.digests and digest_of(embedder) != model.digests[name]:
        message = (
            f"{part.argument} has changed since the run: bring the old file back, or run again."
        )
        raise InputError(message)
    return embedder


def digest_of(embedder: Embedder | LearningEmbedder) -> str:
    """Return the digest of an embedder's files, which ends its fingerprint."""
    return embedder.fingerprint().split()[-1]


def _to_channels(pixels: Pixels, n_channels: int) -> Pixels:
    """Repeat gray pixels for a model of color images, or turn color to gray as Pillow does."""
    if pixels.shape[-1] == n_channels:
        return pixels
    if n_channels == 3:
        return np.repeat(pixels, 3, axis=-1)
    gray = [np.asarray(Image.fromarray(one).convert("L")) for one in pixels]
    return np.array(gray, dtype=np.uint8)[..., None]
