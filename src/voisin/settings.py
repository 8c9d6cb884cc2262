"""The settings of a run: what the command line's options and the report's table are made of."""

from dataclasses import asdict, dataclass
from pathlib import Path

from voisin.embedding.specification import KINDS, NORMALIZATIONS, parse_embedding
from voisin.errors import InputError
from voisin.labeling.registry import make_method
from voisin.training.orientation import ORIENTATIONS
from voisin.validation import (
    check_count,
    check_in_closed_interval,
    check_in_open_interval,
    check_one_of,
)


@dataclass(frozen=True)
class Settings:
    """What a user may decide about a run.

    Parameters
    ----------
    labels_per_class : int, optional
        Draw this many labels a class and hide the others, which then are the truth to score by.
    labels : Path, optional
        A table with columns ``id`` and ``label``: the labels to start from. What the source
        itself knows of the other images is hidden and becomes the truth.
    random_state : int, default=0
        Decides every draw: of the labels, of the test set, of the networks' first weights.
    test_share : float, default=0.2
        Where labels are drawn from a source without a test split, hold out this share of it.
    expert : Path, optional
        Weights of a trained SimpleCNN; without them, one is trained by pseudo-labels.
    epochs : int, default=20
        Of training on few labels, and on pseudo-labels in each round.
    threshold : float, default=0.95
        Least probability of a pseudo-label.
    quota : int, default=100
        Most pseudo-labels a class and round.
    rounds : int, default=3
        Of pseudo-labels.
    embedding : str, default="cnn"
        One or several embedders joined by ``+``, as `voisin.embedding.specification` lists them.
    embedding_size : int, optional
        Pixels a side that ``pretrained`` and ``onnx`` look at, from 96; by default the model's.
    onnx_normalization : {"imagenet", "-1..1", "0..1", "0..255"}, default="imagenet"
        How the ONNX model wants its pixels.
    orientation : {"any", "upright", "fixed"}, default="upright"
        How images may lie, for the networks that learn from changed images (``cnn-augmented``,
        ``contrastive``, ``contrastive-tuned``, ``neighbors``): turned freely and mirrored; turned
        a little and mirrored; turned a little.
    n_neighbors : int, default=10
    metric : {"cosine", "euclidean"}, default="cosine"
    class_priors : str, default="uniform"
        How frequent the classes are among all images: ``uniform``, as among the ``labels``,
        ``estimate``, or given as ``name=share`` of every class, joined by commas.
    method : str, default="auto"
        The way to label from vectors and graph, one of `voisin.labeling.registry.METHODS`.
    alpha : float, default=0.99
        Share of an image's score that comes from its neighbors, for ``method="spreading"``.
    loop_rounds : int, default=0
        Most rounds of the deep loop: the labels found teach the networks, which embed again; for
        embeddings that learn from labels.
    retraining_epochs : int, default=10
        Of training on the propagated labels, and on all true labels for the ceiling.
    ceiling : bool, default=True
        Also train on all true labels, where they are known.
    max_unreadable : float, default=0.05
        Stop if a larger share of the images cannot be read.
    device : str, default="auto"
        ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises
    ------
    InputError
        If a setting is out of range.
    """

    labels_per_class: int | None = None
    labels: Path | None = None
    random_state: int = 0
    test_share: float = 0.2
    expert: Path | None = None
    epochs: int = 20
    threshold: float = 0.95
    quota: int = 100
    rounds: int = 3
    embedding: str = "cnn"
    embedding_size: int | None = None
    onnx_normalization: str = "imagenet"
    orientation: str = "upright"
    n_neighbors: int = 10
    metric: str = "cosine"
    class_priors: str = "uniform"
    method: str = "auto"
    alpha: float = 0.99
    loop_rounds: int = 0
    retraining_epochs: int = 10
    ceiling: bool = True
    max_unreadable: float = 0.05
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.labels_per_class is not None and self.labels is not None:
            message = "labels_per_class and labels both given: draw labels or bring them, not both."
            raise InputError(message)
        labels: object = self.labels
        if not (labels is None or isinstance(labels, str | Path)):
            message = (
                f"labels is a {type(labels).__name__}: pass the path of a table (id, label), "
                "or images that know their labels."
            )
            raise InputError(message)
        if self.labels_per_class is not None:
            check_count("labels_per_class", self.labels_per_class, 1)
        for name in ("epochs", "quota", "rounds", "n_neighbors", "retraining_epochs"):
            check_count(name, getattr(self, name), 1)
        check_count("loop_rounds", self.loop_rounds, 0)
        check_count("random_state", self.random_state, 0)
        check_in_closed_interval("random_state", self.random_state, 0, 2**32 - 1)
        check_in_closed_interval("test_share", self.test_share, 0, 0.9)
        check_in_closed_interval("threshold", self.threshold, 0, 1)
        check_in_closed_interval("max_unreadable", self.max_unreadable, 0, 1)
        check_in_open_interval("alpha", self.alpha, 0, 1)
        make_method(self.method, alpha=self.alpha)
        self._check_embedding()
        self._check_loop()
        check_one_of("onnx_normalization", self.onnx_normalization, NORMALIZATIONS)
        check_one_of("orientation", self.orientation, ORIENTATIONS)
        check_one_of("metric", self.metric, ("cosine", "euclidean"))

    def _check_embedding(self) -> None:
        kinds = {part.kind for part in parse_embedding(self.embedding)}
        if self.embedding_size is None:
            return
        check_count("embedding_size", self.embedding_size, 96)
        if kinds.isdisjoint(("pretrained", "onnx")):
            message = (
                f"embedding_size={self.embedding_size} is for pretrained and onnx models, "
                f"and embedding={self.embedding!r} has none: leave it out."
            )
            raise InputError(message)

    def _check_loop(self) -> None:
        learning = [name for name, kind in KINDS.items() if kind.learns_from_labels]
        kinds = {part.kind for part in parse_embedding(self.embedding)}
        if self.loop_rounds and kinds.isdisjoint(learning):
            message = (
                f"loop_rounds={self.loop_rounds} teaches a network the labels found, and "
                f"embedding={self.embedding!r} has none that learns from labels: "
                f"add one of {', '.join(learning)}, or leave it out."
            )
            raise InputError(message)

    def as_dict(self) -> dict[str, str | int | float | bool | None]:
        """Return the settings as JSON and TOML can write them; paths become texts."""
        return {
            name: str(value) if isinstance(value, Path) else value
            for name, value in asdict(self).items()
        }
