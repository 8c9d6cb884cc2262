"""A finished run of digits, compared by principal components of their pixels, without a run."""

from dataclasses import replace

import numpy as np

from tests.finished_runs import write_run
from voisin import open_images, open_run
from voisin.calibration.decision import Decision
from voisin.calibration.scaling import Calibration
from voisin.embedding.pixels import PixelPCA
from voisin.labeling.classifier import Classifier
from voisin.labeling.consensus import SmoothedClassifier
from voisin.neighbors.affinity import build_affinity
from voisin.neighbors.novelty import fit_novelty
from voisin.neighbors.search import find_neighbors
from voisin.prediction.model import LINEAR, MODEL, Model, save_model
from voisin.sources.reading import read_images
from voisin.types import GraphData, Problem

N_POOL = 200
METHOD = SmoothedClassifier(0.5, 0.5, Classifier(10.0, 1.0))


def digits():
    """The images of the pool, and others."""
    images = open_images("digits").in_split("train")
    return images.take(np.arange(N_POOL)), images.take(np.arange(N_POOL, N_POOL + 60))


def small_run(folder, *, metric="cosine", **changes):
    """Write the folder of a run, and open it."""
    pool, _ = digits()
    pixels = read_images(pool, size=28).pixels
    pca = PixelPCA(16).fit_pixels(pixels)
    flat = pixels.reshape(len(pixels), -1).astype(np.float32) / 127.5 - 1
    vectors = ((flat - pca.mean) @ pca.components.T).astype(np.float32)
    weights = "cosine" if metric == "cosine" else "gaussian"
    affinity = build_affinity(find_neighbors(vectors, 10, metric=metric), weights=weights)
    labels = np.where(np.arange(N_POOL) < 50, pool.labels, -1)
    labeling = METHOD.label(Problem(GraphData(vectors, affinity, vectors[:0]), labels, 10))
    calibration = Calibration(0.8, np.linspace(0.5, 2, 10), np.full(10, 0.1))
    decision = Decision("proportional", np.linspace(0.9, 1, 10))
    write_run(
        folder,
        ids=pool.ids,
        class_names=pool.class_names,
        labels=labels,
        embeddings=vectors,
        affinity=affinity,
        settings={"embedding": "pixels:16", "metric": metric},
        propagation=labeling.propagation,
        stated=calibration.apply(labeling.propagation.probabilities),
        calibration=calibration,
        decision=decision,
        induction=labeling.induction,
        novelty=fit_novelty([vectors]),
    )
    own = labeling.induction
    model = Model(
        classifier=LINEAR,
        embedding="pixels:16",
        class_names=pool.class_names,
        n_channels=1,
        sizes={},
        calibration=calibration,
        decision=decision,
        weights={
            "head.weight": own.weights.astype(np.float32),
            "head.bias": own.intercept.astype(np.float32),
            "pixels:16.center": pca.mean,
            "pixels:16.components": pca.components,
        },
    )
    save_model(folder / MODEL, replace(model, **changes))
    return open_run(folder)
