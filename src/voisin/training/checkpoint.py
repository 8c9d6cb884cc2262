"""Keep the state of a training on disk, whole or not at all."""

from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from voisin.embedding.weights_file import load_weights_only
from voisin.errors import InputError


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write beside and rename, so that a crash leaves the old state or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    packed = BytesIO()  # torch does not tell a full disk as an OSError
    torch.save(state, packed)
    partial.write_bytes(packed.getbuffer())
    partial.replace(path)


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """Read a state, tensors and numbers alone; None if there is none to go on from."""
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = load_weights_only(path)
    except InputError:
        return None  # damaged from outside: the training starts anew
    return state
