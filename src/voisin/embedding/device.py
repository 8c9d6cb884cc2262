"""Where a network runs: processor, CUDA or Apple's GPU."""

import re

import torch

from voisin.errors import InputError


def choose_device(device: str = "auto") -> torch.device:
    """Turn a name into a device that this machine has.

    ``auto`` prefers CUDA, then MPS, then the processor.

    Raises
    ------
    InputError
        If the name is unknown, or the machine has no such device.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if device == "auto":
        return torch.device(next(name for name, there in available.items() if there))
    there = [name for name in available if available[name]]
    if not re.fullmatch(rf"({'|'.join(there)})(:\d+)?", device):
        message = (
            f"device={device!r} is not there: this machine has {', '.join(there)}; or pass 'auto'."
        )
        raise InputError(message)
    return torch.device(device)
