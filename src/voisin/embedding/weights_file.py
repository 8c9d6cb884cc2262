"""Read a file of tensors without ever running code from it."""

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file

from voisin.errors import InputError


def load_weights_only(path: Path) -> Any:
    """Load what ``torch.save`` or safetensors wrote, tensors and plain values alone.

    Raises
    ------
    InputError
        If the file is damaged, or would need code to be run.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch, on files that it did not write
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        message = (
            f"{path} is damaged, or holds more than weights, which could run foreign code: "
            "save them with torch.save(network.state_dict(), path), or as safetensors."
        )
        raise InputError(message) from error


def read_class_names(path: Path) -> Sequence[str]:
    """Read the classes that a model of voisin's says its outputs are; none if it does not say."""
    if path.suffix != ".safetensors":
        return ()
    with safe_open(path, "pt") as file:
        metadata = file.metadata() or {}
    try:
        return tuple(str(name) for name in json.loads(metadata["voisin"])["class_names"])
    except (ValueError, KeyError, TypeError):
        return ()
