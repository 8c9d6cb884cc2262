"""How certain a distribution over the classes is."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from voisin.types import Probabilities


def certainty(probabilities: Probabilities) -> NDArray[np.float64]:
    """One minus the normalized entropy: ``1 − H(p) / log C`` (Iscen et al. 2019).

    Parameters
    ----------
    probabilities : array of shape (n_images, n_classes)

    Returns
    -------
    array of shape (n_images,)
        From 0, all classes alike, to 1, one class alone.

    Examples
    --------
    >>> import numpy as np
    >>> certainty(np.array([[0.5, 0.5], [1.0, 0.0]]))
    array([0., 1.])
    """
    n_classes = probabilities.shape[1]
    if n_classes == 1:
        return np.ones(len(probabilities))
    return np.clip(1 - entr(probabilities).sum(axis=1) / np.log(n_classes), 0, 1)
