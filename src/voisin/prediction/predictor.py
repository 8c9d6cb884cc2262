"""Label new images as a finished run labeled its own.

A new image is embedded by the weights that the run left, linked to its nearest images of the pool,
and given the probabilities that the run's labeling method gives to an image outside the graph
(`voisin.labeling.induction`); these are calibrated and decided as those of the pool were.
"""

from pathlib import Path

import numpy as np

from voisin.embedding.specification import parts_for_novelty
from voisin.errors import InputError
from voisin.neighbors.novelty import is_novel
from voisin.neighbors.search import VectorIndex
from voisin.parallel import blocks
from voisin.prediction.embedder import ImageEmbedder
from voisin.prediction.model import MODEL, load_model
from voisin.prediction.predictions import NewPredictions, join_predictions
from voisin.project.finished_run import FinishedRun
from voisin.sources.new_images import NewImages, open_new_images
from voisin.types import (
    UNLABELED,
    ImageCollection,
    Probabilities,
    Progress,
    no_progress,
)

_BLOCK = 512  # images that are read at once, by hand: bounds the memory
_SHOWN = 3  # nearest labeled images that are told of each image, by hand


class Predictor:
    """A finished run, loaded to label new images.

    Parameters
    ----------
    run : FinishedRun
    device : str, default="auto"

    Raises
    ------
    ProjectError
        If the run's files are damaged.
    InputError
        If its method cannot label an image without labeling all again, or its embedders cannot be
        made again.
    """

    def __init__(self, run: FinishedRun, device: str = "auto") -> None:
        result = run.result
        if result.induction is None:
            message = (
                f"The method {run.settings['method']!r} must label all images again: run again "
                "with the new images, or with another --method."
            )
            raise InputError(message)
        self.model = load_model(Path(run.folder) / MODEL)
        self._result = result
        self._embedder = ImageEmbedder.of(self.model, device=device)
        self._metric = str(run.settings["metric"])
        self._n_neighbors = min(int(run.settings["n_neighbors"]), len(result.ids) - 1)
        self._pool = VectorIndex(result.embeddings, self._metric)
        self._given = np.flatnonzero(result.labels != UNLABELED)
        self._labeled = VectorIndex(np.asarray(result.embeddings[self._given]), self._metric)

    def predict(self, images: NewImages, *, progress: Progress = no_progress) -> NewPredictions:
        """Label new images.

        Parameters
        ----------
        images : str, Path, array, picture, ImageCollection, or a sequence of these
            As `voisin.sources.new_images.open_new_images` opens them.
        progress : callable, optional

        Returns
        -------
        NewPredictions
            A row for each image, in the order given.

        Raises
        ------
        InputError
            If there is no image, or none can be read.
        """
        opened = open_new_images(images)
        total, parts = sum(map(len, opened)), list[NewPredictions]()
        for some in opened:
            for rows in blocks(len(some), _BLOCK):
                parts.append(self._predict(some.take(np.r_[rows])))
                progress("New images", sum(map(len, parts)), total)
        predictions = join_predictions(parts)
        if (predictions.problems != "").all():
            message = f"None of the images can be read: {predictions.problems[0]}"
            raise InputError(message)
        return predictions

    def classify(self, images: NewImages) -> Probabilities:
        """Return the calibrated probabilities of the classifier alone, as an exported file does.

        Parameters
        ----------
        images : str, Path, array, picture, ImageCollection, or a sequence of these

        Returns
        -------
        array of shape (n_images, n_classes)

        Raises
        ------
        InputError
            If an image cannot be read.
        """
        found = []
        for some in open_new_images(images):
            for rows in blocks(len(some), _BLOCK):
                pixels, readable, unreadable = self._embedder.read(some.take(np.r_[rows]))
                if unreadable:
                    raise InputError(next(iter(unreadable.values())))
                found.append(self._embedder.classify(pixels, readable))
        return np.concatenate(found)

    def _predict(self, images: ImageCollection) -> NewPredictions:
        result, given, n_images = self._result, self._given, len(images)
        pixels, readable, unreadable = self._embedder.read(images)
        rows = np.flatnonzero(~np.isin(images.ids, list(unreadable)))
        shape = (n_images, min(_SHOWN, len(given)))
        found = NewPredictions(
            ids=images.ids,
            paths=np.array([images.reader.path(int(place)) or "" for place in images.positions]),
            class_names=result.class_names,
            labels=np.full(n_images, UNLABELED),
            probabilities=np.full((n_images, len(result.class_names)), np.nan),
            linked=np.zeros(n_images, dtype=bool),
            unlike=np.zeros(n_images, dtype=bool),
            nearest_ids=np.full(shape, "", dtype=result.ids.dtype),
            nearest_labels=np.full(shape, UNLABELED),
            nearest_distances=np.full(shape, np.nan, dtype=np.float32),
            metric=self._metric,
            problems=np.array([unreadable.get(name, "") for name in images.ids.tolist()]),
        )
        if not len(rows):
            return found
        parts = self._embedder.embed_parts(pixels, readable)
        vectors = self.model.join(parts)
        near = self._pool.query(vectors, self._n_neighbors)
        probabilities, reached = result.state(vectors, near)
        found.probabilities[rows] = probabilities
        found.labels[rows] = np.where(reached, result.decision.apply(probabilities), UNLABELED)
        found.linked[rows] = result.linked[near.indices].any(axis=1)
        telling = parts_for_novelty(self.model.parts)
        own = [kind for kind, part in zip(parts, self.model.parts, strict=True) if part in telling]
        found.unlike[rows] = is_novel(result.novelty, own)
        nearest = self._labeled.query(vectors, shape[1])
        found.nearest_ids[rows] = result.ids[given][nearest.indices]
        found.nearest_labels[rows] = result.labels[given][nearest.indices]
        found.nearest_distances[rows] = nearest.distances
        return found
