"""How good the labels are, against the goals: DermaMNIST and Fashion-MNIST over many draws.

    python -m benchmarks.quality                            # every experiment, 20 draws
    python -m benchmarks.quality dermamnist fashion --jobs 4 --draws 5
    python -m benchmarks.quality dermamnist --embedding cnn+onnx:features.onnx

Each experiment leaves ``benchmarks/results/quality-NAME.json``; all that are there make
``benchmarks/quality.md``. Finished trials stay in the folder of ``--work``: the same command after
an interruption goes on from there. What is not measured yet is not in the page.
"""

import argparse
import json
import platform
import re
import sys
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np

import voisin
from benchmarks.measuring import FOLDER, RESULTS, Row
from voisin.evaluation.metrics import METRICS
from voisin.evaluation.significance import (
    LEVEL,
    Trial,
    holm,
    paired_p_value,
    rank_methods,
)
from voisin.labeling.peers.registry import PEERS

PAGE = FOLDER / "quality.md"
# Poisson MBO that was told the class shares, k = 10 on VAE features, mean of 100 draws:
# Calder, Cook, Thorpe & Slepčev (2020), accuracy in percent at 1 to 5 labels a class
PUBLISHED = {1: 62.0, 2: 67.2, 3: 70.4, 4: 72.1, 5: 73.1}
NAMES = {"auc": "AUC", "balanced_accuracy": "balanced accuracy", "macro_f1": "macro F1"}


def main():
    arguments = parse()
    RESULTS.mkdir(exist_ok=True)
    for name in arguments.experiments or EXPERIMENTS:
        title, measure = EXPERIMENTS[name]
        print(f"{name}: {title}", flush=True)
        try:
            rows, trials = measure(arguments)
        except voisin.VoisinError as error:  # what is missing here must not stop the others
            print(f"  not measured: {error}", flush=True)
            continue
        keep(name, title, rows, trials)
        PAGE.write_text(page(), encoding="utf-8")
    print(page())


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiments", nargs="*", help="all by default")
    parser.add_argument("--data", type=Path, default=FOLDER.parents[1] / "shared" / "data")
    parser.add_argument("--work", type=Path, default=Path("quality-work"))
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--embedding", default="cnn")
    parser.add_argument("--embedding-size", type=int)
    parser.add_argument("--onnx-normalization", default="imagenet")
    parser.add_argument("--orientation", default="upright")
    parser.add_argument("--loop-rounds", type=int, default=0, help="of the retrained classifier")
    parser.add_argument("--images", type=int, default=70_000, help="of Fashion-MNIST")
    parser.add_argument("--numbers", default="1,5,10,50", help="labels a class")
    parser.add_argument("--methods", help="a,b,c; all that are installed by default")
    arguments = parser.parse_args()
    for name in arguments.experiments:
        if name not in EXPERIMENTS:
            parser.error(f"{name!r} is no experiment: choose among {', '.join(EXPERIMENTS)}")
    return arguments


# The experiments


def dermamnist(arguments):
    found = compared(arguments, "dermamnist", labels_per_class=numbers(arguments))
    goals = {"auc": 0.91, "balanced_accuracy": 0.61, "macro_f1": 0.44}
    lead = leader(found, 50)
    rows = [
        reach(found, lead, figure, goal, f"DermaMNIST, 50 a class: {NAMES[figure]}")
        for figure, goal in goals.items()
    ]
    for scope in dict.fromkeys(t.scope for t in found.trials if t.scope != "unlabeled"):
        value = standing(found, lead, "auc", 50, scope)
        rows.append(Row(f"the same on {scope}: AUC", f"{lead}: {spread(value)}"))
    return [*rows, *choice(found, "DermaMNIST")], found.trials


def dermamnist_fixed(arguments):
    """Vectors that know no label are computed once: every method and peer at every number."""
    found = compared(arguments, "dermamnist", labels_per_class=numbers(arguments))
    return choice(found, "DermaMNIST"), found.trials


def dermamnist_shares(arguments):
    """The same with estimated class shares, by the decision that aims at each figure."""
    found, balanced = (
        compared(
            arguments,
            "dermamnist",
            f"dermamnist-shares-{way}",
            labels_per_class=(50,),
            class_priors="estimate",
            decide=way,
        )
        for way in ("likeliest", "balanced")
    )
    lead = leader(found, 50, "accuracy")
    goals = (
        (found, "auc", 0.91),
        (found, "accuracy", 0.72),
        (found, "macro_f1", 0.44),
        (balanced, "balanced_accuracy", 0.61),
    )
    what = "DermaMNIST, 50 a class, estimated shares"
    rows = [
        reach(which, lead, figure, goal, f"{what}: {named(figure, which is balanced)}")
        for which, figure, goal in goals
    ]
    error = standing(found, lead, "ece", 50)
    name = f"{what}: expected calibration error"
    rows.append(Row(name, f"{lead}: {spread(error)}", "at most 0.05", bool(error.mean <= 0.05)))
    others = (
        (found, "balanced_accuracy"),
        (balanced, "auc"),
        (balanced, "accuracy"),
        (balanced, "macro_f1"),
    )
    for which, figure in others:
        value = standing(which, lead, figure, 50)
        name = f"{what}: {named(figure, which is balanced)}"
        rows.append(Row(name, f"{lead}: {spread(value)}"))
    trials = [replace(one, method=f"{one.method} (balanced)") for one in balanced.trials]
    return rows, [*found.trials, *trials]


def named(figure, is_balanced):
    return f"{NAMES.get(figure, figure)}{', decided balanced' if is_balanced else ''}"


def fashion(arguments):
    """Every method and peer at every number; some peers take long, so on fewer images."""
    images = voisin.open_images(arguments.data / "fashion_mnist.npz")
    rows = np.random.default_rng(0).choice(len(images), arguments.images, replace=False)
    chosen = images.take(np.sort(rows))
    found = compared(arguments, chosen, "fashion", labels_per_class=numbers(arguments))
    return choice(found, f"Fashion-MNIST, {len(chosen):,} images"), found.trials


def fashion_all(arguments, methods=None):
    """All 70,000 images, no pretrained weights, shares not told."""
    arguments = argparse.Namespace(**{**vars(arguments), "methods": arguments.methods or methods})
    images = voisin.open_images(arguments.data / "fashion_mnist.npz")
    found = compared(
        arguments,
        replace(images, splits=None),
        "fashion-all",
        labels_per_class=[n for n in numbers(arguments) if n in PUBLISHED],
        test_share=0.0,
    )
    rows = []
    for number, goal in PUBLISHED.items():
        if number not in numbers(arguments):
            continue
        what = f"Fashion-MNIST, all 70,000, {number} a class: accuracy"
        lead = leader(found, number, "accuracy")
        rows.append(reach(found, lead, "accuracy", goal / 100, what, number))
    return rows, found.trials


def retrained(arguments, class_priors="uniform"):
    """The classifier that a run leaves, on the test images, against those it started from."""
    trials, told = [], []
    for draw in range(arguments.draws):
        finished = voisin.run(
            str(arguments.data / "dermamnist.npz"),
            arguments.work / "retrained",  # what no label changes is kept from draw to draw
            labels_per_class=50,
            random_state=draw,
            embedding=arguments.embedding,
            **embedding_options(arguments),
            class_priors=class_priors,
            loop_rounds=arguments.loop_rounds,
            ceiling=False,
            log=told.append,
        )
        trials += [
            Trial(
                draw, 50, one.method, one.scope, one.n,
                {name: one.metrics[name].value for name in METRICS}, 0.0,
            )
            for one in finished.scores
        ]  # fmt: skip
        print(f"  draw {draw}", flush=True)
    on_test = {one.method: one for one in rank_methods([t for t in trials if t.scope == "test"])}
    mine = on_test["retrained"]
    what = "retrained on the best labels, DermaMNIST test: AUC"
    rows = [Row(what, spread(mine), "0.90", bool(mine.mean >= 0.90))]
    for figure in ("accuracy", "balanced_accuracy"):
        others = rank_methods([t for t in trials if t.scope == "test"], figure)
        value = next(one for one in others if one.method == "retrained")
        rows.append(Row(f"the same: {NAMES.get(figure, figure)}", spread(value)))
    rivals = [on_test[name] for name in ("few-labels", "pseudo-labels")]
    loops = [one.partition("deep loop: ")[2] for one in told if "deep loop: " in one]
    rows += [Row(f"deep loop, draw {draw}", one) for draw, one in enumerate(loops)]
    return [*rows, *above(mine, rivals, "retrained")], trials


EXPERIMENTS = {
    "dermamnist": ("DermaMNIST at 1, 5, 10 and 50 labels a class", dermamnist),
    "dermamnist-fixed": ("DermaMNIST again, on vectors that know no label", dermamnist_fixed),
    "dermamnist-shares": ("DermaMNIST with estimated class shares", dermamnist_shares),
    "dermamnist-tuned": (
        "DermaMNIST with estimated class shares, and a self-taught network that was tuned, too",
        dermamnist_shares,
    ),
    "fashion": ("Fashion-MNIST at 1, 5, 10 and 50 labels a class", fashion),
    "fashion-all": ("Fashion-MNIST, all 70,000, at 1 to 5 labels a class", fashion_all),
    "fashion-all-graph": (
        "Fashion-MNIST, all 70,000, by the graph alone over as many draws as was published",
        partial(fashion_all, methods="reweighted,spreading"),
    ),
    "retrained": ("The retrained classifier", retrained),
    "retrained-shares": (
        "The retrained classifier, of labels found under estimated class shares",
        partial(retrained, class_priors="estimate"),
    ),
}


# What they share


def compared(arguments, source, folder=None, **options):
    """Compare on a set of the data folder, or on images; trials are kept in the work folder."""
    name = folder or source
    if isinstance(source, str):
        source = arguments.data / f"{source}.npz"
    methods = arguments.methods and tuple(arguments.methods.split(","))
    return voisin.compare(
        source,
        arguments.work / name,
        draws=arguments.draws,
        methods=methods,
        jobs=arguments.jobs,
        embedding=arguments.embedding,
        **embedding_options(arguments),
        progress=told(),
        **options,
    )


def numbers(arguments):
    return tuple(int(number) for number in arguments.numbers.split(","))


def embedding_options(arguments):
    names = ("embedding_size", "onnx_normalization", "orientation")
    return {name: getattr(arguments, name) for name in names}


def told():
    """Tell of finished trials, a line each."""

    def progress(task, done, total):
        if task == "Comparing methods":
            print(f"  {done} of {total}", flush=True)

    return progress


def standing(found, method, figure, number, scope="unlabeled"):
    ranked = found.rank_methods(figure, scope=scope, labels_per_class=number)
    return next(one for one in ranked if one.method == method)


def leader(found, number, figure="auc"):
    """What a user gets who chooses nothing; where that is not compared, the best of voisin's."""
    ranked = found.rank_methods(figure, labels_per_class=number)
    own = [one.method for one in ranked if one.method not in PEERS]
    return "auto" if "auto" in own else own[0]


def reach(found, method, figure, goal, what, number=50):
    value = standing(found, method, figure, number)
    return Row(what, f"{method}: {spread(value)}", f"{goal:.3g}", bool(value.mean >= goal))


def choice(found, name):
    """Whether `auto` is near the best single method, and above every peer."""
    rows = []
    for number in sorted({one.labels_per_class for one in found.trials}):
        ranked = found.rank_methods("auc", labels_per_class=number)
        auto = next((one for one in ranked if one.method == "auto"), None)
        if auto is None:
            continue
        single = next(one for one in ranked if one.method not in {"auto", *PEERS})
        behind = single.mean - auto.mean
        figure = f"auto {spread(auto)}, {single.method} {spread(single)}: {behind:+.3f} behind"
        what = f"{name}, {number} a class: auto against the best single method"
        rows.append(Row(what, figure, "at most 0.01 behind", bool(behind <= 0.01)))
        peers = [one for one in ranked if one.method in PEERS]
        rows += above(auto, peers, f"{name}, {number} a class: auto")
    return rows


def above(mine, rivals, what):
    """Whether a method is better than each rival: paired tests of AUC, Holm's correction."""
    pairs = [np.subtract(mine.values, one.values) for one in rivals]
    p_values = holm(np.array([paired_p_value(pair) for pair in pairs]))
    rows = []
    for one, pair, p_value in zip(rivals, pairs, p_values, strict=True):
        figure = f"{pair.mean():+.3f} (p = {p_value:.2g})"
        met = bool(pair.mean() > 0 and p_value < LEVEL)
        rows.append(Row(f"{what} against {one.method}", figure, "above, p < 0.05", met))
    return rows


def spread(one):
    return f"{one.mean:.3f} ± {one.std:.3f}"


# The page


def keep(name, title, rows, trials):
    said = re.sub(r"[^ :+]*/", "", " ".join(sys.argv[1:]))  # paths without their folders
    content = {
        "title": title,
        "command": f"python -m benchmarks.quality {said}",
        "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
        "rows": [asdict(row) for row in rows],
        "table": table(trials),
    }
    path = RESULTS / f"quality-{name}.json"
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def table(trials):
    """Means of every method by number of labels, on the unlabeled where there are any."""
    scope = "unlabeled" if any(t.scope == "unlabeled" for t in trials) else trials[0].scope
    lines = []
    for number in sorted({one.labels_per_class for one in trials}):
        chosen = [t for t in trials if (t.scope, t.labels_per_class) == (scope, number)]
        by_figure = {f: {s.method: s for s in rank_methods(chosen, f)} for f in METRICS}
        for method, one in by_figure["auc"].items():
            others = [f"{by_figure[f][method].mean:.3f}" for f in list(METRICS)[1:]]
            p_value = "best" if one.is_best else f"{one.p_value:.2g}"
            lines.append([str(number), method, spread(one), p_value, *others])
    return lines


def page():
    parts = [
        "# How good the labels are",
        "",
        "Made by `benchmarks/quality.py`; means ± standard deviations over draws of labels, on the "
        "unlabeled images where nothing else is said. *p* is of a paired t-test against the best, "
        "with Holm's correction.",
    ]
    for name in EXPERIMENTS:
        path = RESULTS / f"quality-{name}.json"
        if path.is_file():
            parts += section(json.loads(path.read_text(encoding="utf-8")))
    return "\n".join(parts) + "\n"


def section(content):
    lines = ["", f"## {content['title']}", "", "```console", f"$ {content['command']}", "```", ""]
    lines += [f"On {content['machine']}.", ""]
    if content["rows"]:
        lines += ["| what | figure | goal | met |", "|---|---|---|---|"]
        lines += [
            f"| {row['what']} | {row['figure']} | {row['goal']} | {yes_or_no(row['met'])} |"
            for row in content["rows"]
        ]
        lines.append("")
    figures = (name.replace("_", " ") for name in list(METRICS)[1:])
    head = ("labels a class", "method", "AUC", "p", *figures)
    lines += [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(row)} |" for row in content["table"]]
    return lines


def yes_or_no(met):
    return "" if met is None else ("yes" if met else "**no**")


if __name__ == "__main__":
    main()
