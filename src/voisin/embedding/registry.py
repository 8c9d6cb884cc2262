"""Make an embedder by name; options and helpers that embedders share.

An embedder's module is imported when it is made, so this module must not import one itself, nor
PyTorch or onnxruntime.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from voisin.embedding.specification import KINDS, Part
from voisin.types import (
    Embedder,
    Embeddings,
    ImageCollection,
    LearningEmbedder,
    Names,
    Progress,
    no_progress,
)
from voisin.validation import check_finite_rows, check_installed

if TYPE_CHECKING:
    from voisin.embedding.inference import FeatureNetwork


@dataclass(frozen=True, eq=False)
class EmbedderOptions:
    """What every embedder gets besides its own argument.

    Attributes
    ----------
    source_ids : array of shape (n_source,)
        Ids of all images of the source, in its order.
    size : int, optional
        Pixels per side of the images that ``pretrained`` and ``onnx`` take; the model's own by
        default.
    fetch : {"never", "once", "always"}
        When ``pretrained`` may download a model.
    onnx_normalization : str
        A name of `voisin.embedding.specification.NORMALIZATIONS`.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    network : SimpleCNN, ResidualNetwork, Autoencoder or Perceptron, optional
        The trained network whose features are used, for the kinds that need one.
    fills_batches : bool
        Whether vectors of ``backbone`` must not depend, to the last bit, on the images beside
        theirs, as those that are kept must not.
    progress : callable
        Called during downloads.
    """

    source_ids: Names
    size: int | None = None
    fetch: str = "never"
    onnx_normalization: str = "imagenet"
    device: str = "auto"
    network: "FeatureNetwork | None" = None
    fills_batches: bool = True
    progress: Progress = no_progress


def make_embedder(part: Part, options: EmbedderOptions) -> Embedder | LearningEmbedder:
    """Make an embedder, and run all checks that need no image.

    Raises
    ------
    MissingDependencyError
        If an extra is not installed; the message says how to install it.
    InputError
        If its file, folder or setting cannot be used.
    DownloadError
        If its model is not on this machine, and cannot or must not be downloaded.
    """
    kind = KINDS[part.kind]
    check_installed(f"The embedder {part.kind!r}", kind.libraries, kind.extra)
    module = import_module(f"voisin.embedding.{kind.module}")
    embedder: Embedder | LearningEmbedder = module.make(part.argument, options)
    return embedder


def embed_by_batch(
    images: ImageCollection,
    embed_batch: Callable[[ImageCollection], NDArray[np.floating]],
    *,
    batch_size: int,
    name: str,
    progress: Progress,
) -> Embeddings:
    """Embed a collection batch by batch, so that memory never holds all images at once.

    Images are read in the order in which their source holds them; rows are in the order of the
    collection.

    Parameters
    ----------
    images : ImageCollection
    embed_batch : callable
        From at most `batch_size` images to an array of shape (n_batch, n_dims).
    batch_size : int
    name : str
        Name of the embedder, for progress and errors.
    progress : callable

    Raises
    ------
    InputError
        If a value is not finite.
    """
    order = np.argsort(images.positions, kind="stable")  # some readers only go forward quickly
    vectors: Embeddings = np.empty((0, 0), dtype=np.float32)
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        batch = embed_batch(images.take(rows))
        if start == 0:
            vectors = np.empty((len(images), batch.shape[1]), dtype=np.float32)
        vectors[rows] = batch
        progress(f"Embedding: {name}", start + len(rows), len(order))
    check_finite_rows(f"embeddings of {name}", vectors)
    return vectors


def fill_batch(batch: NDArray[Any], size: int) -> NDArray[Any]:
    """Repeat the last image until the batch has `size`.

    How a network rounds depends on the number of images that go through it at once. With always
    the same number, an image's vector does not depend on the images beside it.

    Examples
    --------
    >>> fill_batch(np.array([3, 5]), 4).tolist()
    [3, 5, 5, 5]
    """
    missing = size - len(batch)
    return np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)]) if missing else batch
