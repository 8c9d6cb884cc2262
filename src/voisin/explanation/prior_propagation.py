"""Labels that were spread far before they take part in a labeling; it knows arrays, no methods.

The default method lets images without label bring along an opinion that is part the classifier's,
part what a first, far spreading of the labels found for them. That part belongs to the labels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.types import Indices


@dataclass(frozen=True, eq=False)
class PriorPropagation:
    """What images without label bring along that was spread to them from the labeled ones.

    Image k brings ``amount · R_kl v_l / Σ_m R_km v_m`` from labeled image l to the class of l,
    with ``R = (I − stretch · T)⁻¹``: rows of far spreading are divided by their sums before they
    are mixed with the opinions, and these sums are taken as they are.

    Attributes
    ----------
    stretch : float
        By which the weights of T grow in the far spreading: ratio of its alpha to that of T.
    amount : float
        What far spreading brings to each image without label, all classes together.
    weights : array of shape (n_labeled,)
        v: of the labeled images, ascending.
    sums : array of shape (n_samples,)
        ``Σ_m R_km v_m``; 0 where no label reaches the image, or hardly any.
    opinions : array of shape (n_samples, n_classes)
        Part of the scores that comes from the classifier's opinions alone.
    """

    stretch: float
    amount: float
    weights: NDArray[np.float64]
    sums: NDArray[np.float64]
    opinions: NDArray[np.floating]

    def per_weight(
        self, labeled: Indices, sums: NDArray[np.floating] | None = None
    ) -> NDArray[np.float64]:
        """Return ``amount / sums`` of each image; 0 for labeled ones and where no label reaches.

        Examples
        --------
        >>> far = PriorPropagation(2.0, 0.3, np.ones(1), np.array([3.0, 1, 0]), np.zeros((3, 2)))
        >>> far.per_weight(np.array([0])).tolist()
        [0.0, 0.3, 0.0]
        """
        sums = self.sums if sums is None else sums
        found = np.divide(self.amount, sums, where=sums > 0, out=np.zeros(len(sums)))
        found[labeled] = 0
        return found
