"""``voisin run`` and ``voisin demo``: the whole chapter on the user's images, or bundled ones."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from voisin.cli import options as option
from voisin.cli.screen import progress_bars, show_line
from voisin.labeling.registry import METHODS


def run_command(
    source: option.Source,
    out: option.Out = Path("voisin-run"),
    labels_per_class: Annotated[
        int | None, typer.Option(help="Draw this many labels a class and hide the others.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Start from the labels of this table (id, label).")
    ] = None,
    random_state: option.RandomState = 0,
    size: option.Size = 28,
    test_share: option.TestShare = 0.2,
    expert: option.Expert = None,
    epochs: option.Epochs = 20,
    threshold: option.Threshold = 0.95,
    quota: option.Quota = 100,
    rounds: option.Rounds = 3,
    embedding: option.Embedding = "cnn",
    embedding_size: option.EmbeddingSize = None,
    onnx_normalization: option.OnnxNormalization = "imagenet",
    orientation: option.Orientation = "upright",
    n_neighbors: option.NNeighbors = 10,
    metric: option.Metric = "cosine",
    method: Annotated[str, typer.Option(help=f"Way to label: {', '.join(METHODS)}.")] = "auto",
    class_priors: option.ClassShares = "uniform",
    alpha: option.Alpha = 0.99,
    loop_rounds: Annotated[
        int, typer.Option(help="Most rounds in which the labels found teach the networks again.")
    ] = 0,
    retraining_epochs: Annotated[int, typer.Option(help="On propagated or all labels.")] = 10,
    ceiling: Annotated[bool, typer.Option(help="Also train on all true labels.")] = True,
    max_unreadable: option.MaxUnreadable = 0.05,
    device: option.Device = "auto",
    id_column: option.IdColumn = None,
    path_column: option.PathColumn = None,
    label_column: option.LabelColumn = None,
    group_column: option.GroupColumn = None,
    split_column: option.SplitColumn = None,
    as_json: option.AsJson = False,
) -> None:
    """Take your images and few labels through the whole chapter, to a verdict and a report."""
    columns = {
        "id_column": id_column,
        "path_column": path_column,
        "label_column": label_column,
        "group_column": group_column,
        "split_column": split_column,
    }
    settings = {
        "labels_per_class": labels_per_class,
        "labels": labels,
        "random_state": random_state,
        "test_share": test_share,
        "expert": expert,
        "epochs": epochs,
        "threshold": threshold,
        "quota": quota,
        "rounds": rounds,
        "embedding": embedding,
        "embedding_size": embedding_size,
        "onnx_normalization": onnx_normalization,
        "orientation": orientation,
        "n_neighbors": n_neighbors,
        "metric": metric,
        "method": method,
        "class_priors": class_priors,
        "alpha": alpha,
        "loop_rounds": loop_rounds,
        "retraining_epochs": retraining_epochs,
        "ceiling": ceiling,
        "max_unreadable": max_unreadable,
        "device": device,
    }
    _run(source, {"size": size, **columns}, out, settings, as_json=as_json)


def demo_command(
    out: option.Out = Path("voisin-demo"),
    labels_per_class: Annotated[int, typer.Option(help="Labels drawn of each digit.")] = 5,
    random_state: Annotated[int, typer.Option(help="Decides every draw.")] = 42,
    as_json: option.AsJson = False,
) -> None:
    """Show the whole chapter on bundled images of digits: offline, in under a minute."""
    settings = {"labels_per_class": labels_per_class, "random_state": random_state}
    _run("digits", {}, out, settings, as_json=as_json)


def _run(
    source: str, opening: dict[str, Any], out: Path, settings: dict[str, Any], *, as_json: bool
) -> None:
    from voisin.pipeline.run import run as run_chapter

    with progress_bars() as progress:
        finished = run_chapter(
            source, out, opening=opening, progress=progress, log=show_line, **settings
        )
    if as_json:
        sys.stdout.write((finished.folder / "metrics.json").read_text(encoding="utf-8"))
    show_line("")
    show_line(f"Report: {finished.report.resolve()}")
