"""Taking labels apart on a million nodes: by the kept table, and by solving."""

import numpy as np

from benchmarks.data import many_vectors
from benchmarks.flows import ALPHA, large_graph
from benchmarks.measuring import Row, keep, timed
from voisin.explanation.attribution import attribute as explain_one
from voisin.explanation.linear_system import linear_system_of, spreading_system
from voisin.labeling.classifier import Classifier
from voisin.labeling.consensus import SmoothedClassifier
from voisin.neighbors.affinity import build_affinity
from voisin.neighbors.search import find_neighbors
from voisin.types import GraphData, Problem

N_LABELS, N_IMAGES = 32, 50


def explain():
    """Spreading: shares of neighbors and labels, counter-evidence, paths."""
    affinity, truth, _ = large_graph()
    labels = few(truth)
    start = np.eye(10)[labels] * (labels >= 0)[:, None]
    making, flow = timed(lambda: spreading_system(affinity, start, ALPHA, labels))
    what = f"Explaining a label on 1,000,000 nodes, {N_LABELS} labels, alpha {ALPHA}"
    account("explain", what, making, flow)


def explain_default():
    """The method that decides where little is known: classifier and far spreading, smoothed."""
    vectors, truth = many_vectors(1_000_000)
    neighbors = find_neighbors(vectors, metric="euclidean", target_recall=0.9, random_state=0)
    affinity = build_affinity(neighbors, weights="gaussian")
    problem = Problem(GraphData(vectors, affinity, vectors[:0]), few(truth), int(truth.max()) + 1)
    method = SmoothedClassifier(0.5, 0.5, Classifier(strength=3.0, temperature=1.0))
    labeling = method.label(problem)
    making, flow = timed(lambda: linear_system_of(labeling, problem))
    what = f"The same for classifier and spreading together, {N_LABELS} labels"
    account("explain-default", what, making, flow)


def few(truth):
    generator = np.random.default_rng(0)
    labels = np.full(len(truth), -1)
    chosen = generator.choice(len(truth), N_LABELS, replace=False)
    labels[chosen] = truth[chosen]
    return labels


def account(name, title, making, flow):
    """Explain images, and check what is said of them."""
    images = np.random.default_rng(1).choice(len(flow.labels), N_IMAGES, replace=False).tolist()
    solving, solved = timed(lambda: explain_one(flow, images[0]))
    table, flow = timed(flow.with_contributions)
    gap = difference(solved.predicted, explain_one(flow, images[0]).predicted)
    times, sums, paths = [], [], []
    for image in images:
        seconds, why = timed(lambda: explain_one(flow, image))  # noqa: B023
        times.append(seconds)
        paths.append(len(why.predicted.paths))
        accounts = [one for one in (why.predicted, why.runner_up) if one is not None]
        sums += [
            abs(one.classifier_share + one.class_prior_share + one.contributor_shares.sum() - 1)
            for one in accounts
        ]
        sums += [
            abs(one.own_share + one.prior_propagation_share + one.neighbor_shares.sum() - 1)
            for one in accounts
        ]
    slow, middle = float(np.max(times)), float(np.median(times))
    keep(
        name,
        title,
        "neighbors, labeled images and up to three paths each, for the class and the runner-up; "
        "contributions of all labeled images computed once",
        [
            Row("once: the scores", f"{making:.3g} s"),
            Row("once: the contributions", f"{table:.3g} s"),
            Row(
                f"an image after that, median and slowest of {N_IMAGES}",
                f"{middle:.3g} s, {slow:.3g} s",
                "under 0.1 s",
                middle < 0.1,
            ),
            Row("an image without contributions", f"{solving:.3g} s"),
            Row("paths of an image, mean", f"{np.mean(paths):.1f}"),
            Row("shares looked up against solved", f"{gap:.1e}", "at most 1e-4", bool(gap <= 1e-4)),
            Row("shares sum to 1 within", f"{max(sums):.1e}", "1e-4", bool(max(sums) <= 1e-4)),
        ],
    )


def difference(one, other):
    """Largest gap between the shares of two accounts."""
    first, second = (
        dict(zip(a.contributors.tolist(), a.contributor_shares, strict=True)) for a in (one, other)
    )
    return max(abs(first.get(i, 0) - second.get(i, 0)) for i in {*first, *second})
