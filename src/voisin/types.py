"""The values that stages exchange: arrays with their shapes, protocols, and small results.

Nothing here may import another module of voisin.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

if TYPE_CHECKING:
    from PIL.Image import Image

UNLABELED = -1
_SHORT, _LONGEST = 5, 80  # entries and characters that a `repr` still writes out, by hand

Labels: TypeAlias = NDArray[np.int64]  # (n_samples,), UNLABELED where unknown
Indices: TypeAlias = NDArray[np.int64]  # (n,), positions of images
Names: TypeAlias = NDArray[np.str_]  # (n_samples,), ids, groups or splits
Pixels: TypeAlias = NDArray[np.uint8]  # (n_samples, height, width, channels)
Embeddings: TypeAlias = NDArray[np.float32]  # (n_samples, n_dims)
Probabilities: TypeAlias = NDArray[np.float64]  # (n_samples, n_classes), rows sum to 1
Affinity: TypeAlias = sparse.csr_array  # (n_samples, n_samples), symmetric, >= 0, empty diagonal

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called during long tasks as ``progress(task, done, total)``; last with ``done == total``."""

AskedProgress: TypeAlias = Progress | bool | None
"""Where to report progress: a callback; None to show it where a person looks, in a terminal or a
notebook; True to write lines elsewhere, too; False to show nothing."""


def no_progress(task: str, done: int, total: int) -> None:
    """Do nothing; the default of every ``progress`` parameter."""


class ShortRepr:
    """A dataclass whose `repr` tells the shapes of arrays, and the lengths of long sequences."""

    def __repr__(self) -> str:
        parts = (
            f"{one.name}={_abbreviate(getattr(self, one.name))}"
            for one in fields(cast(Any, self))
            if one.repr
        )
        return f"{type(self).__name__}({', '.join(parts)})"


def _abbreviate(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.size > _SHORT:
        return f"<{value.dtype} array of shape {value.shape}>"
    if sparse.issparse(value):
        return f"<sparse array of shape {value.shape}>"
    if isinstance(value, tuple | list | dict) and len(value) > _SHORT:
        return f"<{type(value).__name__} of {len(value)}>"
    text = " ".join(repr(value).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


class ImageReader(Protocol):
    """Reads the images of a collection; each kind of source has its own class."""

    @property
    def n_channels(self) -> int:
        """Number of channels: 1 for gray, 3 for color."""

    def load(self, position: int) -> "Image":
        """Decode one image, as mode ``L`` or ``RGB``.

        Raises
        ------
        UnreadableImageError
            If this image cannot be decoded.
        """

    def path(self, position: int) -> str | None:
        """Return the path of the image's file; None if it has no file of its own."""

    def fingerprint(self) -> str:
        """Return a text that changes when the images do, quickly (from paths, sizes, times)."""


@dataclass(frozen=True, eq=False, repr=False)
class ImageCollection(ShortRepr):
    """Images with their labels, ids and groups; pixels are decoded when they are needed.

    Attributes
    ----------
    name : str
        Short name, such as ``dermamnist`` or the folder's.
    reader : ImageReader
        Decodes the image at a position of the source.
    labels : array of shape (n_images,)
        Class of each image, -1 where unknown.
    class_names : tuple of str
        Name of each class; the index is the class.
    ids : array of shape (n_images,)
        A unique text for each image.
    positions : array of shape (n_images,)
        Position of each image in the source, to pass to the reader.
    groups : array of shape (n_images,), optional
        Patient, lesion or video of each image; a group is never split.
    splits : array of shape (n_images,), optional
        ``train``, ``val`` or ``test``.
    """

    name: str
    reader: ImageReader
    labels: Labels
    class_names: tuple[str, ...]
    ids: Names
    positions: Indices
    groups: Names | None = None
    splits: Names | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def n_classes(self) -> int:
        """Number of classes, with or without images."""
        return len(self.class_names)

    def take(self, indices: NDArray[Any]) -> "ImageCollection":
        """Keep the images at `indices` (integers or a mask), in that order."""
        return replace(
            self,
            labels=self.labels[indices],
            ids=self.ids[indices],
            positions=self.positions[indices],
            groups=None if self.groups is None else self.groups[indices],
            splits=None if self.splits is None else self.splits[indices],
        )

    def in_split(self, split: str) -> "ImageCollection":
        """Keep the images of one split; all are ``train`` where the source has no splits."""
        if self.splits is None:
            return self.take(np.full(len(self), split == "train"))
        return self.take(self.splits == split)


class Embedder(Protocol):
    """A way to turn images into vectors that is ready to be used."""

    @property
    def input_size(self) -> int | None:
        """Side of the square images that it takes, in pixels; None if it resizes them itself."""

    def fingerprint(self) -> str:
        """Return a text that changes when the embedder's settings or weights do."""

    def embed(self, images: ImageCollection, *, progress: Progress = no_progress) -> Embeddings:
        """Compute one vector for each image, in the order of the collection."""


@runtime_checkable
class LearningEmbedder(Protocol):
    """A way to turn images into vectors that must first learn from unlabeled images."""

    @property
    def input_size(self) -> int | None:
        """Side of the square images that it takes, in pixels; None if it resizes them itself."""

    def fingerprint(self) -> str:
        """Return a text that changes when the embedder's settings do."""

    def fit(
        self, pool: ImageCollection, *, scratch: Path, progress: Progress = no_progress
    ) -> Embedder:
        """Train on the images; after an interruption, resume from the state in `scratch`."""


@dataclass(frozen=True, eq=False, repr=False)
class Neighbors(ShortRepr):
    """The nearest neighbors of every image, itself excluded, nearest first.

    Attributes
    ----------
    indices : array of shape (n_samples, n_neighbors)
    distances : array of shape (n_samples, n_neighbors)
        Euclidean distance, or 1 − cosine, as `metric` says.
    recall : float
        Share of the true neighbors that were found; 1 for an exact search.
    metric : str
        ``cosine`` or ``euclidean``.
    """

    indices: NDArray[np.int64]
    distances: NDArray[np.float32]
    recall: float = 1.0
    metric: str = "cosine"


@dataclass(frozen=True, eq=False, repr=False)
class Propagation(ShortRepr):
    """The result of a propagation method.

    Attributes
    ----------
    probabilities : array of shape (n_samples, n_classes)
        Rows sum to one. If no label reaches a sample, its row holds the class priors.
    reached : array of shape (n_samples,)
        Whether there is evidence: a label reaches the sample, or a classifier gave probabilities.
    n_iter : int
        Iterations taken by the solver.
    residual : float
        Last value of the quantity that the solver compares with its tolerance.
    converged : bool
        Whether the solver reached its tolerance.
    """

    probabilities: Probabilities
    reached: NDArray[np.bool_]
    n_iter: int
    residual: float
    converged: bool

    @property
    def labels(self) -> Labels:
        """Most probable class of each sample, or -1 where there is no evidence."""
        return np.where(self.reached, self.probabilities.argmax(axis=1), UNLABELED)


class PropagationMethod(Protocol):
    """A way to carry the known labels along the graph."""

    def propagate(
        self,
        affinity: Affinity,
        labels: Labels | Probabilities,
        *,
        n_classes: int | None = None,
        sample_weight: NDArray[np.floating] | None = None,
    ) -> Propagation:
        """Give every sample a distribution over the classes."""


@dataclass(frozen=True, eq=False, repr=False)
class GraphData(ShortRepr):
    """The images in the form that a labeling method takes: vectors, and a graph of neighbors.

    Attributes
    ----------
    embeddings : array of shape (n_samples, n_dims)
    affinity : sparse array of shape (n_samples, n_samples)
    new_embeddings : array of shape (n_new, n_dims)
        Vectors of images outside the graph, to be labeled too; may be empty.
    new_neighbors : Neighbors, optional
        Neighbors of the new images among the images of the graph; None without new images.
    """

    embeddings: Embeddings
    affinity: Affinity
    new_embeddings: Embeddings
    new_neighbors: Neighbors | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Fold(ShortRepr):
    """Labels that are held out, and the graph data that were computed without them.

    Attributes
    ----------
    held_out : array of shape (n_held_out,)
        Positions of the images whose labels are held out.
    data : GraphData
        Embedders that learn from labels were trained without these labels.
    """

    held_out: Indices
    data: GraphData


@dataclass(frozen=True, eq=False, repr=False)
class Problem(ShortRepr):
    """Images and a few labels, with folds by which a method may choose its own settings.

    Attributes
    ----------
    data : GraphData
    labels : array of shape (n_samples,)
        -1 where unknown.
    n_classes : int
    folds : tuple of Fold
        Folds of a cross-validation; empty if there are too few labels.
    class_priors : array of shape (n_classes,), optional
        Frequency of each class among the images; None to take all classes as equally frequent.
    random_state : int
    """

    data: GraphData
    labels: Labels
    n_classes: int
    folds: tuple[Fold, ...] = ()
    class_priors: NDArray[np.float64] | None = None
    random_state: int = 0

    def without(self, fold: Fold) -> "Problem":
        """Return one fold's problem: its labels held out, its graph data, no folds of its own."""
        labels = self.labels.copy()
        labels[fold.held_out] = UNLABELED
        return replace(self, data=fold.data, labels=labels, folds=())


@dataclass(frozen=True, eq=False, repr=False)
class Induction(ShortRepr):
    """How a labeling method labels an image outside the graph, without labeling again.

    ``p_i = s [c_i + ē_i]₊ / |[c_i + ē_i]₊|₁ + ḡ_i`` with the classifier's ``c_i = softmax(x_i W +
    b)``; ē and ḡ are means of the rows of E and G over the image's neighbors in the graph, weighted
    as `voisin.propagation.result.attach` says. `voisin.labeling.induction` computes it.

    Attributes
    ----------
    classifier_share : float
        s in [0, 1]; rows of G sum to 1 − s.
    weights : array of shape (n_dims, n_classes), optional
        W; None if s is 0.
    intercept : array of shape (n_classes,), optional
        b; None if s is 0.
    neighbor_scores : array of shape (n_samples, n_classes), optional
        G; None if s is 1.
    errors : array of shape (n_samples, n_classes), optional
        E; None means 0.
    """

    classifier_share: float
    weights: NDArray[np.float64] | None = None
    intercept: NDArray[np.float64] | None = None
    neighbor_scores: NDArray[np.float64] | None = None
    errors: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Labeling(ShortRepr):
    """The result of a labeling method.

    Attributes
    ----------
    propagation : Propagation
        Result for the images of the graph.
    new_probabilities : array of shape (n_new, n_classes)
        Probabilities of the new images.
    new_reached : array of shape (n_new,)
        Whether there is evidence for the new image.
    method : LabelingMethod
        The method with the settings that it selected, to label again without selection.
    reason : str
        One line on the settings selected, and why; empty if there was nothing to select.
    initial_scores : array of shape (n_samples, n_classes), optional
        B in ``F = (1 − alpha) (I − alpha S)⁻¹ B``, which gives the scores before rows are divided
        by their sums; None where the method is not of this form.
    alpha : float, optional
        The alpha of that equation.
    classifier_probabilities : array of shape (n_samples, n_classes), optional
        Probabilities of the classifier before smoothing; None if the method has none.
    prior_propagation_share : float, default=0
        Share of an earlier propagation with a larger alpha in the initial scores of images
        without label.
    calibrated : array of shape (n_samples, n_classes), optional
        Probabilities to show instead of those of `propagation`.
    decided : array of shape (n_samples,), optional
        Labels to show instead of those of `propagation`, -1 where there is no evidence.
    induction : Induction, optional
        How `new_probabilities` were computed, for images that come later; None where the method
        must label all images again.
    duals : array of shape (n_labeled, n_classes), optional
        How much each labeled image counts in the scores of the classifier, per unit of its
        similarity: α in ``W = Σ_i x_i α_iᵀ``, with centered and scaled vectors; None if the method
        has no classifier.
    """

    propagation: Propagation
    new_probabilities: Probabilities
    new_reached: NDArray[np.bool_]
    method: "LabelingMethod" = field(metadata={"stored": False})
    reason: str = ""
    initial_scores: Probabilities | None = None
    alpha: float | None = None
    classifier_probabilities: Probabilities | None = None
    prior_propagation_share: float = 0.0
    calibrated: Probabilities | None = None
    decided: Labels | None = None
    induction: Induction | None = None
    duals: NDArray[np.float64] | None = None

    @property
    def labels(self) -> Labels:
        """The labels to show: those decided, if any."""
        return self.propagation.labels if self.decided is None else self.decided

    @property
    def stated(self) -> Probabilities:
        """The probabilities to show: calibrated ones if there are any."""
        return self.propagation.probabilities if self.calibrated is None else self.calibrated


@dataclass(frozen=True, eq=False, repr=False)
class HeldOut(ShortRepr):
    """Out-of-fold probabilities: those of labeled images, found without their own labels.

    Attributes
    ----------
    rows : array of shape (n_held_out,)
        Positions of the images, ascending.
    labels : array of shape (n_held_out,)
    probabilities : array of shape (n_held_out, n_classes)
    reached : array of shape (n_held_out,), optional
        Whether the other labels reach the image; None means all.
    folds : array of shape (n_held_out,), optional
        The fold that held each label out.
    """

    rows: Indices
    labels: Labels
    probabilities: Probabilities
    reached: NDArray[np.bool_] | None = None
    folds: Indices | None = None


class LabelingMethod(Protocol):
    """A way to label every image from a few labels, by the graph, the vectors or both."""

    def label(self, problem: Problem) -> Labeling:
        """Give every image a distribution over the classes.

        Settings that are not fixed are selected by cross-validation on ``problem.folds``, or by
        the method's documented rule if there are no folds.
        """


@dataclass(frozen=True, eq=False, repr=False)
class Predictions(ShortRepr):
    """Class probabilities with the ids of their images, so that their order does not matter.

    Attributes
    ----------
    method : str
        Name of the method, such as ``propagated``.
    ids : array of shape (n_images,)
    probabilities : array of shape (n_images, n_classes)
    reached : array of shape (n_images,), optional
        False if the method had no evidence for the image; None means all are true.
    labels : array of shape (n_images,), optional
        The class that each image is given; by default its most probable one.
    """

    method: str
    ids: Names
    probabilities: Probabilities
    reached: NDArray[np.bool_] | None = None
    labels: Labels | None = None


AT_RANDOM = "random"
"""The query strategy by which all images without label are asked for with the same probability."""

LABEL, UNSURE, REJECT, SKIP, CLEARED, UNDO = KINDS_OF_ANSWER = (
    *("label", "unsure", "reject"),
    *("skip", "cleared", "undo"),
)
"""What an annotator may answer: a class; that they cannot tell; that it is none of the classes;
nothing now; nothing any more; and that an earlier event does not count."""


@dataclass(frozen=True)
class LabelEvent:
    """One answer of one annotator about one image, as it was given; an event is never changed.

    Attributes
    ----------
    image : str
        Its id.
    kind : str
        One of `KINDS_OF_ANSWER`.
    label : str
        Name of the class if the kind is ``label``, else empty.
    rater : str
        Who answered.
    source : str
        The file or page that the answer came from.
    proposal : str
        The class that the run had found for the image; empty if none, or none is known.
    probability : float, optional
        Probability of the proposal.
    run : str
        Fingerprint of the run that proposed it.
    drawn : str
        How the image was chosen to be asked about, such as the name of a query strategy.
    settles : bool
        Whether the answer decides between raters who disagree.
    number : int
        Place among all events of a store, from 1; 0 before it is stored.
    batch : int
        Events that were stored together have the same number of a batch.
    when : str
        Time at which it was stored, in UTC (ISO 8601).
    undoes : int
        Number of the event that does not count any more, if the kind is ``undo``; else 0.
    """

    image: str
    kind: str
    label: str = ""
    rater: str = ""
    source: str = ""
    proposal: str = ""
    probability: float | None = None
    run: str = ""
    drawn: str = ""
    settles: bool = False
    number: int = 0
    batch: int = 0
    when: str = ""
    undoes: int = 0

    @property
    def answer(self) -> str:
        """The answer in words."""
        return self.label or ("none of these" if self.kind == REJECT else self.kind)
