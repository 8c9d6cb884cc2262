"""Embedding goes on from the blocks that are done, and gives what it gives in one go."""

import numpy as np
import pytest

from voisin.pipeline import embed as blocks
from voisin.sources.opening import open_images
from voisin.types import no_progress


class Watched:
    """Embeds an image by its position, notes what it was asked, and may break off."""

    input_size = None

    def __init__(self, name="one", survives=np.inf):
        self.name, self.survives, self.asked = name, survives, []

    def fingerprint(self):
        return self.name

    def embed(self, images, *, progress=no_progress):
        if len(self.asked) >= self.survives:
            raise KeyboardInterrupt
        self.asked.append(len(images))
        progress("Embedding", len(images), len(images))
        return np.column_stack([images.positions, -images.positions]).astype(np.float32)


@pytest.fixture
def images(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 10)
    return open_images("digits").take(np.random.default_rng(0).permutation(25))


def test_rows_follow_the_images_and_progress_counts_all(images, tmp_path):
    seen = []
    found = blocks.embed_in_blocks(Watched(), images, tmp_path, lambda *news: seen.append(news))

    np.testing.assert_array_equal(found, np.column_stack([images.positions, -images.positions]))
    assert seen == [("Embedding", done, 25) for done in (10, 20, 25)]


def test_after_an_interruption_only_what_is_missing_is_embedded(images, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        blocks.embed_in_blocks(Watched(survives=2), images, tmp_path, no_progress)
    again = Watched()

    found = blocks.embed_in_blocks(again, images, tmp_path, no_progress)

    assert again.asked == [5]
    np.testing.assert_array_equal(found[:, 0], images.positions)


def test_a_damaged_block_is_embedded_again(images, tmp_path):
    whole = blocks.embed_in_blocks(Watched(), images, tmp_path, no_progress)
    first, *_ = sorted(tmp_path.rglob("*.npy"))
    first.write_bytes(b"")

    assert (blocks.embed_in_blocks(Watched(), images, tmp_path, no_progress) == whole).all()


def test_another_embedder_starts_from_nothing(images, tmp_path):
    blocks.embed_in_blocks(Watched(), images, tmp_path, no_progress)
    other = Watched("other")

    blocks.embed_in_blocks(other, images, tmp_path, no_progress)

    assert other.asked == [10, 10, 5]


def test_a_block_is_a_whole_number_of_the_experts_batches():
    from voisin.embedding import inference

    assert blocks.BLOCK % inference._BATCH_SIZE == 0
