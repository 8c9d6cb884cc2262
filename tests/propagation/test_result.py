"""New images get the probabilities of their neighbors, if these are known."""

import numpy as np
import pytest

from voisin.errors import InputError
from voisin.propagation.result import attach
from voisin.types import Neighbors


@pytest.mark.parametrize(
    ("indices", "distances", "words"),
    [
        ([0, 3], [0, 0], "indices has 3, but there are 3 known images"),
        ([0, -1], [0, 0], "indices has -1, but there are 3 known images"),
        ([0, 0], [0, 0], "Row 0 of neighbors has a neighbor twice"),
        ([0, 1], [0, np.nan], "Row 0 of neighbors has a distance that is NaN"),
    ],
)
def test_refuses_neighbors_that_are_not_known_images_each_once(indices, distances, words):
    near = Neighbors(np.array([indices]), np.array([distances], dtype=np.float32))

    with pytest.raises(InputError, match=words):
        attach(near, np.full((3, 2), 0.5))


def test_a_new_image_may_have_any_known_image_as_neighbor():
    near = Neighbors(np.array([[0, 1]]), np.zeros((1, 2), dtype=np.float32))

    assert attach(near, np.array([[1.0, 0.0], [0.5, 0.5]])).tolist() == [[0.75, 0.25]]
