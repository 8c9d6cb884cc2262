"""Near-duplicates: found by vectors and by pictures, whichever way a picture was turned."""

import io

import numpy as np
import pytest
from PIL import Image

from voisin.audit.duplicates import find_near_vectors, find_same_pictures, join_pairs
from voisin.audit.perceptual_hash import find_similar_hashes, hash_pictures, turn_pictures
from voisin.errors import InputError
from voisin.neighbors.search import find_neighbors


def pictures(count, random_state=0):
    """Smooth random pictures, 32 × 32, in color."""
    generator = np.random.default_rng(random_state)
    coarse = generator.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    return np.stack([resized(one, 32) for one in coarse])


def resized(picture, side):
    return np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC))


def compressed(picture):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=60)
    return np.asarray(Image.open(file))


@pytest.mark.parametrize("turn", range(8))
def test_a_copy_is_found_whichever_way_it_is_turned(turn):
    pixels = pictures(30)
    first = pixels[3].astype(np.float32).transpose(2, 0, 1)
    pixels[17] = turn_pictures(first, turn).transpose(1, 2, 0).astype(np.uint8)
    found = find_same_pictures(pixels)
    assert found.images.tolist() == [[3, 17]]
    assert found.turns.tolist() == [turn]
    np.testing.assert_allclose(found.correlation, 1, atol=1e-6)


@pytest.mark.parametrize("change", [compressed, lambda picture: resized(resized(picture, 96), 32)])
def test_a_copy_is_found_after_compression_and_resizing(change):
    pixels = pictures(30)
    pixels[29] = change(pixels[0])
    assert find_same_pictures(pixels).images.tolist() == [[0, 29]]


def test_different_pictures_and_pictures_without_contrast_are_no_copies():
    pixels = pictures(200)
    pixels[:50] = np.arange(50, dtype=np.uint8)[:, None, None, None]
    assert len(find_same_pictures(pixels)) == 0


def test_very_many_copies_of_one_picture_are_linked_without_listing_every_pair():
    found = find_same_pictures(np.repeat(pictures(1), 2_000, axis=0))
    assert len(found) < 2_000 * 100
    assert set(found.images.ravel()) == set(range(2_000))


def test_no_pictures_have_no_copies():
    assert len(find_same_pictures(np.empty((0, 32, 32, 3), dtype=np.uint8))) == 0


def test_banded_search_finds_every_pair_within_three_bits():
    generator = np.random.default_rng(0)
    hashes = generator.integers(0, 2**64, (300, 8), dtype=np.uint64)
    for row in range(100):  # neighbors of 0 to 5 bits, at some turn
        bits = generator.choice(64, row % 6, replace=False)
        flips = np.bitwise_or.reduce(np.uint64(1) << bits.astype(np.uint64), initial=np.uint64(0))
        hashes[200 + row, 0] = hashes[row, row % 8] ^ flips

    pairs, turns, bits = find_similar_hashes(hashes)

    differing = np.bitwise_count(hashes[:, None, :] ^ hashes[None, :, :1])
    best = differing.min(axis=2)
    expected = np.argwhere(np.triu(best <= 3, 1))
    assert len(expected) >= 60
    np.testing.assert_array_equal(pairs, expected)
    np.testing.assert_array_equal(bits, best[pairs[:, 0], pairs[:, 1]])
    np.testing.assert_array_equal(differing[pairs[:, 0], pairs[:, 1], turns], bits)


def test_what_is_near_depends_on_the_surroundings():
    generator = np.random.default_rng(0)
    dense, sparse = generator.normal(0, 0.01, (40, 4)), generator.normal(9, 1, (40, 4))
    vectors = np.concatenate([dense, sparse]).astype(np.float32)
    vectors[79] = vectors[40] + 0.01  # as far as neighbors among the dense ones
    found = find_near_vectors(find_neighbors(vectors, 5, metric="euclidean"))
    assert found.images[0].tolist() == [40, 79]
    assert len(found) == 1


def test_many_copies_of_one_image_are_all_found():
    vectors = np.random.default_rng(0).standard_normal((60, 8)).astype(np.float32)
    vectors[:12] = vectors[0] + 1e-4 * vectors[:12]
    found = find_near_vectors(find_neighbors(vectors, 5))
    assert set(found.images[(found.images < 12).all(axis=1)].ravel()) == set(range(12))


def test_a_pair_found_both_ways_is_one_pair_and_comes_first():
    vectors = np.random.default_rng(0).standard_normal((40, 8)).astype(np.float32)
    vectors[1], vectors[3] = vectors[0] * 1.001, vectors[2] * 1.001
    pixels = pictures(40)
    pixels[3], pixels[5] = pixels[2], pixels[4]
    found = join_pairs(find_near_vectors(find_neighbors(vectors, 5)), find_same_pictures(pixels))
    assert found.images[0].tolist() == [2, 3]
    assert sorted(found.images.tolist()) == [[0, 1], [2, 3], [4, 5]]
    by_pair = dict(zip(map(tuple, found.images.tolist()), found.turns.tolist(), strict=True))
    assert by_pair == {(0, 1): -1, (2, 3): 0, (4, 5): 0}


def test_pictures_of_another_size_are_refused():
    with pytest.raises(InputError, match=r"pixels has shape \(1, 28, 28, 1\)"):
        hash_pictures(np.zeros((1, 28, 28, 1), dtype=np.uint8))


@pytest.mark.data
def test_turned_and_compressed_copies_of_photographs_are_found_among_others(data_folder):
    with np.load(data_folder / "dermamnist.npz", allow_pickle=False) as archive:
        small = archive["train_images"][:1_000]
    pixels = np.stack([resized(picture, 32) for picture in small])
    copies = [compressed(np.rot90(pixels[i], i % 4).copy()) for i in range(100)]
    found = find_same_pictures(np.concatenate([pixels, np.stack(copies)]))
    made = {(i, 1_000 + i) for i in range(100)}
    right = [tuple(pair) in made for pair in found.images.tolist() if pair[1] >= 1_000]
    assert sum(right) >= 70
    assert np.mean(right) >= 0.9
