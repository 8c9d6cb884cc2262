"""The stages that turn images into vectors: one for each embedder, and one that joins vectors.

Embedding can take an hour. So each embedder works block by block, and every finished block stays
on disk until all are done.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from voisin.embedding.cached import CachedEmbedder
from voisin.embedding.combination import Combination, learn_combination
from voisin.embedding.registry import EmbedderOptions, make_embedder
from voisin.embedding.specification import (
    AUTO,
    IMAGE_SIZE,
    KINDS,
    Part,
    parse_embedding,
)
from voisin.pipeline.classifiers import TrainedNetwork
from voisin.pipeline.networks import backbone_size, make_network
from voisin.pipeline.prepare import Experiment, read_at
from voisin.pipeline.stages import Stages
from voisin.project.cache import hash_of
from voisin.sources.arrays import ArrayReader
from voisin.types import (
    UNLABELED,
    Embedder,
    Embeddings,
    ImageCollection,
    LearningEmbedder,
    Names,
    Progress,
)
from voisin.writing import going_on_without, write_atomically

# Images, by hand: larger blocks lose more work in a crash, smaller ones make more files. It is a
# multiple of the network embedders' batch, so that cutting into blocks changes no value.
BLOCK = 2048

Embedders: TypeAlias = Mapping[Part, Embedder | LearningEmbedder]


def make_embedders(stages: Stages, source_ids: Names) -> Embedders:
    """Make every embedder that needs no network, so that errors appear before any work."""
    options = _options(stages, source_ids)
    if stages.settings.embedding == AUTO:
        return {}
    parts = parse_embedding(stages.settings.embedding)
    return {part: make_embedder(part, options) for part in parts if not KINDS[part.kind].network}


@dataclass(frozen=True, eq=False)
class Embedded:
    """The vectors of pool and test.

    Attributes
    ----------
    pool, test : arrays of shape (n_images, n_dims)
    combination : Combination, optional
        How the vectors of several embedders became these.
    """

    pool: Embeddings
    test: Embeddings
    combination: Combination | None = None


def embed_images(
    stages: Stages, experiment: Experiment, expert: TrainedNetwork | None, embedders: Embedders
) -> tuple[Embedded, str]:
    """Embed the images of pool and test; return their vectors, and the key of their stage.

    The vectors of a single embedder stay as they are; those of several are joined.
    """
    parts = parse_embedding(stages.settings.embedding)
    embedded = [embed_part(stages, experiment, part, expert, embedders) for part in parts]
    if len(embedded) == 1:
        return embedded[0]

    def compute(_: Path) -> Embedded:
        combination = learn_combination([part.pool for part, _ in embedded])
        pool = combination.apply([part.pool for part, _ in embedded])
        test = combination.apply([part.test for part, _ in embedded])
        return Embedded(pool, test, combination)

    keys = [key for _, key in embedded]
    return stages.recall("embeddings", {"parts": keys}, compute, Embedded)


def embed_part(
    stages: Stages,
    experiment: Experiment,
    part: Part,
    expert: TrainedNetwork | None,
    embedders: Embedders,
) -> tuple[Embedded, str]:
    """Embed the images of pool and test by one embedder; also return the key of the stage."""
    embedder = embedders.get(part) or _of_network(stages, experiment, part, expert)
    return _embed(stages, experiment, part, embedder)


def embed_without_labels(stages: Stages, experiment: Experiment, embedders: Embedders) -> None:
    """Compute and keep all vectors that depend on no label, so that later work reuses them."""
    for part in parse_embedding(stages.settings.embedding):
        kind = KINDS[part.kind]
        if kind.network == "fine-tuned":
            make_network("simclr", stages, experiment, None)
        if not kind.learns_from_labels:
            embedder = embedders.get(part) or _of_network(stages, experiment, part, None)
            _embed(stages, experiment, part, embedder)


def _of_network(
    stages: Stages, experiment: Experiment, part: Part, expert: TrainedNetwork | None
) -> Embedder | LearningEmbedder:
    """Train the network of an embedder, and make the embedder."""
    network = make_network(KINDS[part.kind].network, stages, experiment, expert)
    options = replace(_options(stages, experiment.pool.ids), network=network)
    if _is_backbone(part):
        options = replace(options, size=backbone_size(stages, experiment))
    return make_embedder(part, options)


def _is_backbone(part: Part) -> bool:
    return KINDS[part.kind].module == "backbone"


def _options(stages: Stages, source_ids: Names) -> EmbedderOptions:
    settings = stages.settings
    return EmbedderOptions(
        source_ids,
        size=settings.embedding_size,
        fetch=settings.fetch,
        onnx_normalization=settings.onnx_normalization,
        device=settings.device,
        progress=stages.progress,
    )


def _embed(
    stages: Stages, experiment: Experiment, part: Part, embedder: Embedder | LearningEmbedder
) -> tuple[Embedded, str]:
    """Embed with one embedder; if it must be trained, train it on the pool without labels."""
    pool, test = experiment.pool, experiment.test
    decoded = (experiment.pool_pixels, experiment.test_pixels)
    is_tuned = _is_backbone(part) and KINDS[part.kind].learns_from_labels
    if is_tuned:  # several networks need the same pixels, so these are kept
        decoded = read_at(stages, experiment, embedder.input_size or IMAGE_SIZE)
    if is_tuned or embedder.input_size == IMAGE_SIZE:
        pool, test = (
            replace(images, reader=ArrayReader([pixels], ""), positions=np.arange(len(images)))
            if len(images)
            else images
            for images, pixels in zip((pool, test), decoded, strict=True)
        )

    def compute(scratch: Path) -> Embedded:
        ready = embedder
        if isinstance(ready, LearningEmbedder):
            unlabeled = replace(pool, labels=np.full(len(pool), UNLABELED))
            ready = ready.fit(unlabeled, scratch=scratch, progress=stages.progress)
        if KINDS[part.kind].by_image:
            ready = CachedEmbedder(ready, str(part))
        of_pool = embed_in_blocks(ready, pool, scratch / "pool", stages.progress)
        of_test = np.empty((0, of_pool.shape[1]), dtype=np.float32)
        if len(test):
            of_test = embed_in_blocks(ready, test, scratch / "test", stages.progress)
        return Embedded(of_pool, of_test)

    inputs: dict[str, Any] = {"data": experiment.key, "embedder": embedder.fingerprint()}
    if pool.reader is experiment.pool.reader:  # then the embedder reads the images from the source
        places = [hash_of(images.positions) for images in (pool, test)]
        inputs |= {"images": pool.reader.fingerprint(), "places": places}
    return stages.recall(f"embeddings-{part.kind}", inputs, compute, Embedded)


def embed_in_blocks(
    embedder: Embedder, images: ImageCollection, scratch: Path, progress: Progress
) -> Embeddings:
    """Compute a vector for each image; after an interruption, reuse the finished blocks.

    Blocks follow the order in which the source holds its images, because some readers are quick
    only when read forward. The folder of the blocks is named by the embedder's fingerprint, so
    another embedder never reuses them.

    Parameters
    ----------
    embedder : Embedder
    images : ImageCollection
        At least one image.
    scratch : Path
        Folder for the blocks of these images alone; created if absent.
    progress : callable
    """
    place = scratch / hash_of(embedder.fingerprint())[:20]
    order = np.argsort(images.positions, kind="stable")
    blocks = {
        place / f"{start}.npy": order[start : start + BLOCK]
        for start in range(0, len(order), BLOCK)
    }
    done, vectors = 0, np.empty((len(images), 0), dtype=np.float32)
    for path, rows in blocks.items():

        def report(task: str, embedded: int, _: int, before: int = done) -> None:
            progress(task, before + embedded, len(order))

        try:
            block = np.load(path, allow_pickle=False)
        except (OSError, EOFError, ValueError):  # missing or damaged: compute it
            block = embedder.embed(images.take(rows), progress=report)
            with going_on_without(scratch.parents[1]):
                place.mkdir(parents=True, exist_ok=True)
                with write_atomically(path) as partial, partial.open("wb") as file:
                    np.save(file, block, allow_pickle=False)
        if not done:
            vectors = np.empty((len(images), block.shape[1]), dtype=np.float32)
        vectors[rows] = block
        done += len(rows)
    return vectors
