"""Principal components of the pixels, against the singular value decomposition."""

import numpy as np
import pytest

from voisin.embedding.pixels import PixelPCA, make
from voisin.errors import InputError
from voisin.sources.opening import open_images
from voisin.sources.reading import read_images


def flat_pixels(images):
    return read_images(images, size=28).pixels.reshape(len(images), -1) / 127.5 - 1


def test_components_are_those_of_the_singular_value_decomposition(tmp_path):
    images = open_images("digits").take(np.arange(120))
    pool, test = images.take(np.arange(100)), images.take(np.arange(100, 120))
    mean = flat_pixels(pool).mean(axis=0)
    _, _, directions = np.linalg.svd(flat_pixels(pool) - mean, full_matrices=False)

    fitted = PixelPCA(5).fit(pool, scratch=tmp_path)

    for part in (pool, test):
        expected = (flat_pixels(part) - mean) @ directions[:5].T
        found = fitted.embed(part)
        signs = np.sign((found * expected).sum(axis=0))
        np.testing.assert_allclose(found * signs, expected, atol=2e-3)


def test_the_default_is_64_components_or_as_many_as_there_are_images(tmp_path):
    images = open_images("digits")
    for n_images, n_components in ((20, 20), (100, 64)):
        pool = images.take(np.arange(n_images))
        vectors = PixelPCA().fit(pool, scratch=tmp_path).embed(pool)
        assert vectors.shape == (n_images, n_components)


@pytest.mark.parametrize(
    ("argument", "words"),
    [("many", "pixels:many is not a number"), ("0", "pixels:0 is too few"), ("-1", "pixels:-1")],
)
def test_a_number_of_components_that_makes_no_sense_is_refused(argument, words):
    with pytest.raises(InputError, match=words):
        make(argument, None)


def test_more_components_than_images_are_refused(tmp_path):
    pool = open_images("digits").take(np.arange(10))
    with pytest.raises(InputError, match=r"10 images of 784 values have: ask for at most 10"):
        PixelPCA(11).fit(pool, scratch=tmp_path)
