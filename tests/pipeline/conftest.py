"""What tests of several comparisons share."""

import numpy as np
import pytest

from tests.pipeline.digits import save_digits


@pytest.fixture(scope="session")
def digits_npz(tmp_path_factory):
    """Digits, two images a group; ten groups are on both sides."""
    groups = np.array([f"writer-{i // 2}" for i in range(360)])
    groups[280:300] = groups[:20]
    return save_digits(tmp_path_factory.mktemp("data") / "digits.npz", 280, 80, groups=groups)
