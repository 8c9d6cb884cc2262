"""Small sources of every kind, for tests."""

import csv
import io

import numpy as np
from PIL import Image


def random_pixels(n_images=6, *shape, random_state=0):
    shape = shape or (5, 4, 3)
    return np.random.default_rng(random_state).integers(0, 256, (n_images, *shape), dtype=np.uint8)


def write_image(path, pixels=None, random_state=0):
    """Write one image without loss, and give its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if pixels is None:
        pixels = random_pixels(1, random_state=random_state)[0]
    Image.fromarray(pixels).save(path)
    return path


def write_folder(folder, *names):
    """Write a different image under each name, a POSIX path relative to the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        write_image(folder / name, random_state=number)
    return folder


def write_table(path, rows, delimiter=","):
    """Write rows, the first of which is the header, as text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


def medmnist_arrays(random_state=0):
    arrays = {}
    for number, (split, n_images) in enumerate([("train", 4), ("val", 2), ("test", 3)]):
        arrays[f"{split}_images"] = random_pixels(
            n_images, 6, 6, random_state=random_state + number
        )
        arrays[f"{split}_labels"] = (np.arange(n_images) % 2).astype(np.uint8)[:, None]
    return arrays


def medmnist_bytes():
    file = io.BytesIO()
    np.savez_compressed(file, **medmnist_arrays())
    return file.getvalue()
