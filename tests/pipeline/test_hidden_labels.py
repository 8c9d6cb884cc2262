"""No method ever sees a hidden label: scrambled, they change no prediction."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from voisin import open_images
from voisin.comparison.trials import Draw, DrawContext
from voisin.labeling import registry
from voisin.labeling.graph_only import GraphOnly
from voisin.pipeline.context import Context
from voisin.pipeline.stages import Stages
from voisin.project.cache import Cache
from voisin.propagation.spreading import LabelSpreading
from voisin.settings import Settings
from voisin.sources.few_labels import draw_labels
from voisin.training import fine_tuning
from voisin.training.fine_tuning import FineTuning
from voisin.types import Labeling, Propagation, no_progress

METHODS = ("auto", "spreading", "by-folds", "sklearn-spreading")


@pytest.fixture(scope="module")
def images(digits_npz):
    images = open_images(digits_npz)
    return images.take(np.argsort(images.ids))


def context_of(images, folder, **settings):
    quick = {"rounds": 1, "threshold": 0.1, "device": "cpu"}
    stages = Stages(Cache(folder), Settings(**settings, **quick), no_progress, lambda _: None)
    return Context.of(stages, images)


def with_scrambled_labels(images, seen):
    """Return the images with all labels shuffled but those at the places `seen` of the pool."""
    hidden = np.ones(len(images), dtype=bool)
    hidden[np.flatnonzero(images.splits == "train")[seen]] = False
    scrambled = images.labels.copy()
    scrambled[hidden] = np.random.default_rng(0).permutation(scrambled[hidden])
    assert (scrambled != images.labels).sum() > 200
    return replace(images, labels=scrambled)


class ByFolds:
    """Averages what is found in each fold, so that whatever a fold leaks shows."""

    def label(self, problem):
        method = GraphOnly(LabelSpreading(alpha=0.9))
        assert problem.folds
        parts = [method.label(problem.without(fold)) for fold in problem.folds]
        mean = np.mean([part.propagation.probabilities for part in parts], axis=0)
        new = np.mean([part.new_probabilities for part in parts], axis=0)
        reached = np.ones(len(mean), dtype=bool)
        found = Propagation(mean, reached, 1, 0.0, converged=True)
        return Labeling(found, new, np.ones(len(new), dtype=bool), self)

    def __repr__(self):
        return "ByFolds()"


def predictions(images, draw, embedding, folder):
    context = context_of(
        images, folder, labels_per_class=4, embedding=embedding, epochs=2, class_priors="estimate"
    )
    seen = DrawContext(context, draw, context.graph_data)
    return {name: seen.predict(name)[0].probabilities for name in METHODS}


@pytest.mark.parametrize("embedding", ["pixels", "cnn", "cnn-augmented"])
def test_whatever_the_hidden_labels_are_every_prediction_is_bitwise_the_same(
    images, embedding, tmp_path, monkeypatch
):
    monkeypatch.setitem(registry.METHODS, "by-folds", lambda _: ByFolds())
    monkeypatch.setattr(fine_tuning, "FineTuning", partial(FineTuning, epochs=2))
    pool = images.in_split("train")
    labels = draw_labels(pool.labels, labels_per_class=4, groups=pool.groups, random_state=0)
    draw = Draw(0, 4, labels)
    scrambled = with_scrambled_labels(images, labels >= 0)

    true = predictions(images, draw, embedding, tmp_path / "true")
    other = predictions(scrambled, draw, embedding, tmp_path / "other")

    for name in METHODS:
        np.testing.assert_array_equal(true[name], other[name], err_msg=name)
