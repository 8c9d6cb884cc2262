"""The stages of a run: what is told of their times."""

import numpy as np
import pytest

from voisin.pipeline.stages import Stages
from voisin.project.cache import Cache
from voisin.report.content import StageTime
from voisin.settings import Settings
from voisin.types import no_progress


@pytest.fixture
def stages(tmp_path):
    return Stages(Cache(tmp_path), Settings(), no_progress, lambda _: None)


def add(stages, *times):
    with stages.silent("folds") as inner:
        inner.timings.extend(times)


def test_silent_stages_tell_the_time_of_what_was_computed_not_of_what_was_found_again(stages):
    add(stages, StageTime("network", 250.0, reused=True), StageTime("graph", 3.0, reused=False))

    assert stages.timings == [StageTime("folds", 3.0, reused=False)]


def test_silent_stages_that_were_all_found_again_tell_each_time_once(stages):
    network = StageTime("network", 250.0, reused=True)
    add(stages, network, network, StageTime("graph", 3.0, reused=True))

    assert stages.timings == [StageTime("folds", 253.0, reused=True)]


def test_a_stage_is_computed_once_and_found_again_with_the_seconds_it_took(stages):
    calls = []

    def compute(_):
        calls.append(1)
        return {"values": np.arange(3)}

    first, key = stages.recall("graph", {"k": 1}, compute, dict)
    again, same = stages.recall("graph", {"k": 1}, compute, dict)

    assert (len(calls), key) == (1, same)
    np.testing.assert_array_equal(first["values"], again["values"])
    assert [one.reused for one in stages.timings] == [False, True]
    assert stages.timings[0].seconds == stages.timings[1].seconds
