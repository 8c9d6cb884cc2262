"""Score the same predictions twice: by position, which is wrong, and by id, which is right.

    python examples/wrong_verdict.py                       # bundled digits
    python examples/wrong_verdict.py dermamnist.npz 50     # your file, 50 labels a class

A network is trained as in the tutorial: few labels, labels spread over the graph of neighbors,
retraining on the result. Its predictions of the test images are then made in shuffled order, as a
data loader with shuffling on would. Believing the n-th prediction to be of the n-th image of the
file gives the wrong verdict.
"""

import sys

import numpy as np

import voisin
from voisin.embedding.inference import embed, predict
from voisin.embedding.networks.simple_cnn import SimpleCNN
from voisin.evaluation.verdict import Scores
from voisin.training.supervised import SupervisedTraining
from voisin.types import ImageCollection, Pixels


def compare(source: str, labels_per_class: int = 5, random_state: int = 42) -> tuple[Scores, ...]:
    """Return the verdict by position and the verdict by id on the same shuffled predictions."""
    images = voisin.open_images(source)
    train, read_test = (voisin.read_images(images.in_split(split)) for split in ("train", "test"))
    network = train_on_few(train.images, train.pixels, labels_per_class, random_state)
    test = read_test.images

    shuffled = np.random.default_rng(random_state).permutation(len(test))
    probabilities = predict(network, read_test.pixels[shuffled])

    truth = voisin.Truth.of(test)
    by_position = voisin.Predictions("by position", test.ids, probabilities)
    by_id = voisin.Predictions("by id", test.ids[shuffled], probabilities)
    return voisin.score(by_position, truth), voisin.score(by_id, truth)


def train_on_few(
    train: ImageCollection, pixels: Pixels, labels_per_class: int, random_state: int
) -> SimpleCNN:
    """Train on a few labels, spread them over the graph, and train again on the result."""
    labels = voisin.draw_labels(
        train.labels,
        labels_per_class=labels_per_class,
        groups=train.groups,
        random_state=random_state,
    )
    known, how = labels >= 0, {"n_classes": train.n_classes, "random_state": random_state}
    expert = SupervisedTraining(epochs=20).fit(pixels[known], labels[known], **how)
    affinity = voisin.build_affinity(voisin.find_neighbors(embed(expert, pixels)))
    spreading = voisin.LabelSpreading(alpha=0.99, tol=1e-4)
    spread = spreading.propagate(affinity, labels, n_classes=train.n_classes)
    reached = spread.labels >= 0
    return SupervisedTraining(epochs=10).fit(pixels[reached], spread.labels[reached], **how)


def table(verdicts: tuple[Scores, ...]) -> str:
    """Lay the figures out, a row a verdict."""
    lines = [f"{'':14}{'AUC':>8}{'accuracy':>10}{'balanced':>10}{'macro F1':>10}"]
    for one in verdicts:
        figures = (one.accuracy, one.balanced_accuracy, one.macro_f1)
        row = "".join(f"{figure.value:10.3f}" for figure in figures)
        lines.append(f"{one.method:14}{one.auc.value:8.3f}{row}")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    source, *rest = sys.argv[1:] or ["digits"]
    sys.stdout.write(table(compare(source, *map(int, rest))))
