"""``voisin run`` and ``voisin demo``: the whole chapter on the user's images, or bundled ones."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from voisin.cli.screen import note, progress_bars
from voisin.embedding.normalization import NORMALIZATIONS
from voisin.embedding.specification import describe_kinds
from voisin.labeling import METHODS

Out = Annotated[Path, typer.Option(help="Folder of the project, made if absent.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print the figures as one JSON object on standard output.")
]


def run(
    source: Annotated[
        str,
        typer.Argument(
            help="digits, a MedMNIST name, or the path of an NPZ file, a table or a folder."
        ),
    ],
    out: Out = Path("voisin-run"),
    labels_per_class: Annotated[
        int | None, typer.Option(help="Draw this many labels a class and hide the others.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Start from the labels of this table (id, label).")
    ] = None,
    random_state: Annotated[int, typer.Option(help="Decides every draw.")] = 0,
    size: Annotated[int, typer.Option(help="Size of a MedMNIST set: 28, 64, 128 or 224.")] = 28,
    test_share: Annotated[
        float,
        typer.Option(help="Share held out where labels are drawn and no test split is there."),
    ] = 0.2,
    expert: Annotated[
        Path | None, typer.Option(help="Weights of a trained SimpleCNN (.pth, .safetensors).")
    ] = None,
    epochs: Annotated[int, typer.Option(help="Of training on few labels and pseudo-labels.")] = 20,
    threshold: Annotated[float, typer.Option(help="Least probability of a pseudo-label.")] = 0.95,
    quota: Annotated[int, typer.Option(help="Most pseudo-labels a class and round.")] = 100,
    rounds: Annotated[int, typer.Option(help="Of pseudo-labels.")] = 3,
    embedding: Annotated[
        str,
        typer.Option(help=f"{describe_kinds()}; several are joined by '+'."),
    ] = "cnn",
    embedding_size: Annotated[
        int | None,
        typer.Option(help="Pixels a side for pretrained and onnx, from 96; else the model's own."),
    ] = None,
    onnx_normalization: Annotated[
        str, typer.Option(help=f"Of pixels for onnx: {', '.join(NORMALIZATIONS)}.")
    ] = "imagenet",
    n_neighbors: Annotated[int, typer.Option(help="Neighbors of each image in the graph.")] = 10,
    metric: Annotated[str, typer.Option(help="cosine or euclidean.")] = "cosine",
    method: Annotated[str, typer.Option(help=f"Way to label: {', '.join(METHODS)}.")] = "spreading",
    alpha: Annotated[
        float, typer.Option(help="Share of a score that comes from neighbors, for spreading.")
    ] = 0.99,
    retraining_epochs: Annotated[int, typer.Option(help="On propagated or all labels.")] = 10,
    ceiling: Annotated[bool, typer.Option(help="Also train on all true labels.")] = True,
    max_unreadable: Annotated[
        float, typer.Option(help="Stop if a larger share of the images cannot be read.")
    ] = 0.05,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    id_column: Annotated[
        str | None, typer.Option(help="Column of a table with the ids (default: id).")
    ] = None,
    path_column: Annotated[
        str | None,
        typer.Option(help="Column with the image files (default: path, file_name or image)."),
    ] = None,
    label_column: Annotated[
        str | None, typer.Option(help="Column with the labels (default: label).")
    ] = None,
    group_column: Annotated[
        str | None, typer.Option(help="Column with patients or lesions (default: group).")
    ] = None,
    split_column: Annotated[
        str | None, typer.Option(help="Column with train, val or test (default: split).")
    ] = None,
    as_json: AsJson = False,
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
        "n_neighbors": n_neighbors,
        "metric": metric,
        "method": method,
        "alpha": alpha,
        "retraining_epochs": retraining_epochs,
        "ceiling": ceiling,
        "max_unreadable": max_unreadable,
        "device": device,
    }
    _run(source, {"size": size, **columns}, out, settings, as_json=as_json)


def demo(
    out: Out = Path("voisin-demo"),
    labels_per_class: Annotated[int, typer.Option(help="Labels drawn of each digit.")] = 5,
    random_state: Annotated[int, typer.Option(help="Decides every draw.")] = 42,
    as_json: AsJson = False,
) -> None:
    """Show the whole chapter on bundled images of digits: offline, in under a minute."""
    settings = {"labels_per_class": labels_per_class, "random_state": random_state}
    _run("digits", {}, out, settings, as_json=as_json)


def _run(
    source: str, opening: dict[str, Any], out: Path, settings: dict[str, Any], *, as_json: bool
) -> None:
    from voisin.pipeline import run as run_chapter

    with progress_bars() as progress:
        finished = run_chapter(
            source, out, opening=opening, progress=progress, announce=note, **settings
        )
    if as_json:
        sys.stdout.write((finished.folder / "metrics.json").read_text(encoding="utf-8"))
    note("")
    note(f"Report: {finished.report.resolve()}")
