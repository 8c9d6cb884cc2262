"""Fixtures that tests of several parts share."""

import os

# One thread a process, and so one a core under -n auto: with small arrays more would wait for one
# another most of the time. It is read when NumPy and PyTorch are imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from tests.digits import save_digits

os.environ["LC_ALL"] = "C.UTF-8"  # reports in English, whatever the developer's language
os.environ["VOISIN_CACHE_SIZE"] = "0"  # no test finds what another, or the developer, has kept
settings.register_profile("voisin", deadline=None)  # a busy machine is not a wrong result
settings.load_profile("voisin")


@pytest.fixture(scope="session")
def data_folder():
    """Folder of the real data sets; skips where there is none, but not where one was promised."""
    promised = os.environ.get("VOISIN_TEST_DATA")
    if promised:
        assert Path(promised).is_dir(), f"$VOISIN_TEST_DATA={promised} is no folder"
        return Path(promised)
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not beside.is_dir():
        pytest.skip(f"no real data: neither $VOISIN_TEST_DATA nor {beside}")
    return beside


@pytest.fixture(scope="session")
def digits_npz(tmp_path_factory):
    """Digits, two images a group; ten groups are on both sides."""
    groups = np.array([f"writer-{i // 2}" for i in range(360)])
    groups[280:300] = groups[:20]
    return save_digits(tmp_path_factory.mktemp("data") / "digits.npz", 280, 80, groups=groups)
