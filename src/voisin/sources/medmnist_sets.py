"""Facts of the 2-D MedMNIST sets: names, classes, sizes, checksums; it downloads nothing.

Yang et al., "MedMNIST v2", Scientific Data, 2023; files of https://zenodo.org/records/10519652.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any


@dataclass(frozen=True)
class MedMNISTSet:
    """One set of images with one label each.

    Attributes
    ----------
    name : str
    class_names : tuple of str
    md5 : dict of int to str
        Checksum of the file of each size in pixels.
    """

    name: str
    class_names: tuple[str, ...]
    md5: dict[int, str]


@cache
def read_sets() -> dict[str, MedMNISTSet]:
    """Give every set that can be opened, by name.

    Examples
    --------
    >>> read_sets()["breastmnist"].class_names
    ('malignant', 'normal, benign')
    """
    return {
        name: MedMNISTSet(
            name,
            tuple(facts["class_names"]),
            {int(size): checksum for size, checksum in facts["md5"].items()},
        )
        for name, facts in _read_facts()["sets"].items()
    }


def refused_sets() -> dict[str, str]:
    """Give the sets that cannot be opened, and why."""
    return dict(_read_facts()["refused"])


def record_url() -> str:
    """Address of the folder that holds the files."""
    return str(_read_facts()["url"])


def find_set(stem: str) -> MedMNISTSet | None:
    """Find the set that a file name begins with.

    Examples
    --------
    >>> find_set("DermaMNIST_64-mine").name
    'dermamnist'
    """
    begun = (one for name, one in read_sets().items() if stem.lower().startswith(name))
    return next(begun, None)


@cache
def _read_facts() -> dict[str, Any]:
    text = resources.files("voisin.sources").joinpath("medmnist_sets.json").read_text("utf-8")
    return dict(json.loads(text))
