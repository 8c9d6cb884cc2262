"""How many labels a way of asking needs, compared with asking for random images.

Curves are made to rise first (the nearest that never falls, in squares), so that one lucky step
decides nothing.
"""

import numpy as np
from sklearn.isotonic import isotonic_regression as rising


def share(n_labels, curve, chance, step):
    """Share of random's labels at a step with which a curve is first as high; infinite if never."""
    level = rising(chance)[step]
    return labels_to_reach(n_labels, rising(curve), level) / n_labels[step]


def labels_to_reach(n_labels, curve, level):
    """How many labels a rising curve first has a level with, on straight lines between steps."""
    above = np.flatnonzero(curve >= level)
    if not len(above):
        return float("inf")
    k = above[0]
    return float(
        np.interp(level, curve[k - 1 : k + 1], n_labels[k - 1 : k + 1]) if k else n_labels[0]
    )
