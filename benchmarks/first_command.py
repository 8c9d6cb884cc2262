"""What the first command gives on real images, without an option beyond the labels.

python -m benchmarks.first_command waste=FOLDER:10 blood=FOLDER:10 --draws 3 --effort normal

Each source is ``name=path:labels per class``. Every draw is a run; the hidden images are the truth.
Rivals get the same labels: logistic regression and scikit-learn's label spreading on the frozen
backbone, and logistic regression on the backbone fine-tuned on the labels alone. The three ways to
decide are applied to the same calibrated probabilities, and what the run states without truth is
compared with the truth. Rows are added to
``benchmarks/results/first_command.jsonl``, and ``benchmarks/first_command.md`` is written anew.
"""

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.stats import ttest_rel
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, roc_auc_score
from sklearn.preprocessing import normalize
from sklearn.semi_supervised import LabelSpreading

import voisin
from benchmarks.measuring import FOLDER, RESULTS
from voisin.calibration.decision import WAYS_TO_DECIDE, fit_decision
from voisin.prediction.embedder import ImageEmbedder
from voisin.prediction.model import MODEL, load_model
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
        images, truth = pool_of(path, stored)
        rivals = judge_rivals(run.folder, stored, images, truth)
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
        "decisions": judge_decisions(stored, truth),
        "rivals": rivals,
    }


def summary(row):
    return row and {"auc": row["auc"], "balanced_accuracy": row["balanced_accuracy"]}


def pool_of(path, stored):
    """Return the images of the pool, in its order, and their true labels."""
    images = open_images(path)
    known = dict(zip(images.ids.tolist(), range(len(images)), strict=True))
    images = images.take(np.array([known[name] for name in stored.ids.tolist()]))
    return images, images.labels


def judge_decisions(stored, truth):
    """Return accuracy, balanced accuracy and macro F1 of each way to decide."""
    hidden, figures = stored.labels < 0, {}
    for way in WAYS_TO_DECIDE:
        decision = fit_decision(stored.stated[hidden], stored.class_priors, way)
        labels = decision.apply(stored.stated[hidden])
        figures[way] = {
            "accuracy": accuracy_score(truth[hidden], labels),
            "balanced_accuracy": balanced_accuracy_score(truth[hidden], labels),
            "macro_f1": f1_score(truth[hidden], labels, average="macro"),
        }
    return figures


def judge_rivals(folder, stored, images, truth):
    """Return AUC and balanced accuracy of other ways on the same labels and hidden images."""
    given, figures = stored.labels >= 0, {}
    model = load_model(folder / MODEL)
    for part, embedder in zip(model.parts, ImageEmbedder.of(model).embedders, strict=True):
        if not str(part).startswith("backbone"):
            continue
        vectors = normalize(embedder.embed(images))
        regression = LogisticRegression(C=10, max_iter=1000, class_weight="balanced")
        regression.fit(vectors[given], stored.labels[given])
        ways = {f"logistic regression on {part}": regression.predict_proba(vectors)}
        if str(part) == "backbone" and len(vectors) <= 10_000:
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


def auc(truth, rows):
    each = [roc_auc_score(truth == c, rows[:, c]) for c in range(rows.shape[1])]
    return float(np.mean(each))


def page():
    groups = {}
    for line in ROWS.read_text().splitlines():
        row = json.loads(line)
        groups.setdefault((row["set"], row["labels"], row["effort"]), []).append(row)
    lines = [
        "# The first command, without an option",
        "",
        "Written by `python -m benchmarks.first_command` (see its first lines). Each figure is the",
        "mean over draws of labels, on the images whose labels were hidden.",
        "",
        *table_of_runs(groups),
        "",
        "Rivals on the same draws. 'Ahead' is the mean lead of the run, in AUC and in balanced",
        "accuracy, with the p-value of a paired t-test over draws where there are three or more.",
        "",
        *table_of_rivals(groups),
        "",
        "The three ways to decide (`--decide`), from the same calibrated probabilities: accuracy,",
        "balanced accuracy and macro F1.",
        "",
        *table_of_decisions(groups),
        "",
        "What a run states without knowing the truth, against the truth.",
        "",
        *table_of_estimates(groups),
    ]
    return "\n".join(lines) + "\n"


def table_of_runs(groups):
    yield (
        "| set, labels a class | effort | draws | AUC | balanced accuracy | accuracy | macro F1 | "
        "seconds | memory |"
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    for (name, labels, effort), rows in groups.items():
        names = ("auc", "balanced_accuracy", "accuracy", "macro_f1")
        figures = " | ".join(f"{np.mean([row[key] for row in rows]):.3f}" for key in names)
        yield (
            f"| {name}, {labels} | {effort} | {len(rows)} | {figures} | "
            f"{np.mean([row['seconds'] for row in rows]):.0f} | "
            f"{max(row['peak_gb'] for row in rows):.1f} GB |"
        )


def table_of_rivals(groups):
    yield "| set | effort | rival | AUC | ahead | balanced accuracy | ahead |"
    yield "|---|---|---|---|---|---|---|"
    for (name, _, effort), rows in groups.items():
        for rival in dict.fromkeys(key for row in rows for key in row["rivals"]):
            both = [row for row in rows if rival in row["rivals"]]
            cells = [
                cell
                for metric in ("auc", "balanced_accuracy")
                for cell in lead(
                    [row[metric] for row in both], [row["rivals"][rival][metric] for row in both]
                )
            ]
            yield f"| {name} | {effort} | {rival} ({len(both)} draws) | {' | '.join(cells)} |"


def lead(ours, theirs):
    ahead = f"{np.mean(ours) - np.mean(theirs):+.3f}"
    if len(ours) >= 3:
        ahead += f" (p = {ttest_rel(ours, theirs).pvalue:.2g})"
    return f"{np.mean(theirs):.3f}", ahead


def table_of_decisions(groups):
    yield f"| set | effort | draws | {' | '.join(WAYS_TO_DECIDE)} |"
    yield f"|---|---|---|{'---|' * len(WAYS_TO_DECIDE)}"
    for (name, _, effort), rows in groups.items():
        judged = [row["decisions"] for row in rows if "decisions" in row]
        if judged:
            cells = [
                ", ".join(
                    f"{np.mean([each[way][key] for each in judged]):.3f}" for key in judged[0][way]
                )
                for way in WAYS_TO_DECIDE
            ]
            yield f"| {name} | {effort} | {len(judged)} | {' | '.join(cells)} |"


def table_of_estimates(groups):
    yield (
        "| set | effort | draws | mean probability stated | accuracy | expected accuracy | "
        "mean error | within its 95 % interval |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for (name, _, effort), rows in groups.items():
        told = [row for row in rows if row["expected"]]
        if told:
            expected = np.array([row["expected"]["value"] for row in told])
            low, high = np.array([row["expected"]["interval"] for row in told]).T
            truth = np.array([row["accuracy"] for row in told])
            yield (
                f"| {name} | {effort} | {len(told)} | "
                f"{np.mean([row['stated'] for row in told]):.3f} | {truth.mean():.3f} | "
                f"{expected.mean():.3f} | {np.abs(expected - truth).mean():.3f} | "
                f"{((low <= truth) & (truth <= high)).sum()} of {len(told)} |"
            )


if __name__ == "__main__":
    main()
