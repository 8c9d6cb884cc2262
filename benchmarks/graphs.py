"""Building the graph: against pynndescent and faiss, and how it grows."""

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.data import fashion_mnist, many_vectors
from benchmarks.measuring import Row, keep, peak_flops, ratio, share_found, timed
from voisin.neighbors.search import find_neighbors, query_neighbors
from voisin.types import Neighbors

K = 10
SIZES = (62_500, 250_000, 1_000_000)


def true_neighbors(vectors):
    rows = np.sort(np.random.default_rng(1).choice(len(vectors), 1_000, replace=False))
    near = query_neighbors(vectors[rows], vectors, K + 1, metric="euclidean")
    return rows, Neighbors(near.indices[:, 1:], near.distances[:, 1:], metric="euclidean")


def ours(vectors, target_recall):
    return find_neighbors(
        vectors,
        K,
        metric="euclidean",
        method="partitions",
        target_recall=target_recall,
        random_state=0,
    )


def pynndescent(vectors):
    from pynndescent import NNDescent

    return NNDescent(vectors, n_neighbors=K + 1, random_state=0).neighbor_graph[0][:, 1:]


def hnsw(vectors):
    import faiss

    index = faiss.IndexHNSWFlat(vectors.shape[1], 16)
    index.hnsw.efConstruction, index.hnsw.efSearch = 64, 32
    index.add(vectors)
    return index.search(vectors, K + 1)[1][:, 1:]


def flat(vectors):
    import faiss

    index = faiss.IndexFlatL2(vectors.shape[1])
    index.add(vectors)
    return index.search(vectors, K + 1)[1][:, 1:]


def fashion():
    """Fashion-MNIST, 70,000 × 784."""
    pixels, _ = fashion_mnist()
    vectors = pixels / np.linalg.norm(pixels, axis=1, keepdims=True)
    rows, truth = true_neighbors(vectors)
    for work in (lambda: pynndescent(vectors[:5_000]), lambda: ours(vectors[:30_000], 0.5)):
        work()  # compile
    lines = []
    goals = {
        "pynndescent": (pynndescent, 3, 3),
        "faiss HNSW": (hnsw, 5, 1),
        "faiss flat": (flat, 25, 1),
    }
    for name, (peer, goal, repeats) in goals.items():
        theirs = mine = np.inf
        for _ in range(repeats):
            seconds, indices = timed(lambda: peer(vectors))  # noqa: B023
            theirs = min(theirs, seconds)
            recall = share_found(indices, vectors, rows, truth)
            wanted = 0.95 if peer is flat else max(0.95, recall)
            seconds, found = timed(lambda: ours(vectors, wanted))  # noqa: B023
            mine = min(mine, seconds)
        note = (
            f" (recall {recall:.3f} against {share_found(found.indices, vectors, rows, truth):.3f})"
        )
        lines.append(ratio(name, theirs, mine, goal, note))
    products = 2.0 * len(vectors) ** 2 * vectors.shape[1] / peak_flops()
    share = mine / products
    lines.append(
        Row("all pairs at the machine's peak", f"{products:.3g} s; ours takes {share:.2f} of it")
    )
    keep(
        "fashion",
        "Neighbors of Fashion-MNIST, 70,000 × 784, k = 10",
        "unit vectors in memory to indices and distances, with voisin's own check of its recall; "
        "compiled before; the shortest of 3 runs in turn (faiss: 1)",
        lines,
    )


def million():
    """The generator's 1,000,000 × 128."""
    vectors, _ = many_vectors(1_000_000)
    pynndescent(vectors[:5_000])
    ours(vectors[:30_000], 0.5)
    rows, truth = true_neighbors(vectors)
    theirs, indices = timed(lambda: pynndescent(vectors))
    recall = share_found(indices, vectors, rows, truth)
    del indices
    seconds, found = timed(lambda: ours(vectors, max(0.95, recall)))
    mine = share_found(found.indices, vectors, rows, truth)
    note = f" (recall {recall:.3f} against {mine:.3f})"
    lines = [ratio("pynndescent", theirs, seconds, 2, note)]
    peak = peak_memory(vectors)
    lines.append(Row("peak memory with the vectors", f"{peak:.2f} GB", "under 3 GB", peak < 3))
    times = [timed(lambda: ours(vectors[:size], 0.95))[0] for size in SIZES]  # noqa: B023
    exponent = float(np.polyfit(np.log(SIZES), np.log(times), 1)[0])
    growth = ", ".join(f"{size:,}: {t:.3g} s" for size, t in zip(SIZES, times, strict=True))
    lines.append(
        Row("growth", f"{growth}; exponent {exponent:.2f}", "at most 1.15", exponent <= 1.15)
    )
    keep(
        "million",
        "Neighbors of 1,000,000 × 128, k = 10",
        "vectors in memory to indices and distances, with voisin's own check of its recall; "
        "compiled before; one run each",
        lines,
    )


def peak_memory(vectors):
    """Most memory a fresh process takes to load the vectors and find their neighbors, in GB."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.npy"
        np.save(path, vectors)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.graphs", str(path)],
            capture_output=True,
            check=True,
            text=True,
        )
    return float(done.stdout)


if __name__ == "__main__":
    ours(np.load(sys.argv[1]), 0.95)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9)
