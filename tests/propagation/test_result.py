"""New images get the probabilities of their neighbors, if these are known."""

import numpy as np
import pytest

from voisin.errors import InputError
from voisin.propagation.result import attach
from voisin.types import Neighbors


def test_refuses_probabilities_that_lack_a_neighbor():
    near = Neighbors(np.array([[0, 3]]), np.zeros((1, 2), dtype=np.float32))

    with pytest.raises(InputError, match="neighbors has image 3, but probabilities 3 rows"):
        attach(near, np.full((3, 2), 0.5))
