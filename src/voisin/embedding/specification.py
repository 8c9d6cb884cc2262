"""The text that names embedders, such as ``cnn+onnx:net.onnx``; it knows names, not what they do.

====================== ============================================================
embedder               vectors
====================== ============================================================
``cnn``                1,568 features of the chapter's expert
``cnn-augmented``      the same of a network taught the few labels with changed images
``contrastive``        896 features of a residual network that taught itself on the pool
``contrastive-tuned``  the same, once it has learned the few labels too
``autoencoder``        20 codes from which a network that taught itself draws an image again
``neighbors``          64 values of a network that learned which images are neighbors
``pixels[:n]``         n principal components of the pixels (at most 64 by default)
``pretrained:model``   a vision model of Hugging Face, by id or local folder
``onnx:file``          any ONNX model of images
``vectors:file``       the user's own, from ``.npy`` or ``.parquet``
====================== ============================================================
"""

from collections.abc import Mapping
from dataclasses import dataclass

from voisin.errors import InputError


@dataclass(frozen=True)
class EmbedderKind:
    """What is known of a kind of embedder before any of its libraries is loaded.

    Attributes
    ----------
    module : str
        Of `voisin.embedding`; its ``make(argument, options)`` makes the embedder.
    argument : str
        What follows the colon, such as ``<file.onnx>``; empty where nothing may.
    optional : bool
        Whether the argument may be left out.
    extra : str
        Optional dependencies to install, such as ``onnx``.
    libraries : tuple of str
        Modules that must be there.
    network : str
        Which trained network it is made of, as `voisin.pipeline.networks` names it; empty if none.
    learns_from_labels : bool
        Whether other labels give other vectors: the network was taught the few labels.
    """

    module: str
    argument: str = ""
    optional: bool = False
    extra: str = ""
    libraries: tuple[str, ...] = ()
    network: str = ""
    learns_from_labels: bool = False


def _of_network(network: str, *, learns_from_labels: bool) -> EmbedderKind:
    return EmbedderKind(
        "network_features",
        extra="torch",
        libraries=("torch",),
        network=network,
        learns_from_labels=learns_from_labels,
    )


KINDS: Mapping[str, EmbedderKind] = {
    "cnn": _of_network("expert", learns_from_labels=True),
    "cnn-augmented": _of_network("augmented", learns_from_labels=True),
    "contrastive": _of_network("self-taught", learns_from_labels=False),
    "contrastive-tuned": _of_network("tuned", learns_from_labels=True),
    "autoencoder": _of_network("autoencoder", learns_from_labels=False),
    "neighbors": _of_network("neighbor-taught", learns_from_labels=False),
    "pixels": EmbedderKind("pixels", "<number of components>", optional=True),
    "pretrained": EmbedderKind(
        "pretrained",
        "<hub id or folder>",
        extra="pretrained",
        libraries=("torch", "transformers"),
    ),
    "onnx": EmbedderKind("onnx", "<file.onnx>", extra="onnx", libraries=("onnxruntime",)),
    "vectors": EmbedderKind("precomputed", "<file.npy or file.parquet>"),
}


@dataclass(frozen=True)
class Part:
    """One embedder of a specification: its kind, and what follows the colon."""

    kind: str
    argument: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.argument}" if self.argument else self.kind


def parse_embedding(text: str) -> tuple[Part, ...]:
    """Split ``a+b:argument+c`` into its parts.

    A plus sign within an argument stays there, unless a known kind follows it.

    Raises
    ------
    InputError
        If a part is of no known kind (the line says which exist), is named twice, or lacks its
        argument.

    Examples
    --------
    >>> parse_embedding("cnn+onnx:a+b.onnx")
    (Part(kind='cnn', argument=''), Part(kind='onnx', argument='a+b.onnx'))
    """
    pieces: list[str] = []
    for piece in text.split("+"):
        if pieces and ":" in pieces[-1] and piece.strip().partition(":")[0] not in KINDS:
            pieces[-1] += f"+{piece}"
        else:
            pieces.append(piece)
    parts = tuple(_parse_part(piece.strip()) for piece in pieces)
    for part in parts:
        if parts.count(part) > 1:
            message = f"embedding={text!r} names {str(part)!r} twice: once is enough."
            raise InputError(message)
    return parts


def describe_kinds() -> str:
    """List every kind with its argument, as an error or a help text names them."""
    return ", ".join(_usage(name) for name in KINDS)


def _parse_part(text: str) -> Part:
    name, _, argument = text.partition(":")
    if name not in KINDS:
        message = (
            f"{text!r} is no embedder: choose among {describe_kinds()}, or several joined by '+'."
        )
        raise InputError(message)
    kind = KINDS[name]
    if argument and not kind.argument:
        message = f"{text!r} says more than {name} takes: write {name}."
        raise InputError(message)
    if not argument and kind.argument and not kind.optional:
        message = f"{text!r} lacks what it is made from: write {_usage(name)}."
        raise InputError(message)
    return Part(name, argument)


def _usage(name: str) -> str:
    kind = KINDS[name]
    if not kind.argument:
        return name
    return f"{name}[:{kind.argument}]" if kind.optional else f"{name}:{kind.argument}"
