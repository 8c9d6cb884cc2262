"""What the page calls methods, scopes and figures, and what each means; it knows no numbers."""

from dataclasses import dataclass

CEILING = "ceiling"
"""The one method that is told every label, so it never counts as the best."""

EXPERT = "expert"
"""The network that came from a file in place of the one that pseudo-labels grow."""

EXPERT_MAY_KNOW = (
    "whether the expert, whose view of the images makes the graph, had learned from them before "
    "is not known here"
)


@dataclass(frozen=True)
class Wording:
    """A title of a few words, and one sentence for who has never seen the page."""

    title: str
    meaning: str


@dataclass(frozen=True)
class FigureWording(Wording):
    """A figure of `Scores`: the name of its field, and whether more of it is better."""

    field: str
    more_is_better: bool = True


METHODS = {
    "few-labels": Wording("Few labels only", "a network trained on the given labels alone"),
    "pseudo-labels": Wording(
        "Pseudo-labels",
        "in each round a new network, trained on the given labels and on the most confident "
        "guesses of the networks before it",
    ),
    EXPERT: Wording(
        "Expert (from a file)",
        "the network that was brought along; what it was trained on is not known here",
    ),
    "propagated": Wording(
        "Propagated labels",
        "the given labels carried along the graph of nearest neighbors, with a classifier's "
        "opinion where the method has one; a test image asks its neighbors in the graph",
    ),
    "balanced": Wording(
        "Propagated, for rare classes",
        "the propagated labels decided again as if the classes were nearly equally frequent: "
        "more of the rare classes are found, and more images in all are wrong",
    ),
    "calibrated": Wording(
        "Calibrated, for most right",
        "the propagated probabilities, made as sure as labels that were held out allow, under the "
        "class shares that were told or are estimated: most images are right, rare classes are "
        "missed more often",
    ),
    "retrained": Wording(
        "Retrained", "a network trained on the propagated labels, the certain ones weighing more"
    ),
    CEILING: Wording(
        "Ceiling",
        "the same network told every true label of the training images: about what labeling "
        "everything would bring; not a competitor, so never marked as best",
    ),
}

SCOPES = {
    "unlabeled": Wording(
        "Unlabeled images",
        "images of the graph whose label was hidden from the methods and kept for this check",
    ),
    "test": Wording(
        "Test images", "images kept apart from the start: nothing in this run was trained on them"
    ),
    "test-no-leak": Wording(
        "Test images without leak",
        "test images without those whose group (patient, lesion, video) also has an image in the "
        "training set, which makes them too easy; what is left is another mix of classes, so the "
        "figures may be higher as well as lower: compare methods within a scope, not scopes",
    ),
}

FIGURES = (
    FigureWording(
        "AUC",
        "how often an image of a class gets a higher probability for that class than an image of "
        "another class, averaged over the classes; 0.5 is chance, 1 is perfect",
        "auc",
    ),
    FigureWording(
        "Balanced accuracy",
        "share of each class that is found (its recall), averaged over the classes, so that a rare "
        "class counts as much as a common one",
        "balanced_accuracy",
    ),
    FigureWording(
        "Accuracy",
        "share of the images whose most probable class is the true one; large classes dominate it",
        "accuracy",
    ),
    FigureWording(
        "Macro F1",
        "for each class, the harmonic mean of recall and precision; then the mean of the classes",
        "macro_f1",
    ),
    FigureWording(
        "ECE",
        "expected calibration error: the gap between the stated probability and how often it is "
        "right; 0 is best, 0.10 means 10 percentage points too sure or too modest",
        "ece",
        more_is_better=False,
    ),
)


def method_wording(method: str) -> Wording:
    """Words for a method, its own name where none are written.

    Examples
    --------
    >>> method_wording("propagated").title
    'Propagated labels'
    >>> method_wording("nearest-center").title
    'Nearest center'
    """
    return METHODS.get(method) or Wording(_plain(method), "")


def scope_wording(scope: str) -> Wording:
    """Words for a scope, its own name where none are written."""
    return SCOPES.get(scope) or Wording(_plain(scope), "")


def _plain(name: str) -> str:
    words = name.replace("-", " ").replace("_", " ").strip()
    return words[:1].upper() + words[1:]
