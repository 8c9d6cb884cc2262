"""What all benchmarks share: the clock, the machine, and where results are kept."""

import json
import os
import platform
import time
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"
PACKAGES = ("numpy", "scipy", "scikit-learn", "numba", "pynndescent", "faiss-cpu", "graphlearning")


@dataclass(frozen=True)
class Row:
    """One line of a table: what was done, and what came out."""

    what: str
    figure: str
    goal: str = ""
    met: bool | None = None


def timed(work):
    """Run once; return seconds and the result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def side_by_side(repeats, **works):
    """Run the works in turn, several times; return the shortest time and last result of each."""
    seconds = dict.fromkeys(works, np.inf)
    results = {}
    for _ in range(repeats):
        for name, work in works.items():
            elapsed, results[name] = timed(work)
            seconds[name] = min(seconds[name], elapsed)
    return seconds, results


def ratio(what, theirs, ours, goal, note=""):
    times = theirs / ours
    figure = f"{theirs:.3g} s against {ours:.3g} s: {times:.1f} times{note}"
    return Row(what, figure, f"{goal:g} times", bool(times >= goal))


def keep(name, title, includes, rows):
    RESULTS.mkdir(exist_ok=True)
    content = {
        "title": title,
        "includes": includes,
        "load": os.getloadavg()[0],
        "rows": [asdict(row) for row in rows],
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    for row in rows:
        print(name, "|", row.what, "|", row.figure, "|", row.goal, "|", row.met, flush=True)


def describe_machine():
    """Cores, versions, and how fast memory and arithmetic are at best."""
    versions = []
    for name in PACKAGES:
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            versions.append(f"{name} absent")
    flops, bandwidth = peak_flops(), peak_bandwidth()
    cores = len(os.sched_getaffinity(0))
    return {
        "machine": f"{cores} cores, {platform.machine()}, {platform.system()}",
        "python": platform.python_version(),
        "versions": ", ".join(versions),
        "flops": flops,
        "bandwidth": bandwidth,
    }


def peak_flops():
    """Float32 operations a second in a large matrix product."""
    matrix = np.ones((3_000, 3_000), dtype=np.float32)
    seconds = min(timed(lambda: matrix @ matrix)[0] for _ in range(3))
    return 2 * 3_000**3 / seconds


def peak_bandwidth():
    """Bytes a second that copying moves, with a thread a core."""
    from voisin.parallel import blocks, workers

    source = np.ones(1 << 27, dtype=np.float32)
    target = np.ones_like(source)
    with workers() as crew:
        tasks = blocks(len(source), len(source) // 16)
        copy = lambda rows: np.copyto(target[rows], source[rows])  # noqa: E731
        seconds = min(timed(lambda: crew.each(copy, tasks))[0] for _ in range(3))
    return 2 * source.nbytes / seconds


def share_found(indices, vectors, rows, truth):
    """Share of the sampled rows' neighbors no farther than their last true one."""
    found = np.linalg.norm(vectors[rows][:, None] - vectors[indices[rows]], axis=2)
    return float((found <= truth.distances[:, -1:] * (1 + 1e-5)).mean())
