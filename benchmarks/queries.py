"""Learning curves of query strategies on fixed vectors, ours beside those of other libraries.

    python -m benchmarks.queries digits --draws 1
    python -m benchmarks.queries fashion --draws 20
    python -m benchmarks.queries derma --vectors mobilenet.npy --draws 20
    python -m benchmarks.queries derma --vectors contrastive.npy mobilenet.npy \\
        --of "a self-taught network and MobileNetV2" --draws 20
    python -m benchmarks.queries fashion --forecast
    python -m benchmarks.queries --page

All but the last keep what they find under ``benchmarks/results`` and go on from there; the last
writes ``benchmarks/queries.md`` from all that was kept. Strategies of other libraries take part
where these are installed.

Digits, for a quick try: scikit-learn's, as 64 principal components. Fashion-MNIST: 10,000 images
drawn once, as 64 principal components of their pixels. DermaMNIST: the 7,007 train images, as 128
principal components of the vectors given (unit length).
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.data import FOLDER, fashion_mnist
from benchmarks.measuring import RESULTS
from benchmarks.query_comparison.asking import PEERS, asker, installed
from benchmarks.query_comparison.curves import FIGURES, learning_curves
from benchmarks.query_comparison.savings import share
from voisin.evaluation.significance import holm, paired_p_value
from voisin.labeling.classifier import Classifier
from voisin.labeling.consensus import SmoothedClassifier
from voisin.labeling.cross_validation import make_folds
from voisin.neighbors.affinity import build_affinity
from voisin.neighbors.search import find_neighbors
from voisin.project.cache import Cache
from voisin.querying.forecast import forecast_changes
from voisin.querying.registry import DEFAULT, make_strategy
from voisin.sources.few_labels import draw_labels
from voisin.types import Fold, GraphData, Problem

KEPT = RESULTS / "queries.json"
PAGE = Path(__file__).with_name("queries.md")
METHOD = SmoothedClassifier(alpha=0.5, classifier=Classifier(strength=3.0, temperature=1.0))
AT = (0.5, 0.75, 1.0)  # of random's labels
MOST = 0.70  # the goal


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", choices=["digits", "fashion", "derma"])
    parser.add_argument("--vectors", type=Path, nargs="+", help="of DermaMNIST's train images")
    parser.add_argument("--of", default="MobileNetV2", help="what made the vectors")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--strategies", nargs="*", default=installed())
    parser.add_argument("--cache", type=Path, default=Path("query-curves"))
    parser.add_argument("--forecast", action="store_true")
    parser.add_argument("--page", action="store_true")
    arguments = parser.parse_args()
    if arguments.data and arguments.forecast:
        foretell(*load(arguments))
    elif arguments.data:
        measure(arguments)
    if arguments.page:
        PAGE.write_text(page(read()), encoding="utf-8")


def load(arguments):
    if arguments.data == "fashion":
        name, vectors, truth = fashion(arguments.images)
    elif arguments.data == "digits":
        name, vectors, truth = digits()
    else:
        name, vectors, truth = derma(arguments.vectors, arguments.of)
    neighbors = find_neighbors(vectors, 10, random_state=0)
    return name, GraphData(vectors, build_affinity(neighbors), vectors[:0]), truth


def measure(arguments):
    name, data, truth = load(arguments)
    cache = Cache(arguments.cache)
    for one in arguments.strategies:
        ask, key = asker(one)
        n_labels, figures, found = learning_curves(
            data, truth, ask, METHOD, arguments.draws, cache=cache, key=key
        )
        means = figures.mean(axis=0)
        curve = {
            "draws": arguments.draws,
            "found": found.mean(axis=0).round(1).tolist(),
            **dict(zip(FIGURES, means.T.round(5).tolist(), strict=True)),
            "each": figures[:, :, 0].mean(axis=1).round(5).tolist(),  # draw's mean of its curve
        }
        print(name, one, means[::6, 0].round(3).tolist(), flush=True)
        kept = read()
        of_data = kept.setdefault(name, {"curves": {}})
        of_data["n_labels"] = n_labels.tolist()
        of_data["curves"][one] = curve
        write(kept)


def foretell(name, data, truth, n_draws=3):
    """What the forecast says of 20 answers, and what they change; labels asked for by default."""
    rows = []
    for draw in range(n_draws):
        labels = draw_labels(truth, labels_per_class=2, random_state=draw)
        for batch in range(16):
            problem = Problem(data, labels, int(truth.max()) + 1, random_state=draw)
            labeling = METHOD.label(problem)
            asked = make_strategy(DEFAULT).suggest(problem, labeling, 20).positions
            after = labels.copy()
            after[asked] = truth[asked]
            if batch in (1, 7, 15):
                folds = tuple(Fold(out, data) for out in make_folds(labels, random_state=draw))
                told = forecast_changes(replace(problem, folds=folds), labeling, asked)
                found = METHOD.label(replace(problem, labels=after)).propagation.labels
                changed = (found != labeling.propagation.labels)[after < 0].sum()
                n_labeled = int((labels >= 0).sum())
                rows.append([n_labeled, told.flips, told.fewest, told.most, int(changed)])
                print(name, rows[-1], flush=True)
            labels = after
    kept = read()
    kept.setdefault(name, {"curves": {}})["forecasts"] = rows
    write(kept)


def read():
    return json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}


def write(kept):
    KEPT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def digits():
    from sklearn.datasets import load_digits

    pixels, truth = load_digits(return_X_y=True)
    return f"Digits, {len(truth):,} images", components(pixels, 64), truth.astype(np.int64)


def fashion(n_images):
    pixels, labels = fashion_mnist()
    rows = np.sort(np.random.default_rng(0).choice(len(pixels), n_images, replace=False))
    return f"Fashion-MNIST, {n_images:,} images", components(pixels[rows], 64), labels[rows]


def derma(paths, made_by):
    with np.load(FOLDER / "dermamnist.npz", allow_pickle=False) as archive:
        truth = archive["train_labels"].ravel().astype(np.int64)
    kinds = [np.load(path, allow_pickle=False) for path in paths]
    vectors = np.hstack([centered(kind) for kind in kinds]) if kinds[1:] else kinds[0]
    name = f"DermaMNIST, {len(truth):,} images, vectors of {made_by}"
    return name, components(vectors, 128), truth


def centered(vectors):
    """Let each kind of vectors count the same, as embedders side by side do."""
    away = vectors - vectors.mean(axis=0)
    return away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9)


def components(vectors, count):
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    centered = (unit - unit.mean(axis=0)).astype(np.float32)
    axes = np.linalg.eigh(centered.T @ centered)[1][:, : -count - 1 : -1]
    return np.ascontiguousarray(centered @ axes)


def page(kept):
    lines = [
        "# Query strategies",
        "",
        "Made by `python -m benchmarks.queries`: from 2 labels a class, drawn at random, to 50 a",
        "class on average, two questions a class at a time; means over the draws. All start from",
        "the same labels, and the same method labels the images (`smoothed-classifier`, alpha 0.5,",
        "strength 3). Balanced accuracy is that of 30 % of each class, set apart, which nobody may",
        "ask for; beside it that of all images without label at the time, which is kinder to",
        "whoever asks for hard images.",
        "",
        "*Labels for random's*: share of random's labels after which the mean curve is where",
        "random's is with half, three quarters and all of its labels; the goal is at most 0.70.",
        "*Mixed's lead*: how much higher the mean of the default's curve is, and p of a paired",
        "t-test over the draws, with Holm's correction; the goal is that no other library's is",
        "above it. The method that labels is fixed, so that strategies alone differ.",
    ]
    for name, of_data in kept.items():
        if of_data["curves"]:
            lines += section(name, of_data["n_labels"], of_data["curves"])
        lines += forecasts(of_data.get("forecasts", ()))
    return "\n".join(lines) + "\n"


def section(name, n_labels, curves):
    chance = np.array(curves["random"]["balanced_accuracy"])
    hidden = np.array(curves["random"]["unlabeled_balanced_accuracy"])
    at = [int(np.argmin(np.abs(np.array(n_labels) - share * n_labels[-1]))) for share in AT]
    heads = " | ".join(f"at {n_labels[i]}" for i in at)
    rows = []
    leads = lead_of_default(curves)
    order = sorted(curves, key=lambda one: -float(np.mean(curves[one]["balanced_accuracy"])))
    for one in order:
        curve = np.array(curves[one]["balanced_accuracy"])
        values = " | ".join(f"{curve[i]:.3f}" for i in at)
        shares = in_words(share(n_labels, curve, chance, i) for i in at)
        others = np.array(curves[one]["unlabeled_balanced_accuracy"])
        unlabeled = in_words(share(n_labels, others, hidden, i) for i in at)
        label = f"**{one}**" if one == DEFAULT else one
        mean, auc = curve.mean(), curves[one]["auc"][-1]
        rows.append(
            f"| {label} | {curves[one]['draws']} | {mean:.3f} | {values} | {auc:.3f} "
            f"| {shares} | {unlabeled} | {leads.get(one, '')} |"
        )
    return [
        "",
        f"## {name}",
        "",
        f"| strategy | draws | mean of the curve | {heads} | AUC at the end "
        "| labels for random's | the same, of all unlabeled | mixed's lead |",
        f"|---|---|---|{'---|' * len(at)}---|---|---|---|",
        *rows,
        "",
        verdict(n_labels, curves, leads, at),
    ]


def lead_of_default(curves):
    """Tell how much higher the default's curve is than each other's, draw by draw."""
    mine = np.array(curves[DEFAULT]["each"])
    gaps = {one: mine - curve["each"] for one, curve in curves.items() if one != DEFAULT}
    p_values = holm(np.array([paired_p_value(gap) for gap in gaps.values()]))
    told = zip(gaps.items(), p_values, strict=True)
    return {one: f"{gap.mean():+.3f} (p = {p_value:.2g})" for (one, gap), p_value in told}


def verdict(n_labels, curves, leads, at):
    """Say whether the goals are met."""
    mine, chance = (np.array(curves[name]["balanced_accuracy"]) for name in (DEFAULT, "random"))
    shares = [share(n_labels, mine, chance, i) for i in at]
    enough = max(shares) < MOST + 0.005
    above = [one for one in leads if one in PEERS and leads[one].startswith("-")]
    return (
        f"At most {MOST:.2f} of random's labels ({in_words(shares)}): "
        f"{'yes' if enough else '**no**'}. No other library's strategy above it: "
        f"{'**no**: ' + ', '.join(above) if above else 'yes'}."
    )


def in_words(shares):
    return ", ".join("never" if one == np.inf else f"{one:.2f}" for one in shares)


def forecasts(rows):
    if not rows:
        return []
    return [
        "",
        "Other labels that the answers to 20 questions changed, beside what was forecast:",
        "",
        "| labeled before | forecast | of the answers tried | changed |",
        "|---|---|---|---|",
        *(f"| {n} | {told:.0f} | {low} to {high} | {is_} |" for n, told, low, high, is_ in rows),
    ]


if __name__ == "__main__":
    main()
