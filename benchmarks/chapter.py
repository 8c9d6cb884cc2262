"""The chapter on DermaMNIST over several draws of labels, beside scikit-learn's spreading.

    python -m benchmarks.chapter ../shared/data/dermamnist.npz --draws 5

writes ``benchmarks/chapter.md``: mean and standard deviation of each method's figures on the
unlabeled and the test images. scikit-learn's LabelSpreading (k = 10, its own graph and defaults)
runs on the very features that voisin's graph is built from.
"""

import argparse
import platform
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.semi_supervised import LabelSpreading as Reference

import voisin
from voisin.evaluation.verdict import Truth
from voisin.types import Predictions

FIGURES = ("auc", "accuracy", "balanced_accuracy", "macro_f1", "ece")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--labels-per-class", type=int, default=50)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("chapter.md"))
    arguments = parser.parse_args()

    images = voisin.open_images(arguments.source)
    rows, seconds = {}, []
    for draw in range(arguments.draws):
        for one in one_draw(images, draw, arguments.labels_per_class, seconds):
            figures = [getattr(one, name).value for name in FIGURES]
            rows.setdefault((one.scope, one.method), []).append(figures)
        print(f"draw {draw}: {seconds[-1]:.0f} s", flush=True)
    text = page(images, arguments, rows, seconds)
    arguments.out.write_text(text, encoding="utf-8")
    print(text)


def one_draw(images, draw, labels_per_class, seconds):
    """Scores of every method, scikit-learn's included."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        done = voisin.run(
            images,
            folder,
            labels_per_class=labels_per_class,
            random_state=draw,
            method="spreading",
        )
        seconds.append(time.perf_counter() - start)
        embeddings = np.load(Path(folder, "evidence", "embeddings.npy"))
    labels = done.result.labels
    hidden = labels < 0
    reference = Reference(kernel="knn", n_neighbors=10).fit(embeddings, labels)
    truth = Truth(done.images.ids[hidden], done.images.labels[hidden], done.images.class_names)
    peer = Predictions("scikit-learn", done.images.ids, reference.label_distributions_)
    return [*done.scores, voisin.score(peer, truth, scope="unlabeled", n_resamples=2)]


def page(images, arguments, rows, seconds):
    lines = [
        f"# The chapter on {images.name}, {arguments.labels_per_class} labels a class",
        "",
        f"Mean ± standard deviation of {arguments.draws} draws; made by `benchmarks/chapter.py`. "
        "One whole chapter with its ceiling and report took "
        f"{np.mean(seconds):.0f} s on average ({min(seconds):.0f} to {max(seconds):.0f}) "
        f"on {platform.machine()}, voisin {voisin.__version__}.",
        "",
        "| scope | method | AUC | accuracy | balanced accuracy | macro F1 | ECE |",
        "|---|---|---|---|---|---|---|",
    ]
    for (scope, method), figures in sorted(
        rows.items(), key=lambda item: item[0][0] != "unlabeled"
    ):
        means, spreads = np.mean(figures, axis=0), np.std(figures, axis=0)
        cells = " | ".join(f"{m:.3f} ± {s:.3f}" for m, s in zip(means, spreads, strict=True))
        lines.append(f"| {scope} | {method} | {cells} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
