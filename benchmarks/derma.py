"""DermaMNIST's train images as the labeled and unlabeled pool of the trust benchmarks."""

import csv
import os
import tarfile
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.data import FOLDER

KEPT = Path(os.environ.get("VOISIN_BENCH_FEATURES", tempfile.gettempdir()))


def derma_pool():
    """Ids and classes of the 7,007 train images, in the order of the ids."""
    with np.load(FOLDER / "dermamnist.npz", allow_pickle=False) as archive:
        ids = archive["train_image_ids"].astype(str).ravel()
        labels = archive["train_labels"].astype(np.int64).ravel()
    order = np.argsort(ids)
    return ids[order], labels[order]


def derma_features():
    """MobileNetV2's features of their photographs at 224 pixels, (7007, 1280); kept once made."""
    path = KEPT / "derma_mobilenet224.npy"
    if not path.is_file():
        np.save(path, _embed(), allow_pickle=False)
    return np.load(path, allow_pickle=False)


def lesions():
    """The lesion of each train image."""
    with (FOLDER / "ham10000_metadata.csv").open() as file:
        of_image = {row["image_id"]: row["lesion_id"] for row in csv.DictReader(file)}
    return np.array([of_image[name] for name in derma_pool()[0]])


def photographs(side):
    """The photographs as squares of RGB pixels, (7007, side, side, 3)."""
    from PIL import Image

    place = {name: i for i, name in enumerate(derma_pool()[0])}
    pixels = np.zeros((len(place), side, side, 3), dtype=np.uint8)
    with tarfile.open(FOLDER / "ham10000_200x150.tar") as archive:
        for member in archive:
            row = place.get(Path(member.name).stem)
            if row is not None:
                picture = Image.open(archive.extractfile(member)).convert("RGB")
                pixels[row] = picture.resize((side, side), Image.Resampling.BICUBIC)
    return pixels


def _embed():
    import onnxruntime

    session = onnxruntime.InferenceSession(FOLDER / "mobilenet_v2_imagenet_features.onnx")
    pixels = photographs(224)
    parts = []
    for start in range(0, len(pixels), 64):
        batch = pixels[start : start + 64].transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1
        parts.append(session.run(["features"], {"input": batch})[0])
    return np.concatenate(parts)


def draw(labels, n_of_each, random_state):
    """Keep so many labels of each class; -1 elsewhere."""
    generator = np.random.default_rng(random_state)
    few = np.full(len(labels), -1)
    for c in np.unique(labels):
        few[generator.choice(np.flatnonzero(labels == c), n_of_each, replace=False)] = c
    return few
