"""The options that several commands share, each said once."""

from pathlib import Path
from typing import Annotated

import typer

from voisin.embedding.specification import NORMALIZATIONS, describe_kinds

Source = Annotated[
    str,
    typer.Argument(
        help="digits, a MedMNIST name, or the path of an NPZ file, a table or a folder."
    ),
]
Out = Annotated[Path, typer.Option(help="Folder of the project, made if absent.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print the figures as one JSON object on standard output.")
]
RandomState = Annotated[int, typer.Option(help="Decides every draw.")]
Size = Annotated[int, typer.Option(help="Size of a MedMNIST set: 28, 64, 128 or 224.")]
TestShare = Annotated[
    float, typer.Option(help="Share held out where labels are drawn and no test split is there.")
]
Expert = Annotated[
    Path | None, typer.Option(help="Weights of a trained SimpleCNN (.pth, .safetensors).")
]
Epochs = Annotated[int, typer.Option(help="Of training on few labels and pseudo-labels.")]
Threshold = Annotated[float, typer.Option(help="Least probability of a pseudo-label.")]
Quota = Annotated[int, typer.Option(help="Most pseudo-labels a class and round.")]
Rounds = Annotated[int, typer.Option(help="Of pseudo-labels.")]
Embedding = Annotated[str, typer.Option(help=f"{describe_kinds()}; several are joined by '+'.")]
EmbeddingSize = Annotated[
    int | None,
    typer.Option(help="Pixels a side for pretrained and onnx, from 96; else the model's own."),
]
OnnxNormalization = Annotated[
    str, typer.Option(help=f"Of pixels for onnx: {', '.join(NORMALIZATIONS)}.")
]
Orientation = Annotated[
    str,
    typer.Option(
        help="How images may lie, for networks taught on changed images: any (skin, cells), "
        "upright (photographs) or fixed (digits, letters)."
    ),
]
NNeighbors = Annotated[int, typer.Option(help="Neighbors of each image in the graph.")]
Metric = Annotated[str, typer.Option(help="cosine or euclidean.")]
Alpha = Annotated[
    float, typer.Option(help="Share of a score that comes from neighbors, for method spreading.")
]
ClassShares = Annotated[
    str,
    typer.Option(
        help="How frequent the classes are: uniform, labels (as among them), estimate, or "
        "name=share,name=share,..."
    ),
]
MaxUnreadable = Annotated[
    float, typer.Option(help="Stop if a larger share of the images cannot be read.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
IdColumn = Annotated[str | None, typer.Option(help="Column of a table with the ids (default: id).")]
PathColumn = Annotated[
    str | None,
    typer.Option(help="Column with the image files (default: path, file_name or image)."),
]
LabelColumn = Annotated[str | None, typer.Option(help="Column with the labels (default: label).")]
GroupColumn = Annotated[
    str | None, typer.Option(help="Column with patients or lesions (default: group).")
]
SplitColumn = Annotated[
    str | None, typer.Option(help="Column with train, val or test (default: split).")
]
