"""Images are embedded batch by batch, in the order of their source."""

from itertools import chain

import numpy as np
import pytest

from voisin.embedding.registry import embed_by_batch
from voisin.errors import InputError
from voisin.sources.opening import open_images
from voisin.types import no_progress


def positions_as_vectors(images):
    return np.column_stack([images.positions, images.positions**2]).astype(np.float64)


def test_no_batch_is_larger_than_asked_and_the_source_is_read_forward():
    images = open_images("digits").take(np.random.default_rng(0).permutation(25))
    batches = []

    def embed_batch(batch):
        batches.append(batch.positions.tolist())
        return positions_as_vectors(batch)

    vectors = embed_by_batch(images, embed_batch, batch_size=10, name="test", progress=no_progress)

    assert [len(batch) for batch in batches] == [10, 10, 5]
    assert list(chain(*batches)) == sorted(images.positions.tolist())
    np.testing.assert_array_equal(vectors, positions_as_vectors(images).astype(np.float32))


def test_progress_counts_images():
    images, seen = open_images("digits").take(np.arange(25)), []

    embed_by_batch(
        images,
        positions_as_vectors,
        batch_size=10,
        name="test",
        progress=lambda *update: seen.append(update),
    )

    assert seen == [("Embedding: test", done, 25) for done in (10, 20, 25)]


def test_no_images_give_no_rows():
    vectors = embed_by_batch(
        open_images("digits").take(np.arange(0)),
        positions_as_vectors,
        batch_size=10,
        name="test",
        progress=no_progress,
    )
    assert len(vectors) == 0


def test_values_that_are_not_finite_are_refused():
    images = open_images("digits").take(np.arange(3))
    with pytest.raises(InputError, match=r"embeddings of test has NaN, .* in 3 of 3 rows"):
        embed_by_batch(
            images,
            lambda batch: np.full((len(batch), 2), np.nan),
            batch_size=2,
            name="test",
            progress=no_progress,
        )
