"""What can be seen from given labels: the expert they train, its vectors, and their graph.

The folds of a cross-validation are seen from the other folds' labels alone: whatever learns from
labels is trained again for each.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from voisin.embedding.specification import KINDS, EmbedderKind, parse_embedding
from voisin.errors import InputWarning
from voisin.labeling.cross_validation import make_folds
from voisin.pipeline import stages as stage
from voisin.pipeline.embed import Embedders, embed_images
from voisin.pipeline.experiment import Experiment
from voisin.pipeline.stages import Stages, TrainedNetwork
from voisin.settings import Settings
from voisin.types import UNLABELED, Embeddings, Fold, GraphData, Indices, Labels, Neighbors, Problem

_FOLDS = 5
_FOLDS_TRAINED = 3  # where networks must be trained again for each


@dataclass(frozen=True, eq=False)
class StoredGraphData:
    """A view, with what it is made of.

    Attributes
    ----------
    data : GraphData
    neighbors : Neighbors
    key : str
        Hash of everything that the view depends on.
    """

    data: GraphData
    neighbors: Neighbors
    key: str


@dataclass(frozen=True, eq=False)
class Context:
    """The images of a task, to be seen from any labels of its pool.

    Attributes
    ----------
    stages : Stages
    experiment : Experiment
    embedders : mapping
        Those that need no network, ready.
    data_key : str
        Hash of the images.
    """

    stages: Stages
    experiment: Experiment
    embedders: Embedders
    data_key: str

    def experts(self) -> tuple[TrainedNetwork, TrainedNetwork]:
        """Return the network of the few labels, and the chapter's expert (the user's, if any)."""
        few = stage.train_on_few_labels(self.stages, self.experiment, self.data_key)
        path = self.stages.settings.expert
        if path is not None:
            return few, stage.load_expert_network(self.stages, self.experiment, self.data_key, path)
        return few, stage.train_on_pseudo_labels(self.stages, self.experiment, few)

    def graph_data(self, expert: TrainedNetwork | None = None) -> StoredGraphData:
        """See the images from the task's labels; an expert is trained only if one is needed."""
        needs_one = _needs_expert(self.stages.settings) and self.experiment.lesson is None
        if expert is None and needs_one:
            expert = self.experts()[1]
        pool, test, key = embed_images(
            self.stages, self.experiment, expert, self.embedders, self.data_key
        )
        return _linked(self.stages, pool, test, key)

    def problem(self, graph_data: StoredGraphData) -> Problem:
        """Return the task as a labeling method takes it, with its folds."""
        return Problem(
            graph_data.data,
            self.experiment.labels,
            self.experiment.n_classes,
            self.folds(self.held_out_in_turn(), graph_data.data),
            random_state=self.stages.settings.random_state,
        )

    def held_out_in_turn(self) -> tuple[Indices, ...]:
        """Choose which of the task's labels each fold holds out; none where nothing can be."""
        settings = self.stages.settings
        return make_folds(
            self.experiment.labels,
            self.experiment.pool.groups,
            n_folds=_FOLDS_TRAINED if learns_from_labels(settings) else _FOLDS,
            random_state=settings.random_state,
        )

    def folds(self, held_out: Sequence[Indices], data: GraphData) -> tuple[Fold, ...]:
        """See the images without the labels of each fold; as `view` where no vector learns."""
        trains_again = learns_from_labels(self.stages.settings)
        folds = []
        with self.stages.silent("folds") as stages:
            for done, rows in enumerate(held_out, start=1):
                if trains_again:
                    labels = self.experiment.labels.copy()
                    labels[rows] = UNLABELED
                    data = replace(self, stages=stages).knowing(labels).graph_data().data
                folds.append(Fold(rows, data))
                self.stages.progress("Folds", done, len(held_out))
        return tuple(folds)

    def knowing(self, labels: Labels) -> "Context":
        """Know other labels; the truth of all others is hidden even from figures."""
        unknown = np.full_like(labels, UNLABELED)
        return replace(self, experiment=replace(self.experiment, labels=labels, hidden=unknown))


def learns_from_labels(settings: Settings) -> bool:
    """Tell whether other labels would give other vectors; the user's own expert stays as it is."""
    return any(
        kind.learns_from_labels and (kind.network != "expert" or settings.expert is None)
        for kind in _kinds(settings)
    )


def _needs_expert(settings: Settings) -> bool:
    return any(kind.network == "expert" for kind in _kinds(settings))


def _kinds(settings: Settings) -> list[EmbedderKind]:
    return [KINDS[part.kind] for part in parse_embedding(settings.embedding)]


def _linked(stages: Stages, pool: Embeddings, test: Embeddings, key: str) -> StoredGraphData:
    """Link every image of the pool to its nearest neighbors, and the test's to the pool's."""
    from voisin.neighbors.affinity import build_affinity
    from voisin.neighbors.search import find_neighbors, query_neighbors

    settings = stages.settings
    options: dict[str, Any] = {"metric": settings.metric, "progress": stages.progress}
    n_neighbors = min(settings.n_neighbors, len(pool) - 1)

    def compute(_: Path) -> dict[str, Any]:
        found = find_neighbors(pool, n_neighbors, random_state=settings.random_state, **options)
        arrays = {"indices": found.indices, "distances": found.distances, "recall": found.recall}
        if len(test):
            near = query_neighbors(test, pool, n_neighbors, **options)
            arrays |= {"near_indices": near.indices, "near_distances": near.distances}
        return arrays

    inputs = {
        "embeddings": key,
        "n_neighbors": n_neighbors,
        "metric": settings.metric,
        "random_state": settings.random_state,
    }
    found, key = stages.recall("graph", inputs, compute)
    recall = float(found["recall"])
    neighbors = Neighbors(found["indices"], found["distances"], recall, settings.metric)
    near = None
    if len(test):
        near = Neighbors(found["near_indices"], found["near_distances"], 1.0, settings.metric)
    if not np.ptp(neighbors.distances):
        message = (
            "All vectors are alike, so that no image is nearer than another and the labels found "
            "mean nothing: look at the images, or pass another embedding."
        )
        warnings.warn(message, InputWarning, stacklevel=2)
    weights = "cosine" if settings.metric == "cosine" else "gaussian"
    data = GraphData(pool, build_affinity(neighbors, weights=weights), test, near)
    return StoredGraphData(data, neighbors, key)
