"""The page of a small run."""

import pytest

from tests.report.samples import page_of


@pytest.fixture(scope="session")
def page():
    return page_of()
