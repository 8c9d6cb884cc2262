"""Fixtures that tests of several parts share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

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
