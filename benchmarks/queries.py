"""Learning curves of query strategies on fixed vectors, ours beside those of other libraries.

    python -m benchmarks.queries fashion --draws 20
    python -m benchmarks.queries derma --vectors derma_vectors.npy --draws 20
    python -m benchmarks.queries --page

The first two keep what they find under ``benchmarks/results`` and go on from there; the last
writes ``benchmarks/queries.md`` from all that was kept. Fashion-MNIST: 10,000 images drawn once, as
64 principal components of their pixels. DermaMNIST: the 7,007 train images, as 128 principal
components of the vectors given (unit length), such as those of MobileNetV2.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from benchmarks.data import FOLDER, fashion_mnist
from benchmarks.measuring import RESULTS
from voisin.labeling.classifier import Classifier
from voisin.labeling.smoothed_classifier import SmoothedClassifier
from voisin.neighbors import build_affinity, find_neighbors
from voisin.pipeline.query_curves import query_curves
from voisin.project.cache import Cache
from voisin.querying import DEFAULT, STRATEGIES, make_strategy
from voisin.querying.peers import PEERS, make_peer
from voisin.types import View

KEPT = RESULTS / "queries.json"
PAGE = Path(__file__).with_name("queries.md")
FIGURES = ("balanced_accuracy", "unlabeled_balanced_accuracy", "auc")
METHOD = SmoothedClassifier(alpha=0.5, classifier=Classifier(strength=3.0, temperature=1.0))
AT = (0.5, 0.75, 1.0)  # of random's labels


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", choices=["fashion", "derma"])
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--strategies", nargs="*", default=[*STRATEGIES, *PEERS])
    parser.add_argument("--cache", type=Path, default=Path("query-curves"))
    parser.add_argument("--page", action="store_true")
    arguments = parser.parse_args()
    if arguments.data:
        measure(arguments)
    if arguments.page:
        PAGE.write_text(page(json.loads(KEPT.read_text(encoding="utf-8"))), encoding="utf-8")


def measure(arguments):
    if arguments.data == "fashion":
        name, vectors, truth = fashion(arguments.images)
    else:
        name, vectors, truth = derma(arguments.vectors)
    neighbors = find_neighbors(vectors, 10, random_state=0)
    view = View(vectors, build_affinity(neighbors), vectors[:0])
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    for one in arguments.strategies:
        strategy = make_strategy(one) if one in STRATEGIES else make_peer(one)
        found = query_curves(
            view,
            truth,
            {one: strategy},
            METHOD,
            n_draws=arguments.draws,
            cache=Cache(arguments.cache),
        )
        of_data = kept.setdefault(name, {"n_labels": found.n_labels.tolist(), "curves": {}})
        of_data["curves"][one] = {
            "draws": arguments.draws,
            "found": found.found[one].mean(axis=0).round(1).tolist(),
            **{figure: found.mean(one, figure).round(5).tolist() for figure in FIGURES},
        }
        print(name, one, [round(float(v), 3) for v in found.mean(one)[::6]], flush=True)
        again = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
        again.setdefault(name, of_data)["curves"].update({one: of_data["curves"][one]})
        KEPT.write_text(json.dumps(again, indent=1) + "\n", encoding="utf-8")


def fashion(n_images):
    pixels, labels = fashion_mnist()
    rows = np.sort(np.random.default_rng(0).choice(len(pixels), n_images, replace=False))
    return f"Fashion-MNIST, {n_images:,} images", components(pixels[rows], 64), labels[rows]


def derma(path):
    with np.load(FOLDER / "dermamnist.npz", allow_pickle=False) as archive:
        truth = archive["train_labels"].ravel().astype(np.int64)
    vectors = np.load(path, allow_pickle=False)
    name = f"DermaMNIST, {len(truth):,} images"
    return name, components(vectors, 128), truth


def components(vectors, count):
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    centered = (unit - unit.mean(axis=0)).astype(np.float32)
    axes = np.linalg.eigh(centered.T @ centered)[1][:, : -count - 1 : -1]
    return np.ascontiguousarray(centered @ axes)


def page(kept):
    lines = [
        "# Query strategies",
        "",
        "Made by `benchmarks/queries.py`: from 2 labels a class, drawn at random, to 50 a class on",
        "average, two questions a class at a time; means over the draws. All strategies start from",
        "the same labels, and the same method (`smoothed-classifier`, alpha 0.5, strength 3) labels",
        "the images. Balanced accuracy is that of 30 % of each class, set apart, which nobody may ask",
        "for; beside it that of all images without label at the time, which is kinder to whoever",
        "asks for hard images.",
        "",
        "*Labels for random's*: share of random's labels after which the mean curve is where",
        "random's is with half, three quarters and all of its labels.",
    ]
    for name, of_data in kept.items():
        lines += section(name, of_data["n_labels"], of_data["curves"])
    return "\n".join(lines) + "\n"


def section(name, n_labels, curves):
    chance = np.array(curves["random"]["balanced_accuracy"])
    hidden = np.array(curves["random"]["unlabeled_balanced_accuracy"])
    at = [int(np.argmin(np.abs(np.array(n_labels) - share * n_labels[-1]))) for share in AT]
    heads = " | ".join(f"at {n_labels[i]}" for i in at)
    rows = []
    order = sorted(curves, key=lambda one: -float(np.mean(curves[one]["balanced_accuracy"])))
    for one in order:
        curve = np.array(curves[one]["balanced_accuracy"])
        values = " | ".join(f"{curve[i]:.3f}" for i in at)
        shares = ", ".join(share(n_labels, curve, chance, i) for i in at)
        others = np.array(curves[one]["unlabeled_balanced_accuracy"])
        unlabeled = ", ".join(share(n_labels, others, hidden, i) for i in at)
        label = f"**{one}**" if one == DEFAULT else one
        mean, auc = curve.mean(), curves[one]["auc"][-1]
        rows.append(
            f"| {label} | {curves[one]['draws']} | {mean:.3f} | {values} | {auc:.3f} "
            f"| {shares} | {unlabeled} |"
        )
    return [
        "",
        f"## {name}",
        "",
        f"| strategy | draws | mean of the curve | {heads} | AUC at the end "
        "| labels for random's | the same, of all unlabeled |",
        f"|---|---|---|{'---|' * len(at)}---|---|---|",
        *rows,
    ]


def share(n_labels, curve, chance, i):
    """Share of random's labels at which a curve first is as high as random's; smoothed by rank."""
    level = isotonic(chance)[i]
    rising = isotonic(curve)
    above = np.flatnonzero(rising >= level)
    if not len(above):
        return "never"
    k = int(above[0])
    if k == 0:
        return f"{n_labels[0] / n_labels[i]:.2f}"
    part = (level - rising[k - 1]) / (rising[k] - rising[k - 1])
    needed = n_labels[k - 1] + part * (n_labels[k] - n_labels[k - 1])
    return f"{needed / n_labels[i]:.2f}"


def isotonic(curve):
    """Nearest curve that never falls, so that one lucky step decides nothing."""
    from sklearn.isotonic import IsotonicRegression

    return IsotonicRegression().fit_transform(np.arange(len(curve)), curve)


if __name__ == "__main__":
    main()
