"""Learning curves: ask, label, judge, and ask again, every strategy from the same first labels.

In each draw a part of the images is set apart: its labels are never asked for, so that every
strategy is judged on the same images.
"""

import numpy as np

from voisin.errors import VoisinError
from voisin.evaluation import metrics
from voisin.project.cache import hash_of
from voisin.sources.few_labels import draw_labels
from voisin.types import UNLABELED, Problem

FIGURES = ("balanced_accuracy", "unlabeled_balanced_accuracy", "auc")
START, UNTIL, BATCH = 2, 50, 2  # labels a class: drawn at first, on average at the end, at a time
APART = 0.3  # of each class


def steps(n_classes, until=UNTIL):
    """Return how many labels there are at each labeling."""
    return np.unique(np.append(np.arange(START, until, BATCH), until)) * n_classes


def begin(truth, random_state):
    """Draw the first labels, the images to judge by, and those that may be asked for."""
    generator = np.random.default_rng(random_state)
    members = [generator.permutation(np.flatnonzero(truth == c)) for c in np.unique(truth)]
    apart = np.sort(np.concatenate([rows[: int(APART * len(rows))] for rows in members]))
    askable = truth.copy()
    askable[apart] = UNLABELED
    labels = draw_labels(askable, labels_per_class=START, random_state=random_state)
    return labels, apart, np.flatnonzero(askable != UNLABELED)


def learning_curves(data, truth, ask, method, n_draws, *, until=UNTIL, cache=None, key=""):
    """Follow a way of asking in every draw; finished draws are kept in the cache under the key.

    Returns
    -------
    n_labels : array of shape (n_steps,)
    figures : array of shape (n_draws, n_steps, 3)
        In the order of `FIGURES`.
    found : array of shape (n_draws, n_classes)
        Labels of each class at the end.
    """
    n_labels = steps(len(np.unique(truth)), until)
    parts = (np.asarray(data.embeddings), data.affinity.data, truth, n_labels)
    task = {"key": key, "method": repr(method), "task": [hash_of(part) for part in parts]}
    draws = []
    for draw in range(n_draws):

        def compute(draw=draw):
            return follow(data, truth, ask, method, n_labels, random_state=draw)

        inputs = {**task, "draw": draw}
        draws.append(
            compute() if cache is None else cache.recall("curve", inputs, compute, dict).value
        )
    return n_labels, *(np.stack([one[part] for one in draws]) for part in ("figures", "found"))


def follow(data, truth, ask, method, n_labels, *, random_state):
    """Follow a way of asking from the first labels to the last."""
    labels, apart, candidates = begin(truth, random_state)
    n_classes = int(truth.max()) + 1
    figures = []
    for batch in [*np.diff(n_labels).tolist(), 0]:
        problem = Problem(data, labels, n_classes, random_state=random_state)
        labeling = method.label(problem)
        figures.append(judge(labeling.propagation, labels, truth, apart))
        if batch:
            asked = ask(problem, labeling, batch, candidates)
            free = candidates[labels[candidates] == UNLABELED]
            if len(asked) != batch or len(np.intersect1d(asked, free)) != batch:
                message = f"{ask!r} did not ask for {batch} images that it may ask for."
                raise VoisinError(message)
            labels = labels.copy()
            labels[asked] = truth[asked]
    found = np.bincount(labels[labels != UNLABELED], minlength=n_classes)
    return {"figures": np.array(figures), "found": found}


def judge(found, labels, truth, apart):
    """Return the figures in the order of `FIGURES`."""
    n_classes = found.probabilities.shape[1]
    given = np.where(found.labels == UNLABELED, n_classes, found.labels)
    auc = metrics.macro_auc(truth[apart], found.probabilities[apart], np.ones((1, len(apart))))

    def balanced(rows):
        ones = np.ones((1, len(rows)))
        confusion = metrics.confusion(truth[rows], given[rows], n_classes, ones)
        return float(metrics.balanced_accuracy(confusion)[0])

    return balanced(apart), balanced(np.flatnonzero(labels == UNLABELED)), float(auc[0])
