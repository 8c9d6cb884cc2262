"""Label thousands of images from a few: each image is judged by its neighbors.

Names are loaded when first used, so that ``import voisin`` stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voisin.embedding.inference import embed, predict
    from voisin.embedding.simple_cnn import SimpleCNN, load_simple_cnn
    from voisin.errors import VoisinError
    from voisin.evaluation.certainty import certainty
    from voisin.evaluation.verdict import Truth, score
    from voisin.neighbors import build_affinity, find_neighbors, query_neighbors
    from voisin.pipeline import Run, Settings, compare, run
    from voisin.pipeline.auditing import audit_project
    from voisin.pipeline.certifying import certify_project, verify_certificate
    from voisin.pipeline.suggesting import suggest
    from voisin.propagation import LabelSpreading, attach
    from voisin.propagation.estimator import GraphClassifier
    from voisin.sources import draw_labels, open_images, read_images
    from voisin.training.classifier import Training
    from voisin.training.pseudo_labels import PseudoLabels
    from voisin.types import ImageCollection, Predictions

__version__ = "0.1.0"

_HOME = {
    "GraphClassifier": "propagation.estimator",
    "ImageCollection": "types",
    "LabelSpreading": "propagation",
    "Predictions": "types",
    "PseudoLabels": "training.pseudo_labels",
    "Run": "pipeline",
    "Settings": "pipeline",
    "SimpleCNN": "embedding.simple_cnn",
    "Training": "training.classifier",
    "Truth": "evaluation.verdict",
    "VoisinError": "errors",
    "attach": "propagation",
    "audit_project": "pipeline.auditing",
    "build_affinity": "neighbors",
    "certainty": "evaluation.certainty",
    "certify_project": "pipeline.certifying",
    "compare": "pipeline",
    "draw_labels": "sources",
    "embed": "embedding.inference",
    "find_neighbors": "neighbors",
    "load_simple_cnn": "embedding.simple_cnn",
    "open_images": "sources",
    "predict": "embedding.inference",
    "query_neighbors": "neighbors",
    "read_images": "sources",
    "run": "pipeline",
    "score": "evaluation.verdict",
    "suggest": "pipeline.suggesting",
    "verify_certificate": "pipeline.certifying",
}

__all__ = [
    "GraphClassifier",
    "ImageCollection",
    "LabelSpreading",
    "Predictions",
    "PseudoLabels",
    "Run",
    "Settings",
    "SimpleCNN",
    "Training",
    "Truth",
    "VoisinError",
    "__version__",
    "attach",
    "audit_project",
    "build_affinity",
    "certainty",
    "certify_project",
    "compare",
    "draw_labels",
    "embed",
    "find_neighbors",
    "load_simple_cnn",
    "open_images",
    "predict",
    "query_neighbors",
    "read_images",
    "run",
    "score",
    "suggest",
    "verify_certificate",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"voisin.{_HOME[name]}"), name)
    message = f"module 'voisin' has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return __all__
