"""What the first command gives on real images, without an option beyond the labels.

python -m benchmarks.first_command waste=FOLDER:10 blood=FOLDER:10 --draws 3 --effort normal

Each source is ``name=path:labels per class``. Every draw is a run; the hidden images are the truth.
Rivals get the same labels: logistic regression and scikit-learn's label spreading on the frozen
backbone, and logistic regression on the backbone fine-tuned on the labels alone. Rows are added
to ``benchmarks/results/first_command.jsonl``, and ``benchmarks/first_command.md`` is written anew.
"""

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.torch import load_file
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.preprocessing import normalize
from sklearn.semi_supervised import LabelSpreading

import voisin
from benchmarks.measuring import FOLDER, RESULTS
from voisin.embedding.backbone import Backbone
from voisin.embedding.networks.efficientnet import load_backbone
from voisin.project.finished_run import RESULT, RunResult
from voisin.project.stored import load
from voisin.sources.opening import open_images

ROWS = RESULTS / "first_command.jsonl"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="*")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--effort", default="normal")
    options = parser.parse_args()
    for draw in range(options.first, options.first + options.draws):
        for source in options.sources:
            name, _, rest = source.partition("=")
            path, _, per_class = rest.rpartition(":")
            row = {"set": name, "labels": int(per_class), "draw": draw, "effort": options.effort}
            row |= measure(path, int(per_class), draw, options.effort)
            print(json.dumps(row), flush=True)
            with ROWS.open("a") as file:
                file.write(json.dumps(row) + "\n")
    (FOLDER / "first_command.md").write_text(page())


def measure(path, per_class, draw, effort):
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        settings = {"labels_per_class": per_class, "random_state": draw, "effort": effort}
        run = voisin.run(path, Path(folder) / "out", **settings)
        seconds = time.perf_counter() - start
        metrics = json.loads((run.folder / "metrics.json").read_text())
        stored = load(run.folder / RESULT, RunResult)
        rivals = judge_rivals(run.folder, stored, path)
    found = {
        (row["scope"], row["method"]): row for row in metrics["results"] if row["scope"] != "train"
    }
    ours = found["unlabeled", "propagated"]
    expected = metrics.get("expected", {})
    return {
        "embedding": metrics["settings"]["embedding"],
        "seconds": round(seconds),
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "auc": ours["auc"],
        **{name: ours[name] for name in ("balanced_accuracy", "accuracy", "macro_f1", "ece")},
        "classifier_on_test": summary(found.get(("test", "retrained"))),
        "found_on_test": summary(found.get(("test", "propagated"))),
        "stated": metrics["decision"]["mean_probability"],
        "expected": expected.get("accuracy"),
        "rivals": rivals,
    }


def summary(row):
    return row and {"auc": row["auc"], "balanced_accuracy": row["balanced_accuracy"]}


def judge_rivals(folder, stored, path):
    """Return AUC and balanced accuracy of other ways on the same labels and hidden images."""
    images = open_images(path)
    known = dict(zip(images.ids.tolist(), range(len(images)), strict=True))
    images = images.take(np.array([known[name] for name in stored.ids.tolist()]))
    truth, given, figures = images.labels, stored.labels >= 0, {}
    for part, network, size in backbones_of(folder, len(stored.class_names)):
        vectors = normalize(Backbone(network, size).embed(images))
        regression = LogisticRegression(C=10, max_iter=1000, class_weight="balanced")
        regression.fit(vectors[given], stored.labels[given])
        ways = {f"logistic regression on {part}": regression.predict_proba(vectors)}
        if part == "backbone" and len(vectors) <= 10_000:
            spreading = LabelSpreading(kernel="knn", n_neighbors=10, alpha=0.8, max_iter=100)
            ways[f"LabelSpreading on {part}"] = spreading.fit(
                vectors, stored.labels
            ).label_distributions_
        for name, probabilities in ways.items():
            rows = np.nan_to_num(probabilities[~given], nan=1 / probabilities.shape[1])
            rows /= np.maximum(rows.sum(axis=1, keepdims=True), 1e-12)
            rows[rows.sum(axis=1) == 0] = 1 / rows.shape[1]
            hidden = truth[~given]
            figures[name] = {
                "auc": auc(hidden, rows),
                "balanced_accuracy": balanced_accuracy_score(hidden, rows.argmax(axis=1)),
            }
    return figures


def backbones_of(folder, n_classes):
    """Yield the networks of the backbone, as it comes and fine-tuned, that a run has used."""
    state = load_file(folder / "model.safetensors")
    with safe_open(folder / "model.safetensors", "pt") as file:
        size = int(json.loads(file.metadata()["voisin"])["input"].split()[0])
    for part in ("backbone", "backbone-tuned"):
        own = {
            name.removeprefix(f"{part}."): value
            for name, value in state.items()
            if name.startswith((f"{part}.layers.", f"{part}.fc."))
        }
        if own:
            network = load_backbone(n_classes if part == "backbone-tuned" else 0)
            network.load_state_dict(own)
            yield part, network.eval(), size


def auc(truth, rows):
    each = [roc_auc_score(truth == c, rows[:, c]) for c in range(rows.shape[1])]
    return float(np.mean(each))


def page():
    rows = [json.loads(line) for line in ROWS.read_text().splitlines()]
    lines = [
        "# The first command, without an option",
        "",
        "Written by `python -m benchmarks.first_command` (see its first lines). Each figure is the",
        "mean over draws of labels, on the images whose labels were hidden.",
        "",
        "| set, labels a class | effort | draws | AUC | balanced accuracy | accuracy | macro F1 | "
        "mean probability stated | seconds | memory |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    groups = {}
    for row in rows:
        groups.setdefault((row["set"], row["labels"], row["effort"]), []).append(row)
    for (name, labels, effort), of in groups.items():
        means = {
            key: np.mean([row[key] for row in of])
            for key in ("auc", "balanced_accuracy", "accuracy", "macro_f1", "stated", "seconds")
        }
        lines.append(
            f"| {name}, {labels} | {effort} | {len(of)} | {means['auc']:.3f} | "
            f"{means['balanced_accuracy']:.3f} | {means['accuracy']:.3f} | "
            f"{means['macro_f1']:.3f} | {means['stated']:.3f} | {means['seconds']:.0f} | "
            f"{max(row['peak_gb'] for row in of):.1f} GB |"
        )
    lines += ["", "Rivals on the same draws: AUC, balanced accuracy.", ""]
    lines += ["| set | effort | rival | AUC | balanced accuracy |", "|---|---|---|---|---|"]
    for (name, _, effort), of in groups.items():
        for rival in dict.fromkeys(key for row in of for key in row["rivals"]):
            figures = [row["rivals"][rival] for row in of if rival in row["rivals"]]
            lines.append(
                f"| {name} | {effort} | {rival} ({len(figures)} draws) | "
                f"{np.mean([each['auc'] for each in figures]):.3f} | "
                f"{np.mean([each['balanced_accuracy'] for each in figures]):.3f} |"
            )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
