"""Small runs to report on, with figures chosen by hand."""

from dataclasses import replace

import numpy as np
from PIL import Image

from tests.report.reader import Page
from voisin.evaluation.bootstrap import Estimate
from voisin.evaluation.metrics import ReliabilityBin
from voisin.evaluation.verdict import Scores
from voisin.report.content import ReportContent, StageTime
from voisin.report.page import render_report
from voisin.sources.collection import Summary
from voisin.training.pseudo_labels import PseudoLabelRound
from voisin.types import ImageCollection

CLASSES = ("cat", "dog", "owl")


class MemoryReader:
    """Pictures of one color each, told apart by their position."""

    n_channels = 3

    def load(self, position):
        return Image.new("RGB", (40, 20), (position % 256, position // 256, 90))

    def fingerprint(self):
        return "memory"


def sample_images(n_images, class_names=CLASSES, ids=None):
    return ImageCollection(
        name="pets",
        reader=MemoryReader(),
        labels=np.full(n_images, -1),
        class_names=class_names,
        ids=np.array([f"pet-{i}" for i in range(n_images)]) if ids is None else np.array(ids),
        positions=np.arange(n_images),
    )


def sample_scores(method, scope="test", *, class_names=CLASSES, confusion=None, **values):
    figures = {"auc": 0.9, "accuracy": 0.8, "macro_f1": 0.7, "balanced_accuracy": 0.6, "ece": 0.1}
    n_classes = len(class_names)
    confusion = np.eye(n_classes, dtype=np.int64) * 10 if confusion is None else confusion
    return Scores(
        method=method,
        scope=scope,
        n=int(confusion.sum()),
        metrics={f: around(values.get(f, default)) for f, default in figures.items()},
        recall={
            name: around(row[c] / row.sum() if row.sum() else np.nan)
            for c, (name, row) in enumerate(zip(class_names, confusion, strict=True))
        },
        confusion=confusion,
        reliability=(
            ReliabilityBin(0.4, 0.5, 6, 0.45, 0.5),
            ReliabilityBin(0.9, 1, 24, 0.95, 0.75),
        ),
    )


def around(value, reach=0.02):
    return Estimate(value, value - reach, value + reach)


def sample_content(n_images=60, class_names=CLASSES, *, ids=None, random_state=0, **changes):
    """A run on random vectors: two labels a class, the truth of the others known."""
    rng = np.random.default_rng(random_state)
    n_classes = len(class_names)
    truth = np.arange(n_images) % n_classes
    labels = np.where(np.arange(n_images) < 2 * n_classes, truth, -1)
    probabilities = rng.dirichlet(np.full(n_classes, 0.5), size=n_images)
    probabilities = changes.pop("probabilities", probabilities)
    embeddings = rng.normal(size=(n_images, 8)).astype(np.float32)
    counts = {name: int((truth == c).sum()) for c, name in enumerate(class_names)}
    reached = changes.pop("reached", np.ones(n_images, dtype=bool))
    content = ReportContent(
        summary=Summary("pets", n_images, n_images, counts, None, {}),
        settings={"labels_per_class": "2", "random_state": str(random_state)},
        warnings=(),
        timings=(
            StageTime("Training", 75.0, reused=False),
            StageTime("Neighbors", 0.4, reused=True),
        ),
        scores=tuple(
            sample_scores(method, scope, class_names=class_names, balanced_accuracy=value)
            for scope in ("unlabeled", "test", "test-no-leak")
            for method, value in (("few-labels", 0.50), ("propagated", 0.55), ("ceiling", 0.90))
        ),
        rounds=(
            PseudoLabelRound(1, 20, (20, *[0] * (n_classes - 1)), 0.9, 20),
            PseudoLabelRound(2, 30, (30, *[0] * (n_classes - 1)), 0.6, 30),
        ),
        images=sample_images(n_images, class_names, ids),
        labels=labels,
        truth=np.where(labels == -1, truth, -1),
        probabilities=probabilities,
        predicted=np.where(reached, probabilities.argmax(axis=1), -1),
        embeddings=embeddings,
        metric="cosine",
        versions={"voisin": "0.1.0", "numpy": "2.0"},
    )
    return replace(content, **changes)


def page_of(**changes):
    return Page(render_report(sample_content(**changes)))
