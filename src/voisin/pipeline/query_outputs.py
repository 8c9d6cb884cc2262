"""The files of a finished comparison of query strategies: every point, the figures, the page."""

from collections.abc import Mapping, Sequence
from typing import Any

from voisin.pipeline.compared import QueryComparison
from voisin.pipeline.comparison_outputs import settings_of, versions_of
from voisin.pipeline.query_curves import FIGURES
from voisin.pipeline.query_starts import Schedule, Start
from voisin.pipeline.views import Viewpoint, learns_from_labels
from voisin.project.folder import Project
from voisin.project.json_documents import to_json
from voisin.project.query_files import query_document, write_points
from voisin.querying.peers import PEERS
from voisin.report.queries import QueriesContent, render_queries
from voisin.sources.summary import summarize
from voisin.types import ImageCollection


def write_query_comparison(
    project: Project,
    images: ImageCollection,
    viewpoint: Viewpoint,
    schedule: Schedule,
    plan: Sequence[Start],
    found: QueryComparison,
) -> None:
    """Write ``queries.parquet``, ``queries.json`` and, last, ``queries.html``."""
    settings = settings_of(viewpoint)
    settings |= {"method": viewpoint.stages.settings.method, "test_share": schedule.apart}
    content = _content(images, viewpoint, plan, found, settings)
    curves = found.curves
    write_points(project.folder / "queries.parquet", curves.n_labels, curves.figures, FIGURES)
    document = query_document(
        dataset={
            "name": content.name,
            "class_names": list(viewpoint.task.pool.class_names),
            "n_pool": content.n_pool,
            "n_apart": content.n_apart,
            "warnings": list(content.warnings),
        },
        settings=settings,
        n_labels=curves.n_labels,
        figures=curves.figures,
        names=FIGURES,
        savings=found.savings,
        left_out=found.left_out,
        versions=content.versions,
    )
    project.write_text("queries.json", to_json(document))
    project.write_text("queries.html", render_queries(content))


def _content(
    images: ImageCollection,
    viewpoint: Viewpoint,
    plan: Sequence[Start],
    found: QueryComparison,
    settings: Mapping[str, Any],
) -> QueriesContent:
    task, curves = viewpoint.task, found.curves
    peers = {one.name: PEERS[one.name] for one in found.savings if one.name in PEERS}
    return QueriesContent(
        name=summarize(images).name,
        n_pool=len(task.pool),
        n_apart=len(plan[0].apart),
        has_groups=task.pool.groups is not None,
        method=viewpoint.stages.settings.method,
        n_labels=curves.n_labels,
        curves={name: curves.of(name) for name in curves.figures},
        auc={name: curves.of(name, "auc") for name in curves.figures},
        savings=found.savings,
        peers={name: peer.meaning for name, peer in peers.items()},
        left_out=dict(found.left_out),
        learns_from_labels=learns_from_labels(viewpoint.stages.settings),
        settings={k: "–" if v is None else str(v) for k, v in settings.items()},
        warnings=task.warnings,
        versions=versions_of(peers.values()),
    )
