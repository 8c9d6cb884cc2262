"""What is computed from the known labels: expert network, vectors, graph and folds.

A fold of a cross-validation may use the other folds' labels only, so every network that learns
from labels is trained again for each fold.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from voisin.embedding.combination import Combination
from voisin.embedding.specification import KINDS, learns_from_labels, parse_embedding
from voisin.errors import InputError, InputWarning
from voisin.labeling.cross_validation import make_folds
from voisin.pipeline.choose import resolve
from voisin.pipeline.classifiers import (
    TrainedNetwork,
    load_expert_network,
    train_on_few_labels,
    train_on_pseudo_labels,
)
from voisin.pipeline.embed import Embedders, embed_images, make_embedders
from voisin.pipeline.given_labels import GivenLabels
from voisin.pipeline.prepare import Experiment, TrainingLabels, prepare
from voisin.pipeline.stages import Stages, capture_warnings
from voisin.types import (
    UNLABELED,
    Fold,
    GraphData,
    ImageCollection,
    Indices,
    Labels,
    Neighbors,
    Problem,
)

_FOLDS = 5  # a common choice: four fifths of the labels are left to learn from
_FOLDS_TRAINED = 3  # if each fold trains networks, by hand: saves two fifths of that time
# Labels a class on average, by hand: with fewer, networks that lack a third of them are so much
# worse that the labels found seem worse than they are (waste, 10 a class: 0.58 for 0.71).
_ENOUGH_LABELS = 20


@dataclass(frozen=True, eq=False)
class StoredGraphData:
    """Graph data, with the neighbors and the key that they come from.

    Attributes
    ----------
    data : GraphData
    neighbors : Neighbors
        Of the pool's images.
    key : str
        Hash of everything that the data depend on.
    combination : Combination, optional
        How the vectors of several embedders became those of the graph.
    taught : TrainingLabels, optional
        What the networks of embedders were trained on, if not the few labels.
    """

    data: GraphData
    neighbors: Neighbors
    key: str
    combination: Combination | None = None
    taught: TrainingLabels | None = None


@dataclass(frozen=True, eq=False)
class Context:
    """An experiment, with the means to compute networks, vectors and graph from its labels.

    Attributes
    ----------
    stages : Stages
    experiment : Experiment
    embedders : mapping
        Embedders that need no network, ready for use.
    dealt : array of shape (n_pool,), optional
        If the networks of an earlier run are kept: for each label that they were trained on, the
        fold whose networks were trained without it, or -1; else `NOT_DEALT`.
    """

    stages: Stages
    experiment: Experiment
    embedders: Embedders
    dealt: Indices | None = None

    @classmethod
    def of(
        cls,
        stages: Stages,
        images: ImageCollection,
        notes: Sequence[str] = (),
        given: GivenLabels | None = None,
    ) -> "Context":
        """Prepare the images; fail before reading any of them if an embedder cannot be made."""
        embedders = make_embedders(stages, images.ids)
        experiment = prepare(stages, images, notes, given)
        with capture_warnings() as on_choice:
            stages = resolve(stages, experiment)
        experiment = replace(experiment, warnings=(*experiment.warnings, *on_choice))
        return cls(stages, experiment, embedders)

    def with_embedding(self, embedding: str) -> "Context":
        """Return a context that compares images by other vectors."""
        settings = self.stages.settings.with_embedding(embedding)
        return replace(self, stages=replace(self.stages, settings=settings))

    def with_labels(self, labels: Labels) -> "Context":
        """Return a context in which only these labels are known."""
        return replace(self, experiment=self.experiment.with_labels(labels))

    def expert_networks(self) -> tuple[TrainedNetwork, TrainedNetwork]:
        """Return the network trained on the few labels, and the expert network (or the user's)."""
        few = train_on_few_labels(self.stages, self.experiment)
        path = self.stages.settings.expert_network
        if path is not None:
            return few, load_expert_network(self.stages, self.experiment, path)
        return few, train_on_pseudo_labels(self.stages, self.experiment, few)

    @property
    def needs_expert(self) -> bool:
        """Whether the embedding uses features of the expert network."""
        parts = parse_embedding(self.stages.settings.embedding)
        return any(KINDS[part.kind].network == "expert" for part in parts)

    def graph_data(self, expert: TrainedNetwork | None = None) -> StoredGraphData:
        """Embed the images and link neighbors; train an expert network only if one is needed."""
        from voisin.neighbors.affinity import build_affinity
        from voisin.neighbors.search import find_neighbors, query_neighbors

        if expert is None and self.needs_expert and self.experiment.taught is None:
            expert = self.expert_networks()[1]
        embedded, key = embed_images(self.stages, self.experiment, expert, self.embedders)
        pool, test = embedded.pool, embedded.test
        settings, progress = self.stages.settings, self.stages.progress
        n_neighbors = min(settings.n_neighbors, len(pool) - 1)
        inputs: dict[str, Any] = {"metric": settings.metric, "random_state": settings.random_state}

        def compute(_: Path) -> dict[str, Neighbors]:
            neighbors = {"pool": find_neighbors(pool, n_neighbors, **inputs, progress=progress)}
            if len(test):
                metric = settings.metric
                neighbors["test"] = query_neighbors(
                    test, pool, n_neighbors, metric=metric, progress=progress
                )
            return neighbors

        inputs_of_graph = {"embeddings": key, "n_neighbors": n_neighbors, **inputs}
        linked, key = self.stages.recall("graph", inputs_of_graph, compute, dict[str, Neighbors])
        neighbors = linked["pool"]
        if not np.ptp(neighbors.distances):
            message = (
                "All vectors are alike, so that no image is nearer than another and the labels "
                "found mean nothing: look at the images, or pass another embedding."
            )
            warnings.warn(message, InputWarning, stacklevel=2)
        weights = "cosine" if settings.metric == "cosine" else "gaussian"
        affinity = build_affinity(neighbors, weights=weights)
        data = GraphData(pool, affinity, test, linked.get("test"))
        taught = self.experiment.taught
        return StoredGraphData(data, neighbors, key, embedded.combination, taught)

    def problem(self, graph_data: StoredGraphData) -> Problem:
        """Return the experiment in the form that a labeling method takes, with its folds."""
        return Problem(
            graph_data.data,
            self.experiment.labels,
            self.experiment.n_classes,
            self.folds(self.held_out_in_turn(), graph_data.data),
            random_state=self.stages.settings.random_state,
        )

    def held_out_in_turn(self) -> tuple[Indices, ...]:
        """Choose which labels each fold holds out; return no fold if no label can be held out."""
        labels = self.experiment.labels
        many = (labels != UNLABELED).sum() >= _ENOUGH_LABELS * self.experiment.n_classes
        dealt = self.dealt if self.trains_again else None
        n_folds = _FOLDS_TRAINED if self.trains_again and many else _FOLDS
        return make_folds(
            labels,
            self.experiment.pool.groups,
            n_folds=n_folds if dealt is None else int(dealt.max()) + 1,
            random_state=self.stages.settings.random_state,
            dealt=dealt,
        )

    def folds(self, held_out: Sequence[Indices], data: GraphData) -> tuple[Fold, ...]:
        """Compute the graph data without the labels of each fold.

        If no vector depends on labels, every fold uses `data` itself.
        """
        folds = []
        with self.stages.silent("folds") as stages:
            for done, rows in enumerate(held_out, start=1):
                if self.trains_again:
                    labels = self.experiment.labels.copy()
                    labels[rows] = UNLABELED
                    without = replace(self, stages=stages).with_labels(labels)
                    data = without._without_taught(rows).graph_data().data
                folds.append(Fold(rows, data))
                self.stages.progress("Folds", done, len(held_out))
        return tuple(folds)

    def _without_taught(self, held_out: Indices) -> "Context":
        """Train no network on labels of the fold of `held_out`, if networks are kept."""
        taught = self.experiment.taught
        if self.dealt is None or taught is None:
            return self
        in_fold = (self.dealt >= 0) & (self.dealt == self.dealt[held_out].max())
        labels = np.where(in_fold, UNLABELED, taught.labels)
        return replace(self, experiment=self.experiment.with_taught(labels))

    @property
    def trains_again(self) -> bool:
        """Whether other labels would give other vectors."""
        settings = self.stages.settings
        own_network = settings.expert_network is not None
        return learns_from_labels(settings.embedding, own_network=own_network)

    @property
    def has_class_priors(self) -> bool:
        """Whether the class priors asked for can be computed: an estimate needs held-out labels."""
        asked = self.stages.settings.class_priors
        return asked != "estimate" or bool(self.held_out_in_turn())

    def check_class_priors(self) -> None:
        """Refuse to estimate class priors from labels of which none can be held out.

        Raises
        ------
        InputError
            Before any network is trained.
        """
        if not self.has_class_priors:
            message = (
                "`class_priors='estimate'` needs labels to hold out, and no class has two (of "
                "different groups): label more images, or pass 'uniform' or the priors themselves."
            )
            raise InputError(message)
