"""The decision and the verdict without truth, on sets whose truth is known.

python -m benchmarks estimates

Each draw takes a few labels, labels all others by `auto` on fixed vectors, and asks `calibrate` for
labels by each decision and for its verdict; the hidden truth then says how far off it is. Vectors
and labelings are kept in a folder of their own, `VOISIN_BENCHMARKS`, so that a second run takes
minutes. `VOISIN_ONNX` names the model; by default it is looked for beside the data.
"""

import os
import tarfile
import tempfile
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.data import FOLDER
from benchmarks.measuring import Row, keep
from voisin import open_images
from voisin.calibration.calibrate import calibrate
from voisin.calibration.decision import WAYS_TO_DECIDE
from voisin.embedding.onnx import OnnxModel
from voisin.evaluation.metrics import accuracy, balanced_accuracy, confusion, macro_f1
from voisin.labeling.cross_validation import cross_fit, make_folds
from voisin.labeling.registry import make_method
from voisin.neighbors.affinity import build_affinity
from voisin.neighbors.search import find_neighbors
from voisin.sources.few_labels import draw_labels
from voisin.types import Fold, GraphData, HeldOut, Problem, Propagation

KEPT = Path(os.environ.get("VOISIN_BENCHMARKS", Path(tempfile.gettempdir()) / "voisin-benchmarks"))
MODEL = Path(os.environ.get("VOISIN_ONNX", FOLDER / "mobilenet_v2_imagenet_features.onnx"))
N_DRAWS = 8


@dataclass(frozen=True)
class Drawn:
    """A set, and how its labels are drawn: so many of each class, or at random if negative."""

    name: str
    source: str
    size: int  # pixels per side that the model gets; 0 for the pixels themselves
    n_labels: int
    skewed: bool = False


SETS = (
    Drawn("DermaMNIST", "dermamnist.npz", 96, 50, skewed=True),
    Drawn("waste", "trashnet_160.tar", 128, 20),
    Drawn("blood cells", "bloodcells_pbc_160.tar", 96, 20),
    Drawn("digits", "digits", 0, 10),
    Drawn("DermaMNIST, drawn at random", "dermamnist.npz", 96, -350, skewed=True),
    Drawn("DermaMNIST", "dermamnist.npz", 96, 20, skewed=True),
    Drawn("waste", "trashnet_160.tar", 128, 10),
    Drawn("blood cells", "bloodcells_pbc_160.tar", 96, 10),
    Drawn("digits", "digits", 0, 5),
)


@cache
def images_and_vectors(source, size):
    path = FOLDER / source
    if source.endswith(".tar"):
        folder = KEPT / path.stem
        if not folder.is_dir():
            with tarfile.open(path) as archive:
                for member in filter(tarfile.TarInfo.isfile, archive):
                    (folder / member.name).parent.mkdir(parents=True, exist_ok=True)
                    (folder / member.name).write_bytes(archive.extractfile(member).read())
        path = next(p for p in (folder, *sorted(folder.rglob("*/"))) if len(list(p.glob("*/"))) > 1)
    images = open_images("digits" if source == "digits" else str(path)).in_split("train")
    if not size:
        rows = [np.asarray(images.reader.load(int(i))).ravel() for i in images.positions]
        vectors = np.stack(rows).astype(np.float32)
    else:
        kept = KEPT / f"{path.stem}-{size}.npy"
        if not kept.exists():
            model = OnnxModel(MODEL, size=size, normalization="-1..1")
            np.save(kept, model.embed(images), allow_pickle=False)
        vectors = np.load(kept, allow_pickle=False)
    return images, vectors, build_affinity(find_neighbors(vectors, 10, random_state=0))


def label_draw(one, number):
    """Labels given, propagation and held-out labels of a draw, from the disk if they are there."""
    images, vectors, affinity = images_and_vectors(one.source, one.size)
    if one.n_labels > 0:
        given = draw_labels(
            images.labels,
            labels_per_class=one.n_labels,
            groups=images.groups,
            class_names=images.class_names,
            random_state=number,
        )
    else:
        rng = np.random.default_rng(number)
        rows = rng.choice(len(images), -one.n_labels, replace=False)
        given = np.full(len(images), -1)
        given[rows] = images.labels[rows]
    kept = KEPT / f"{Path(one.source).stem}-{one.size}-{one.n_labels}-{number}.npz"
    if not kept.exists():
        data = GraphData(vectors, affinity, vectors[:0])
        folds = make_folds(given, images.groups, random_state=number)
        folds = tuple(Fold(rows, data) for rows in folds)
        problem = Problem(data, given, images.n_classes, folds, random_state=number)
        labeling = make_method("auto", alpha=0.99).label(problem)
        out = cross_fit(labeling.method, problem)
        found = labeling.propagation
        arrays = (found.probabilities, found.reached)
        held_out = (out.rows, out.labels, out.probabilities, out.reached, out.folds)
        np.savez(kept, *arrays, *held_out)
    with np.load(kept, allow_pickle=False) as file:
        stored = [file[f"arr_{i}"] for i in range(7)]
    propagation = Propagation(*stored[:2], 1, 0.0, converged=True)
    return images, given, propagation, HeldOut(*stored[2:])


def judge(one, number):
    """Figures of one draw: of each decision, and of the verdict of the default one."""
    images, given, propagation, held_out = label_draw(one, number)
    rest = given < 0
    truth, ones = images.labels[rest], np.ones((1, rest.sum()))
    n_classes, figures = images.n_classes, {}
    shares = np.bincount(truth, minlength=n_classes) / len(truth)
    even = np.full(n_classes, 1 / n_classes)
    options = {way: {"decide": way} for way in WAYS_TO_DECIDE}
    options["even"] = {"decide": "likeliest", "class_priors": even}
    for way, chosen in options.items():
        found = calibrate(propagation, held_out, labels=given, groups=images.groups, **chosen)
        labels, verdict = found.labels[rest], found.verdict
        counts = confusion(truth, labels, n_classes, ones)
        right, balanced = accuracy(counts)[0], balanced_accuracy(counts)[0]
        recalls = np.diagonal(counts[0]) / counts[0].sum(axis=1)
        figures[way] = {
            "right": right,
            "balanced": balanced,
            "f1": macro_f1(counts)[0],
            "shown": found.probabilities[rest][np.arange(len(labels)), labels].mean(),
            "expected": verdict.accuracy.value,
            "covers": holds(verdict.accuracy, right),
            "reach": (verdict.accuracy.high - verdict.accuracy.low) / 2,
            "expected balanced": verdict.balanced_accuracy.value,
            "covers balanced": holds(verdict.balanced_accuracy, balanced),
            "covers recalls": np.mean(list(map(holds, verdict.recall, recalls))),
            "priors": abs(found.calibration.class_priors - shares).sum() / 2,
        }
    return figures


def holds(interval, true):
    return bool(interval.low <= true <= interval.high) if interval.low >= 0 else np.nan


def rows_of(one, draws):
    """Lines of the table: means over the draws."""

    def mean(name, way="proportional"):
        return float(np.nanmean([draw[way][name] for draw in draws]))

    def off(first, second):
        gaps = np.array([d["proportional"][first] - d["proportional"][second] for d in draws])
        return f"off by {abs(gaps).mean():.3f} ({gaps.mean():+.3f})"

    drawn = f"{one.n_labels} a class" if one.n_labels > 0 else f"{-one.n_labels} labels"
    decisions = [
        f"{way} {mean('f1', way):.3f}, {mean('right', way):.3f}, {mean('balanced', way):.3f}"
        for way in draws[0]
    ]
    best = max(WAYS_TO_DECIDE, key=lambda way: mean("f1", way)) == "proportional"
    what = f"{one.name}, {drawn}"
    return [
        Row(
            f"{what}: share right",
            f"{mean('right'):.3f}; {off('expected', 'right')}, within ±{mean('reach'):.3f} in "
            f"{mean('covers'):.0%}",
        ),
        Row(
            f"{what}: balanced accuracy, recalls",
            f"{off('expected balanced', 'balanced')}, within its interval in "
            f"{mean('covers balanced'):.0%}; recalls in {mean('covers recalls'):.0%}",
        ),
        Row(
            f"{what}: probability of labels, class priors",
            f"{off('shown', 'right')}; {mean('priors'):.3f} of the images",
        ),
        Row(
            f"{what}: macro F1, accuracy, balanced accuracy",
            "; ".join(decisions),
            "F1 of proportional highest" if one.skewed else "",
            best if one.skewed else None,
        ),
    ]


def estimates(sets=SETS, n_draws=N_DRAWS):
    KEPT.mkdir(parents=True, exist_ok=True)
    rows, everything = [], []
    for one in sets:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            draws = [judge(one, number) for number in range(n_draws)]
        everything += [draw["proportional"] for draw in draws]
        rows += rows_of(one, draws)
        keep(
            "estimates",
            "The decision, and the verdict without truth",
            f"features of MobileNetV2 (digits: pixels), method auto, {n_draws} draws each, on the "
            "images without label; `even`: the likeliest class if all are equally frequent",
            [*rows, *summary(everything)],
        )


def summary(draws):
    """Lines on all draws together: the goals."""
    off, shown = (
        np.mean([abs(draw[name] - draw["right"]) for draw in draws])
        for name in ("expected", "shown")
    )
    covered = np.mean([draw["covers"] for draw in draws])
    everywhere = f"all {len(draws)} draws"
    return [
        Row(f"{everywhere}: share right", f"off by {off:.3f}", "at most 0.03", bool(off <= 0.03)),
        Row(f"{everywhere}: in its interval", f"{covered:.1%}", "93 %", bool(covered >= 0.93)),
        Row(
            f"{everywhere}: probability of labels",
            f"off by {shown:.3f}",
            "at most 0.03",
            bool(shown <= 0.03),
        ),
    ]
