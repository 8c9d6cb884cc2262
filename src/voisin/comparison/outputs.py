"""The files of a finished comparison: the table of trials, the figures, and the page."""

import platform
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from voisin import __version__
from voisin.comparison.files import comparison_document, write_trials
from voisin.comparison.page import ComparisonContent, render_comparison
from voisin.comparison.result import Comparison
from voisin.comparison.shared_context import NO_MATTER
from voisin.labeling.peers.registry import PEERS, Peer
from voisin.pipeline.context import Context, learns_from_labels
from voisin.project.exports import to_json
from voisin.project.folder import Project
from voisin.sources.summary import summarize
from voisin.types import ImageCollection


def write_comparison(
    project: Project, images: ImageCollection, context: Context, found: Comparison
) -> None:
    """Write ``comparison.parquet``, ``comparison.json`` and, last, ``comparison.html``."""
    content = _content(images, context, found)
    write_trials(project.folder / "comparison.parquet", found.trials)
    document = comparison_document(
        dataset={
            "name": content.name,
            "class_names": list(context.experiment.pool.class_names),
            "n_pool": content.n_pool,
            "n_test": content.n_test,
            "warnings": list(content.warnings),
        },
        settings=_settings_of(context),
        trials=found.trials,
        left_out=found.left_out,
        versions=content.versions,
    )
    project.write_text("comparison.json", to_json(document))
    project.write_text("comparison.html", render_comparison(content))


def _content(images: ImageCollection, context: Context, found: Comparison) -> ComparisonContent:
    experiment = context.experiment
    settings = _settings_of(context)
    compared = dict.fromkeys(one.method for one in found.trials)
    peers = {name: peer for name, peer in PEERS.items() if name in compared}
    return ComparisonContent(
        name=summarize(images).name,
        n_pool=len(experiment.pool),
        n_test=len(experiment.test),
        n_classes=experiment.n_classes,
        trials=found.trials,
        peers={name: peer.meaning for name, peer in peers.items()},
        left_out=dict(found.left_out),
        remarks=dict(found.remarks),
        learns_from_labels=learns_from_labels(context.stages.settings),
        settings={k: "–" if v is None else str(v) for k, v in settings.items()},
        warnings=experiment.warnings,
        versions=_versions_of(peers.values()),
    )


def _settings_of(context: Context) -> dict[str, Any]:
    """Return the settings that matter to a comparison."""
    settings = context.stages.settings.as_dict()
    return {name: value for name, value in settings.items() if name not in NO_MATTER}


def _versions_of(peers: Iterable[Peer]) -> dict[str, str]:
    """Return the versions of what a comparison was made with."""
    packages = dict.fromkeys(("numpy", "scipy", "scikit-learn", "torch"))
    packages |= dict.fromkeys(peer.package for peer in peers)
    found = {name: version(name) for name in packages}
    return {"voisin": __version__, "python": platform.python_version(), **found}
