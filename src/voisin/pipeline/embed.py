"""The stages that turn images into vectors: one for each embedder, and one that joins them."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from voisin.embedding.registry import EmbedderOptions, make_embedder
from voisin.embedding.specification import KINDS, Part, parse_embedding
from voisin.pipeline.embed_blocks import embed_in_blocks
from voisin.pipeline.experiment import Experiment
from voisin.pipeline.networks import make_network
from voisin.pipeline.stages import IMAGE_SIZE, Stages, TrainedNetwork
from voisin.project.cache import hash_of
from voisin.sources.arrays import ArrayReader
from voisin.types import (
    UNLABELED,
    Embedder,
    Embeddings,
    ImageCollection,
    LearningEmbedder,
    Names,
    Pixels,
)

Embedders: TypeAlias = Mapping[Part, Embedder | LearningEmbedder]


def make_embedders(stages: Stages, source_ids: Names) -> Embedders:
    """Make every embedder that needs no network, so that what is wrong is said before any work."""
    options = _options(stages, source_ids)
    parts = parse_embedding(stages.settings.embedding)
    return {part: make_embedder(part, options) for part in parts if not KINDS[part.kind].network}


def embed_images(
    stages: Stages,
    experiment: Experiment,
    expert: TrainedNetwork | None,
    embedders: Embedders,
    data_key: str,
) -> tuple[Embeddings, Embeddings, str]:
    """Turn the images of pool and test into vectors; one embedder's stay as they are."""
    from voisin.embedding.combination import combine

    options = _options(stages, experiment.pool.ids)
    found = []
    for part in parse_embedding(stages.settings.embedding):
        embedder = embedders.get(part)
        if embedder is None:
            network = make_network(KINDS[part.kind].network, stages, experiment, expert, data_key)
            embedder = make_embedder(part, replace(options, network=network))
        found.append(_embed(stages, experiment, part, embedder, data_key))
    if len(found) == 1:
        return found[0]
    pools, tests, keys = zip(*found, strict=True)

    def compute(_: Path) -> Mapping[str, Any]:
        pool, test = combine(pools, tests)
        return {"pool": pool, "test": test}

    arrays, key = stages.recall("embeddings", {"parts": keys}, compute)
    return arrays["pool"], arrays["test"], key


def embed_without_labels(
    stages: Stages, experiment: Experiment, embedders: Embedders, data_key: str
) -> None:
    """Do all that no label changes, so that what is computed from labels next finds it."""
    options = _options(stages, experiment.pool.ids)
    for part in parse_embedding(stages.settings.embedding):
        kind = KINDS[part.kind]
        if kind.network == "fine-tuned":
            make_network("simclr", stages, experiment, None, data_key)
        if kind.learns_from_labels:
            continue
        embedder = embedders.get(part)
        if embedder is None:
            network = make_network(kind.network, stages, experiment, None, data_key)
            embedder = make_embedder(part, replace(options, network=network))
        _embed(stages, experiment, part, embedder, data_key)


def _options(stages: Stages, source_ids: Names) -> EmbedderOptions:
    settings = stages.settings
    return EmbedderOptions(
        source_ids,
        size=settings.embedding_size,
        onnx_normalization=settings.onnx_normalization,
        device=settings.device,
        progress=stages.progress,
    )


def _embed(
    stages: Stages,
    experiment: Experiment,
    part: Part,
    embedder: Embedder | LearningEmbedder,
    data_key: str,
) -> tuple[Embeddings, Embeddings, str]:
    """Embed by one embedder; what it must learn, it learns from the pool without any label."""
    pool, test = _as_seen(experiment, embedder.input_size)

    def compute(scratch: Path) -> Mapping[str, Any]:
        ready = (
            embedder.fit(_without_labels(pool), scratch=scratch, progress=stages.progress)
            if isinstance(embedder, LearningEmbedder)
            else embedder
        )
        of_pool = embed_in_blocks(ready, pool, scratch / "pool", stages.progress)
        of_test = np.empty((0, of_pool.shape[1]), dtype=np.float32)
        if len(test):
            of_test = embed_in_blocks(ready, test, scratch / "test", stages.progress)
        return {"pool": of_pool, "test": of_test}

    inputs: dict[str, Any] = {"data": data_key, "embedder": embedder.fingerprint()}
    if embedder.input_size != IMAGE_SIZE:  # it reads the images themselves, again
        places = [hash_of(images.positions) for images in (pool, test)]
        inputs |= {"images": pool.reader.fingerprint(), "places": places}
    arrays, key = stages.recall(f"embeddings-{part.kind}", inputs, compute)
    return arrays["pool"], arrays["test"], key


def _as_seen(
    experiment: Experiment, input_size: int | None
) -> tuple[ImageCollection, ImageCollection]:
    """Give the images; where their pixels at this size are there already, nothing is decoded."""
    if input_size != IMAGE_SIZE:
        return experiment.pool, experiment.test
    return _at_hand(experiment.pool, experiment.pool_pixels), _at_hand(
        experiment.test, experiment.test_pixels
    )


def _at_hand(images: ImageCollection, pixels: Pixels) -> ImageCollection:
    if not len(images):
        return images
    return replace(images, reader=ArrayReader([pixels], ""), positions=np.arange(len(images)))


def _without_labels(images: ImageCollection) -> ImageCollection:
    return replace(images, labels=np.full(len(images), UNLABELED))
