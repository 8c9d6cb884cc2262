"""The settings of a run, each defined once, as a field of `Settings`.

A field holds default, checks, help text, heading and commands. The option on the command line, the
entry in the docstring of `Settings`, the row in the report and the line in ``voisin.toml`` are made
from it. This module must not import the command line, nor a stage that reads a setting.
"""

import inspect
import textwrap
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from voisin.calibration.decision import WAYS_TO_DECIDE
from voisin.embedding.specification import (
    AUTO,
    EFFORTS,
    FETCHES,
    KINDS,
    NORMALIZATIONS,
    describe_kinds,
    parse_embedding,
)
from voisin.errors import InputError
from voisin.labeling.registry import METHODS
from voisin.training.orientation import ORIENTATIONS
from voisin.validation import (
    check_count,
    check_in_closed_interval,
    check_in_open_interval,
    check_one_of,
)

COMMON = "Options"
IMAGES = "Images and tables"
EMBEDDING = "Embedding"
GRAPH = "Graph and labeling"
TRAINING = "Training of networks"
HEADINGS = (COMMON, IMAGES, EMBEDDING, GRAPH, TRAINING)
"""Headings of the options in a command's help, in order; the first is for common options."""

LANGUAGES = ("en", "fr")
"""Languages of a report."""

RUN_ALONE = ("run",)
RUN_AND_COMPARE = ("run", "compare")

_SIZED = ("backbone", "backbone-tuned", "onnx", "pretrained")  # kinds that take any size
RECIPES: dict[str, dict[str, Any]] = {
    "default": {},
    "chapter": {
        "embedding": "cnn",
        "method": "spreading",
        "class_priors": "uniform",
        "decide": "likeliest",
    },
}
"""Values that a recipe sets, where they are not set otherwise."""

Check: TypeAlias = Callable[[str, Any], object]
_Default = TypeVar("_Default")


def setting(
    default: _Default,
    *checks: Check,
    help: str,
    heading: str,
    commands: tuple[str, ...] = RUN_AND_COMPARE,
) -> _Default:
    """Declare a field of `Settings`.

    Parameters
    ----------
    default : object
        None means "not given"; then no check is called.
    *checks : callable
        Each is called with name and value, and raises `InputError`.
    help : str
        What the setting is, in which unit, and when to change it. The short help shows the first
        sentence only. Double backticks enclose values, single ones the name of a setting.
    heading : str
        One of `HEADINGS`.
    commands : tuple of str
        Names of the commands that have this option.
    """
    metadata = {"checks": checks, "help": help, "heading": heading, "commands": commands}
    return field(default=default, metadata=metadata)


def _check_path(name: str, value: object, expected: str) -> None:
    if not isinstance(value, str | Path):
        message = f"`{name}` is a {type(value).__name__}: pass {expected}."
        raise InputError(message)


def _check_tables(name: str, value: object) -> None:
    expected = "the path of a table (id, label), or leave it out if the source has labels"
    for path in value if isinstance(value, tuple) else (value,):
        _check_path(name, path, expected)


@dataclass(frozen=True)
class Settings:
    """What a user may decide about a run; each is also an option of ``voisin run``.

    Raises
    ------
    InputError
        If a setting is out of range, or two contradict each other.
    """

    labels_per_class: int | None = setting(
        None,
        partial(check_count, low=1),
        help="Draw this many labels of each class at random and hide the others. They are "
        "the truth to judge by, so that you learn how well so few labels would have done.",
        heading=COMMON,
        commands=("run", "demo"),
    )
    labels: tuple[Path, ...] | None = setting(
        None,
        _check_tables,
        help="Table of the labels to start from, with the columns ``id`` and ``label``; several if "
        "given again. Labels that the source has of other images are hidden, and used to judge the "
        "result. Without a table, a run starts from all labels of the source.",
        heading=COMMON,
        commands=RUN_ALONE,
    )
    random_state: int = setting(
        0,
        partial(check_count, low=0),
        partial(check_in_closed_interval, low=0, high=2**32 - 1),
        help="Seed of every random choice. It decides which labels and test images are drawn, and "
        "the networks' first weights. Change it to see how much depends on chance.",
        heading=COMMON,
        commands=("run", "compare", "demo"),
    )
    language: str | None = setting(
        None,
        partial(check_one_of, choices=LANGUAGES),
        help=f"Language of the pages: {', '.join(LANGUAGES)}. By default, it is that of the "
        "system (``LC_ALL``, ``LC_MESSAGES`` or ``LANG``) if that is one of them, else ``en``. "
        "Comparisons and files for programs stay English.",
        heading=COMMON,
        commands=("run", "demo"),
    )
    test_share: float = setting(
        0.2,
        partial(check_in_closed_interval, low=0, high=0.9),
        help="Share of the images, from 0 to 0.9, held out as a test set if `labels_per_class` "
        "draws the labels and the source has no test split.",
        heading=IMAGES,
    )
    expert_network: Path | None = setting(  # noqa: RUF009
        None,
        partial(_check_path, expected="the path of a file of weights"),
        help="File with the weights of a SimpleCNN (.safetensors, .pth or .pt), such as an earlier "
        "run's ``model.safetensors``: with ``cnn``, it takes the place of the network "
        "that rounds of pseudo-labels would train. Give it if you trust a network more than these.",
        heading=TRAINING,
    )
    epochs: int = setting(
        20,
        partial(check_count, low=1),
        help="Passes over the training images, both on the few labels and in each round of "
        "pseudo-labels. Raise it if these networks have not learned their labels yet.",
        heading=TRAINING,
    )
    threshold: float = setting(
        0.95,
        partial(check_in_closed_interval, low=0, high=1),
        help="Lowest probability, from 0 to 1, at which a network's guess becomes a pseudo-label. "
        "Lower it if a round adds few labels, raise it if many of them are wrong.",
        heading=TRAINING,
    )
    quota: int = setting(
        100,
        partial(check_count, low=1),
        help="Most images per class that get a pseudo-label in one round, the surest first. "
        "Lower it if many pseudo-labels are wrong.",
        heading=TRAINING,
    )
    rounds: int = setting(
        3,
        partial(check_count, low=1),
        help="Rounds of pseudo-labels for ``cnn``: in each, the network labels the images it is "
        "surest of, and a new one is trained on these too. Lower it if later rounds are less "
        "precise.",
        heading=TRAINING,
    )
    recipe: str = setting(
        "default",
        partial(check_one_of, choices=RECIPES),
        help="Way to work: ``default``, or ``chapter``, every step as the documentation's chapter "
        "teaches it. That compares images by a small network taught pseudo-labels, spreads the "
        "labels along the graph, and teaches a small network the result: to learn from, not for "
        "the best labels. It sets what has its default otherwise.",
        heading=TRAINING,
        commands=("run",),
    )
    effort: str = setting(
        "normal",
        partial(check_one_of, choices=EFFORTS),
        help="Time to spend: ``quick`` (seconds), ``normal`` (minutes) or ``thorough`` (an hour). "
        "They compare images by a pretrained network as it is; also fine-tuned on your labels; "
        "also on the labels found. Held-out labels choose among what there is time for.",
        heading=COMMON,
        commands=("run", "demo"),
    )
    embedding: str = setting(
        AUTO,
        lambda _, text: text == AUTO or parse_embedding(text),
        help="Vectors to compare images by; ``auto`` chooses. Others are "
        f"{describe_kinds()}; or several joined by ``+``. No setting matters more. In a run, "
        "``auto`` takes what predicts held-out labels best; a comparison takes what trains least.",
        heading=COMMON,
    )
    embedding_size: int | None = setting(
        None,
        partial(check_count, low=96),
        help="Pixels per side, 96 or more, of images for ``backbone``, ``pretrained`` and "
        "``onnx``; by default the model's own, and for the backbone as the images' own size "
        "suggests. Raise it if small details tell the classes apart.",
        heading=EMBEDDING,
    )
    fetch: str = setting(
        "never",
        partial(check_one_of, choices=FETCHES),
        help="When to download a model that ``pretrained`` names: ``never`` (it must be on this "
        "machine), ``once`` (if it is not; then it is kept) or ``always`` (also if there is a "
        "newer version).",
        heading=EMBEDDING,
    )
    onnx_normalization: str = setting(
        "imagenet",
        partial(check_one_of, choices=NORMALIZATIONS),
        help=f"How an ONNX model wants its pixels scaled: {', '.join(NORMALIZATIONS)}. Its makers "
        "say which.",
        heading=EMBEDDING,
    )
    orientation: str = setting(
        AUTO,
        partial(check_one_of, choices=(AUTO, *ORIENTATIONS)),
        help="How images may be oriented, which decides how training augments them: ``auto`` "
        "(``any`` if they look alike upside down, else ``upright``), ``any`` (skin, "
        "cells: turned freely, mirrored), ``upright`` (photographs: turned a little, mirrored) or "
        "``fixed`` (digits, letters: turned a little).",
        heading=EMBEDDING,
    )
    n_neighbors: int = setting(
        10,
        partial(check_count, low=1),
        help="Nearest neighbors to which each image is linked in the graph. Raise it if many "
        "images have no path to a label.",
        heading=GRAPH,
    )
    metric: str = setting(
        "cosine",
        partial(check_one_of, choices=("cosine", "euclidean")),
        help="Distance between two vectors: ``cosine`` (the same direction, for features of "
        "networks) or ``euclidean`` (a small distance, where lengths mean something).",
        heading=GRAPH,
    )
    class_priors: str = setting(
        "auto",
        help="How frequent the classes are among the unlabeled images: ``auto`` (estimated from "
        "the result, if there are 15 labels a class on average, and from answers to ``voisin "
        "suggest --strategy random``), ``uniform`` (equally), ``labels`` "
        "(as among the labels: right if these were drawn at random), ``estimate`` (before the "
        "labeling, which then uses it), or your own shares as ``cat=0.7,dog=0.3``.",
        heading=GRAPH,
    )
    decide: str = setting(
        "proportional",
        partial(check_one_of, choices=WAYS_TO_DECIDE),
        help="How each image gets its one label: ``proportional`` (each class as often as it is "
        "estimated to occur), ``likeliest`` (fewest errors, but rare classes are seldom found) or "
        "``balanced`` (finds rare classes, with more errors in all).",
        heading=GRAPH,
    )
    method: str = setting(
        "auto",
        partial(check_one_of, choices=METHODS),
        help=f"How labels are found from vectors and graph: {', '.join(METHODS)}. ``auto`` chooses "
        "by the labels.",
        heading=GRAPH,
        commands=RUN_ALONE,
    )
    alpha: float = setting(
        0.99,
        partial(check_in_open_interval, low=0, high=1),
        help="Share of an image's score, between 0 and 1, that comes from its neighbors and not "
        "from its own label. Only the method ``spreading`` uses it; lower it if labels spread too "
        "far.",
        heading=GRAPH,
    )
    loop_rounds: int = setting(
        0,
        partial(check_count, low=0),
        help="Largest number of rounds that train the embedding's networks on the labels found "
        "and then label again, for embeddings that learn from labels. Raise it from 0 if you have "
        "time: rounds that do not predict held-out labels better are dropped.",
        heading=TRAINING,
        commands=RUN_ALONE,
    )
    retraining_epochs: int = setting(
        10,
        partial(check_count, low=1),
        help="Passes over the images when small networks are trained on the labels found and on "
        "all true labels. Raise it if there are few images.",
        heading=TRAINING,
        commands=RUN_ALONE,
    )
    retrain: bool = setting(
        False,  # noqa: FBT003
        help="Train all networks anew. By default, if at most a quarter as many labels were added "
        "since an earlier run in the same folder, its networks are kept, and only the graph and "
        "the classifier learn from the new labels, which is many times as quick.",
        heading=TRAINING,
        commands=RUN_ALONE,
    )
    ceiling: bool = setting(
        True,  # noqa: FBT003
        help="Also train on all true labels, where they are known, to show what could be reached "
        "at best. Leave it out to save time.",
        heading=TRAINING,
        commands=RUN_ALONE,
    )
    max_unreadable: float = setting(
        0.05,
        partial(check_in_closed_interval, low=0, high=1),
        help="Largest share of the images, from 0 to 1, that may be unreadable; with more, the run "
        "stops. Raise it if you know that many files are damaged.",
        heading=IMAGES,
    )
    csv_separator: str = setting(
        ",",
        partial(check_one_of, choices=(",", ";")),
        help="What separates the values of CSV files that are written: ``,`` or ``;``, which also "
        "writes decimal commas. Choose ``;`` if Excel shows all in one column, as it does in "
        "French or German.",
        heading=IMAGES,
        commands=RUN_ALONE,
    )
    device: str = setting(
        "auto",
        help="Where networks are trained: ``cpu``, ``cuda``, ``cuda:1`` (the second card), "
        "``mps``, or ``auto``: a graphics card where there is one, else the processor.",
        heading=TRAINING,
    )

    def __post_init__(self) -> None:
        recipe = RECIPES.get(self.recipe, {})
        for own in fields(self):
            value = getattr(self, own.name)
            if own.name in recipe and value == own.default:
                value = recipe[own.name]
                object.__setattr__(self, own.name, value)
            if own.name == "labels" and isinstance(value, list | tuple):
                value = tuple(value) or None
            if value is None and own.default is None:
                object.__setattr__(self, own.name, None)
                continue
            for check in own.metadata["checks"]:
                check(own.name, value)
            if own.type == Path | None:
                object.__setattr__(self, own.name, Path(value))
            elif own.name == "labels":
                tables = value if isinstance(value, tuple) else (value,)
                object.__setattr__(self, own.name, tuple(map(Path, tables)))
        self._check_that_they_agree()

    def _check_that_they_agree(self) -> None:
        if self.labels_per_class is not None and self.labels is not None:
            message = (
                f"`labels_per_class={self.labels_per_class}` and "
                f"`labels={','.join(map(str, self.labels))}` are both "
                "given: pass one of them, to draw labels or to bring them."
            )
            raise InputError(message)
        if self.embedding == AUTO:
            return
        kinds = {part.kind for part in parse_embedding(self.embedding)}
        if self.embedding_size is not None and kinds.isdisjoint(_SIZED):
            message = (
                f"`embedding_size={self.embedding_size}` is for {', '.join(_SIZED)}, "
                f"and `embedding={self.embedding!r}` has none: leave it out."
            )
            raise InputError(message)
        learning = [name for name, kind in KINDS.items() if kind.learns_from_labels]
        if self.loop_rounds and kinds.isdisjoint(learning):
            message = (
                f"`loop_rounds={self.loop_rounds}` teaches a network the labels found, and "
                f"`embedding={self.embedding!r}` has none that learns from labels: "
                f"add one of {', '.join(learning)}, or leave it out."
            )
            raise InputError(message)

    def with_embedding(self, embedding: str, *, loop_rounds: int | None = None) -> "Settings":
        """Return the settings with another embedding, without those that it has no use for."""
        parts = parse_embedding(embedding)
        learns = any(KINDS[part.kind].learns_from_labels for part in parts)
        rounds = self.loop_rounds if loop_rounds is None else loop_rounds
        sized = any(part.kind in _SIZED for part in parts)
        return replace(
            self,
            embedding=embedding,
            loop_rounds=rounds if learns else 0,
            embedding_size=self.embedding_size if sized else None,
        )

    def as_dict(self) -> dict[str, str | int | float | bool | list[str] | None]:
        """Return the settings as types that JSON and TOML can write; paths become texts."""

        def plain(value: Any) -> Any:
            if isinstance(value, tuple):
                return [str(path) for path in value]
            return str(value) if isinstance(value, Path) else value

        return {name: plain(value) for name, value in asdict(self).items()}


def _document_parameters() -> str:
    """Write the docstring section on parameters of `Settings` from its fields."""
    lines = ["Parameters", "----------"]
    for own in fields(Settings):
        kind = own.type.__name__ if isinstance(own.type, type) else str(own.type).split(" | ")[0]
        default = f'"{own.default}"' if isinstance(own.default, str) else own.default
        ending = "optional" if default is None else f"default={default}"
        lines.append(f"{own.name} : {kind.replace('pathlib.', '')}, {ending}")
        text = textwrap.fill(own.metadata["help"], 96, break_on_hyphens=False)
        lines.append(textwrap.indent(text, "    "))
    return "\n".join(lines)


# The docstring takes its parameters from the help texts, so that these are written once.
Settings.__doc__ = inspect.cleandoc(Settings.__doc__ or "").replace(
    "Raises\n", f"{_document_parameters()}\n\nRaises\n", 1
)
