"""Run the benchmarks, all or those named, and write ``benchmarks/README.md``.

python -m benchmarks
python -m benchmarks fashion poisson
"""

import json
import sys

from benchmarks import estimates, flows, graphs, reasons
from benchmarks.measuring import FOLDER, RESULTS, describe_machine

BENCHMARKS = {
    "fashion": graphs.fashion,
    "million": graphs.million,
    "spreading": flows.spreading,
    "estimator": flows.estimator,
    "poisson": flows.poisson,
    "accuracy": flows.accuracy,
    "explain": reasons.explain,
    "explain-default": reasons.explain_default,
    "estimates": estimates.estimates,
}
MARKS = {True: "yes", False: "**no**", None: ""}


def main(names):
    unknown = set(names) - set(BENCHMARKS)
    if unknown:
        sys.exit(f"No benchmark {', '.join(sorted(unknown))}: there are {', '.join(BENCHMARKS)}.")
    machine = describe_machine()
    for name in names or BENCHMARKS:
        BENCHMARKS[name]()
        (FOLDER / "README.md").write_text(page(machine))


def page(machine):
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench` (`python -m benchmarks [name ...]` runs some). Every ratio is of",
        "times taken in one run, side by side: peers first, voisin second.",
        "",
        f"Machine: {machine['machine']}; Python {machine['python']}; {machine['versions']}.",
        f"At best {machine['flops'] / 1e9:.0f} GFLOP/s in float32 products and "
        f"{machine['bandwidth'] / 1e9:.1f} GB/s in copies, measured beside.",
        "A load above 1 before a benchmark means that others used the machine, too.",
    ]
    for name in BENCHMARKS:
        path = RESULTS / f"{name}.json"
        if path.exists():
            lines += section(name, json.loads(path.read_text()))
    return "\n".join(lines) + "\n"


def section(name, result):
    table = [
        f"| {row['what']} | {row['figure']} | {row['goal']} | {MARKS[row['met']]} |"
        for row in result["rows"]
    ]
    return [
        "",
        f"## {result['title']}",
        "",
        f"`{name}`: {result['includes']}. Load {result['load']:.1f}.",
        "",
        "| against | figure | goal | met |",
        "|---|---|---|---|",
        *table,
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
