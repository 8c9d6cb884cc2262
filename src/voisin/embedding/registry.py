"""Make an embedder from its name; its libraries are loaded only then."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from voisin.embedding.specification import KINDS, Part
from voisin.types import Embedder, LearningEmbedder, Names, Progress, no_progress
from voisin.validation import check_installed

if TYPE_CHECKING:
    from voisin.embedding.inference import FeatureNetwork


@dataclass(frozen=True, eq=False)
class EmbedderOptions:
    """What embedders are told beside their own argument.

    Attributes
    ----------
    source_ids : array of shape (n_source,)
        Ids of all images of the source, in its order.
    size : int, optional
        Pixels a side that ``pretrained`` and ``onnx`` look at; the model's own by default.
    onnx_normalization : str
        A name of `voisin.embedding.normalization.NORMALIZATIONS`.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    network : SimpleCNN, ResidualNetwork, Autoencoder or Perceptron, optional
        The trained network whose features are asked for, for the kinds that need one.
    progress : callable
        Told of downloads.
    """

    source_ids: Names
    size: int | None = None
    onnx_normalization: str = "imagenet"
    device: str = "auto"
    network: "FeatureNetwork | None" = None
    progress: Progress = no_progress


def make_embedder(part: Part, options: EmbedderOptions) -> Embedder | LearningEmbedder:
    """Make an embedder, and check all that can be checked before any image is read.

    Raises
    ------
    MissingDependencyError
        If an extra is not installed; the line says how to.
    InputError
        If its file, folder or setting cannot be used.
    DownloadError
        If its model is not here and cannot be downloaded.
    """
    kind = KINDS[part.kind]
    check_installed(f"The embedder {part.kind!r}", kind.libraries, kind.extra)
    module = import_module(f"voisin.embedding.{kind.module}")
    embedder: Embedder | LearningEmbedder = module.make(part.argument, options)
    return embedder
