"""Where a network runs in bfloat16 beside float32: only where that is quicker."""

from contextlib import AbstractContextManager

import torch


def mixed_precision(device: torch.device) -> AbstractContextManager[object]:
    """Let convolutions and products run in bfloat16 where the machine multiplies its matrices.

    Processors with AMX tiles and CUDA GPUs from compute capability 8 do; on others bfloat16 is
    emulated and slower, and everything stays float32.
    """
    enabled = multiplies_bfloat16(device)
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)


def multiplies_bfloat16(device: torch.device) -> bool:
    """Tell whether the machine has instructions for matrices of bfloat16."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    has_tiles = getattr(torch.cpu, "_is_amx_tile_supported", None)  # public nowhere yet
    return device.type == "cpu" and has_tiles is not None and bool(has_tiles())
