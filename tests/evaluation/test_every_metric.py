"""A metric is one entry of `METRICS`: the verdict, the files and the pages follow."""

import numpy as np
import pytest

from voisin.evaluation.metrics import METRICS, Metric
from voisin.evaluation.verdict import Truth, score
from voisin.project.exports import result_row
from voisin.report.wording import FIGURES
from voisin.types import Predictions

TRUTH = Truth(np.array(["a", "b", "c", "d"]), np.array([0, 0, 1, 1]), ("cat", "dog"))
RIGHT = Predictions("right", TRUTH.ids, np.eye(2)[TRUTH.labels])
WRONG = Predictions("wrong", TRUTH.ids, np.eye(2)[1 - TRUTH.labels])


@pytest.mark.parametrize("name", METRICS)
def test_perfect_predictions_are_best_and_wrong_ones_worst(name):
    best, worst = (1.0, 0.0) if METRICS[name].more_is_better else (0.0, 1.0)

    assert score(RIGHT, TRUTH).metrics[name].value == best
    assert score(WRONG, TRUTH).metrics[name].value == worst


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("n_images", [1, 9, 12, 300])
def test_no_interval_is_without_width_and_few_images_give_none(name, n_images):
    ids = np.array([f"{i:03d}" for i in range(n_images)])
    truth = Truth(ids, np.arange(n_images) % 2, ("cat", "dog"))
    right = np.eye(2)[truth.labels]

    for probabilities in (right, 1 - right, np.full((n_images, 2), 0.5)):
        estimate = score(Predictions("some", ids, probabilities), truth).metrics[name]

        if n_images < 10 or np.isnan(estimate.value):
            assert np.isnan([estimate.low, estimate.high]).all()
        else:
            assert not estimate.high - estimate.low < 0.01


def test_a_new_metric_needs_an_entry_and_nothing_else(monkeypatch):
    error = Metric("Error", "share of wrong images", lambda j: 1 - METRICS["accuracy"].compute(j))
    monkeypatch.setitem(METRICS, "error", error)

    scores = score(RIGHT, TRUTH)

    assert scores.error.value == 0
    assert result_row(scores)["error"] == 0
    assert result_row(scores)["intervals"]["error"] == [None, None]  # of four images


def test_the_pages_show_every_metric_in_the_same_order():
    assert [figure.field for figure in FIGURES] == list(METRICS)


def test_a_metric_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no metric 'kapa'"):
        _ = score(RIGHT, TRUTH).kapa
