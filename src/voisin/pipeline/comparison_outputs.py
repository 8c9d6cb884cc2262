"""The files of a finished comparison: the table of trials, the figures, and the page."""

import platform
from importlib.metadata import version
from typing import Any

from voisin import __version__
from voisin.labeling.peers import PEERS
from voisin.pipeline.compared import Comparison
from voisin.pipeline.views import Viewpoint, learns_from_labels
from voisin.project.comparison_files import comparison_document, write_trials
from voisin.project.exports import to_json
from voisin.project.folder import Project
from voisin.report.comparison import ComparisonContent, render_comparison
from voisin.sources.summary import summarize
from voisin.types import ImageCollection

_NO_MATTER = ("labels_per_class", "labels", "ceiling", "retraining_epochs", "method")


def write_comparison(
    project: Project, images: ImageCollection, viewpoint: Viewpoint, found: Comparison
) -> None:
    """Write ``comparison.parquet``, ``comparison.json`` and, last, ``comparison.html``."""
    content = _content(images, viewpoint, found)
    write_trials(project.folder / "comparison.parquet", found.trials)
    document = comparison_document(
        dataset={
            "name": content.name,
            "class_names": list(viewpoint.task.pool.class_names),
            "n_pool": content.n_pool,
            "n_test": content.n_test,
            "warnings": list(content.warnings),
        },
        settings=_settings(viewpoint),
        trials=found.trials,
        left_out=found.left_out,
        versions=content.versions,
    )
    project.write_text("comparison.json", to_json(document))
    project.write_text("comparison.html", render_comparison(content))


def _content(images: ImageCollection, viewpoint: Viewpoint, found: Comparison) -> ComparisonContent:
    task = viewpoint.task
    settings = _settings(viewpoint)
    compared = dict.fromkeys(one.method for one in found.trials)
    return ComparisonContent(
        name=summarize(images).name,
        n_pool=len(task.pool),
        n_test=len(task.test),
        n_classes=task.n_classes,
        trials=found.trials,
        peers={name: peer.meaning for name, peer in PEERS.items() if name in compared},
        left_out=dict(found.left_out),
        remarks=dict(found.remarks),
        learns_from_labels=learns_from_labels(viewpoint.stages.settings),
        settings={k: "–" if v is None else str(v) for k, v in settings.items()},
        warnings=task.warnings,
        versions=_versions(compared),
    )


def _settings(viewpoint: Viewpoint) -> dict[str, Any]:
    settings = viewpoint.stages.settings.as_dict()
    return {name: value for name, value in settings.items() if name not in _NO_MATTER}


def _versions(compared: dict[str, None]) -> dict[str, str]:
    packages = dict.fromkeys(("numpy", "scipy", "scikit-learn", "torch"))
    packages |= dict.fromkeys(PEERS[name].package for name in compared if name in PEERS)
    found = {name: version(name) for name in packages}
    return {"voisin": __version__, "python": platform.python_version(), **found}
