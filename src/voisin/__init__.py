"""Label thousands of images from a few: each image is judged by its neighbors.

Names are loaded when first used, so that ``import voisin`` stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voisin.comparison.compare import compare
    from voisin.errors import VoisinError
    from voisin.evaluation.verdict import Truth, score
    from voisin.neighbors.affinity import build_affinity
    from voisin.neighbors.search import find_neighbors, query_neighbors
    from voisin.pipeline.open_run import Run, open_run
    from voisin.pipeline.run import run
    from voisin.propagation.estimator import GraphClassifier
    from voisin.propagation.spreading import LabelSpreading
    from voisin.settings import Settings
    from voisin.sources.few_labels import draw_labels
    from voisin.sources.opening import open_images
    from voisin.sources.reading import read_images
    from voisin.types import ImageCollection, Predictions

__version__ = "0.1.0"

_HOME = {
    "GraphClassifier": "propagation.estimator",
    "ImageCollection": "types",
    "LabelSpreading": "propagation.spreading",
    "Predictions": "types",
    "Run": "pipeline.open_run",
    "Settings": "settings",
    "Truth": "evaluation.verdict",
    "VoisinError": "errors",
    "build_affinity": "neighbors.affinity",
    "compare": "comparison.compare",
    "draw_labels": "sources.few_labels",
    "find_neighbors": "neighbors.search",
    "open_images": "sources.opening",
    "open_run": "pipeline.open_run",
    "query_neighbors": "neighbors.search",
    "read_images": "sources.reading",
    "run": "pipeline.run",
    "score": "evaluation.verdict",
}

__all__ = [
    "GraphClassifier",
    "ImageCollection",
    "LabelSpreading",
    "Predictions",
    "Run",
    "Settings",
    "Truth",
    "VoisinError",
    "__version__",
    "build_affinity",
    "compare",
    "draw_labels",
    "find_neighbors",
    "open_images",
    "open_run",
    "query_neighbors",
    "read_images",
    "run",
    "score",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"voisin.{_HOME[name]}"), name)
    message = f"module 'voisin' has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return __all__
