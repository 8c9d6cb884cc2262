"""Make an embedder from its name; its libraries are loaded only then."""

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from voisin.embedding.specification import KINDS, EmbedderKind, Part
from voisin.errors import MissingDependencyError
from voisin.types import Embedder, LearningEmbedder, Names, Progress, no_progress

if TYPE_CHECKING:
    from voisin.embedding.simple_cnn import SimpleCNN


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
    expert : SimpleCNN, optional
        The trained expert, for the kinds that need it.
    progress : callable
        Told of downloads.
    """

    source_ids: Names
    size: int | None = None
    onnx_normalization: str = "imagenet"
    device: str = "auto"
    expert: "SimpleCNN | None" = None
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
    _check_libraries(part.kind, kind)
    module = import_module(f"voisin.embedding.{kind.module}")
    embedder: Embedder | LearningEmbedder = module.make(part.argument, options)
    return embedder


def _check_libraries(name: str, kind: EmbedderKind) -> None:
    missing = [library for library in kind.libraries if find_spec(library) is None]
    if missing:
        message = (
            f"The embedder {name!r} needs {' and '.join(missing)}: "
            f"pip install 'voisin[{kind.extra}]'"
        )
        raise MissingDependencyError(message)
