"""Label thousands of images from a few: each image is judged by its neighbors.

Names are loaded when first used, so that ``import voisin`` stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voisin.audit.project import audit_project
    from voisin.certificate.project import certify_project, verify_certificate
    from voisin.comparison.compare import compare
    from voisin.embedding.inference import embed, predict
    from voisin.embedding.networks.simple_cnn import SimpleCNN, load_simple_cnn
    from voisin.errors import VoisinError
    from voisin.evaluation.metrics import certainty
    from voisin.evaluation.verdict import Truth, score
    from voisin.neighbors.affinity import build_affinity
    from voisin.neighbors.search import find_neighbors, query_neighbors
    from voisin.pipeline.run import Run, run
    from voisin.propagation.attachment import attach
    from voisin.propagation.estimator import GraphClassifier
    from voisin.propagation.spreading import LabelSpreading
    from voisin.querying.project import suggest_for_project
    from voisin.settings import Settings
    from voisin.sources.few_labels import draw_labels
    from voisin.sources.opening import open_images
    from voisin.sources.reading import read_images
    from voisin.training.pseudo_labels import PseudoLabels
    from voisin.training.supervised import SupervisedTraining
    from voisin.types import ImageCollection, Predictions

__version__ = "0.1.0"

_HOME = {
    "GraphClassifier": "propagation.estimator",
    "ImageCollection": "types",
    "LabelSpreading": "propagation.spreading",
    "Predictions": "types",
    "PseudoLabels": "training.pseudo_labels",
    "Run": "pipeline.run",
    "Settings": "settings",
    "SimpleCNN": "embedding.networks.simple_cnn",
    "SupervisedTraining": "training.supervised",
    "Truth": "evaluation.verdict",
    "VoisinError": "errors",
    "attach": "propagation.attachment",
    "audit_project": "audit.project",
    "build_affinity": "neighbors.affinity",
    "certainty": "evaluation.metrics",
    "certify_project": "certificate.project",
    "compare": "comparison.compare",
    "draw_labels": "sources.few_labels",
    "embed": "embedding.inference",
    "find_neighbors": "neighbors.search",
    "load_simple_cnn": "embedding.networks.simple_cnn",
    "open_images": "sources.opening",
    "predict": "embedding.inference",
    "query_neighbors": "neighbors.search",
    "read_images": "sources.reading",
    "run": "pipeline.run",
    "score": "evaluation.verdict",
    "suggest_for_project": "querying.project",
    "verify_certificate": "certificate.project",
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
    "SupervisedTraining",
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
    "suggest_for_project",
    "verify_certificate",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"voisin.{_HOME[name]}"), name)
    message = f"module 'voisin' has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return __all__
