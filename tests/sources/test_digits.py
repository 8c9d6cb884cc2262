"""The bundled digits, as scikit-learn gives them."""

import numpy as np
from sklearn.datasets import load_digits

from voisin.sources.opening import open_images
from voisin.sources.reading import read_images


def test_pixels_are_those_of_scikit_learn_on_a_scale_to_255():
    pixels = read_images(open_images("digits"), size=8).pixels[..., 0]

    np.testing.assert_array_equal(pixels, np.round(load_digits().images / 16 * 255))
    assert pixels.max() == 255


def test_labels_names_and_ids_follow_the_file():
    images = open_images("Digits")

    np.testing.assert_array_equal(images.labels, load_digits().target)
    assert images.class_names == tuple("0123456789")
    assert [images.ids[0], images.ids[-1]] == ["digit-0001", "digit-1797"]


def test_the_last_360_images_are_the_test():
    splits = open_images("digits").splits

    assert splits.tolist() == ["train"] * 1437 + ["test"] * 360
