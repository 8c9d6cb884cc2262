"""Pretrained models that are better than the backbone that comes with the installation.

They are compared by the accuracy that a linear classifier of their features has on ImageNet: Oquab
et al., "DINOv2: Learning Robust Visual Features without Supervision", 2023, table 4, and the makers
of EfficientNet-Lite0. This module must not load a model.
"""

from collections.abc import Mapping
from importlib.util import find_spec

from voisin.embedding.specification import KINDS
from voisin.embedding.weights import find_cached_model

INSTALLED = 75.1  # percent of ImageNet's images right, as all these
# The best first, and last the one to fetch: it has 22 million weights, the first 304.
BETTER: Mapping[str, float] = {
    "facebook/dinov2-large": 86.3,
    "facebook/dinov2-base": 84.5,
    "facebook/dinov2-small": 81.1,
}


def describe_better_backbone() -> str:
    """Say in one line which better model is on this machine, else which could be had, and how."""
    installed = all(find_spec(library) for library in KINDS["pretrained"].libraries)
    found = [model for model in BETTER if installed and find_cached_model(model)]
    model = found[0] if found else list(BETTER)[-1]
    how = "is on this machine: " if found else "could be had: "
    if not installed:
        how += "pip install 'voisin[pretrained]', then "
    if not found:
        how += "--fetch once "
    return (
        f"A better backbone {how}--embedding pretrained:{model} (slower; of ImageNet's images "
        f"{BETTER[model]} % right, {INSTALLED} % by the installed one)"
    )
