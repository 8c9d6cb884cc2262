"""Digits as a file like MedMNIST's."""

import numpy as np

from voisin import open_images


def save_digits(path, n_train, n_test, **columns):
    """Write the first digits of scikit-learn, and a column of each name beside their labels."""
    images = open_images("digits").take(np.arange(n_train + n_test))
    pixels = np.stack([np.asarray(images.reader.load(i)) for i in range(len(images))])
    columns = {"images": pixels, "labels": images.labels.astype(np.uint8)[:, None], **columns}
    parts = {"train": slice(n_train), "test": slice(n_train, None)}
    np.savez(path, **{f"{s}_{n}": v[rows] for s, rows in parts.items() for n, v in columns.items()})
    return path
