"""What each labeling method is, in half a sentence for who reads a comparison."""

from voisin.evaluation.significance import BALANCED_SUFFIX

_MEANINGS = {
    "spreading": "label spreading along the graph (Zhou et al. 2004), reaching far",
    "harmonic": "the average of the neighbors, labels fixed (Zhu et al. 2003)",
    "poisson": "Poisson learning: labels as sources of a flow (Calder et al. 2020)",
    "poisson-mbo": "Poisson learning, then decisions with class sizes kept (Calder et al. 2020)",
    "reweighted": "the average of the neighbors, the graph weighted by Poisson's equation "
    "(Miller & Calder 2023)",
    "classifier": "logistic regression on the vectors alone",
    "smoothed-classifier": "logistic regression on the vectors, its opinions smoothed along the "
    "graph",
    "consensus": "the opinions of logistic regression and of label spreading, mixed",
    "correct-and-smooth": "logistic regression, its errors on the labels spread along the graph "
    "and taken back, then smoothed (Huang et al. 2021)",
    "auto": "what a run uses by default: the method that cross-validation on the labels prefers",
}


def meaning_of(method: str) -> str:
    """Say what a method is; a dash where no words are written.

    Examples
    --------
    >>> meaning_of("harmonic")
    'the average of the neighbors, labels fixed (Zhu et al. 2003)'
    >>> meaning_of("harmonic-balanced")
    'as harmonic, decided so that rare classes are found as well as common ones'
    """
    if method.endswith(BALANCED_SUFFIX):
        plain = method.removesuffix(BALANCED_SUFFIX)
        return f"as {plain}, decided so that rare classes are found as well as common ones"
    return _MEANINGS.get(method, "–")
