"""Label spreading that takes new labels as they come, in time proportional to what changes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from voisin.errors import InputError
from voisin.neighbors.graph import find_components
from voisin.propagation.known_labels import LabeledNodes, expected_priors, read_labeled_nodes
from voisin.propagation.matrices import normalize_affinity
from voisin.propagation.result import rows_to_one
from voisin.propagation.solvers import chebyshev
from voisin.propagation.spreading import LabelSpreading
from voisin.types import UNLABELED, Affinity, Indices, Labels, Propagation
from voisin.validation import check_affinity

_MOST_ROUNDS = 8  # of pushes, after which a class is solved as a whole
_FEWEST_PUSHES = 10_000  # that a round may take, however few images there are
_FIRST_TOL = 0.5  # of the tolerance: a solution leaves the rest to later updates


class LiveSpreading:
    """The result of label spreading, kept up to date while labels are added or corrected.

    Keeps the scores ``F`` of ``(I − alpha S) F = (1 − alpha) Y`` with the residual, the right
    side less the left. A new label changes one row of ``Y``, and so of the residual. `push`
    corrects the scores around that image until the residual is within the method's tolerance
    again: the outcome is as accurate as that of a new solution.

    Parameters
    ----------
    method : LabelSpreading
    affinity : sparse array of shape (n_samples, n_samples)
    labels : array of shape (n_samples,)
        Class of each image from 0, or -1 where it is unknown.
    n_classes : int, optional

    Examples
    --------
    >>> from scipy import sparse
    >>> path = sparse.csr_array([[0.0, 3, 0], [3, 0, 1], [0, 1, 0]])
    >>> live = LiveSpreading(LabelSpreading(), path, np.array([0, -1, -1]), n_classes=2)
    >>> live.add([2], [1])
    array([0, 1, 2])
    >>> live.propagation.labels
    array([0, 0, 1])
    """

    def __init__(
        self,
        method: LabelSpreading,
        affinity: Affinity,
        labels: Labels,
        *,
        n_classes: int | None = None,
    ) -> None:
        affinity = check_affinity(affinity)
        n_samples = affinity.shape[0]
        evidence = read_labeled_nodes(labels, n_samples, n_classes)
        self._method = method
        self._labels = labels.copy()
        self._smoother = normalize_affinity(affinity)
        components = find_components(affinity)
        self._component_of, self._n_components = components.of_sample, len(components.sizes)
        known = evidence.spread_out((1 - method.alpha) * evidence.targets)
        self._counts = np.bincount(labels[evidence.rows], minlength=evidence.n_classes)
        found = chebyshev(
            self._smoother,
            method.alpha,
            known,
            tol=_FIRST_TOL * method.tol,
            max_iter=method.max_iter,
        )
        scores = found.values.astype(np.float64)
        self._scores = np.ascontiguousarray(scores.T)  # a row a class
        residuals = known - scores + method.alpha * (self._smoother @ scores)
        self._residuals = np.ascontiguousarray(residuals.T)
        self._queue = np.empty(n_samples, dtype=np.int64)
        self._touched = np.empty_like(self._queue)
        self._n_iter = found.n_iter
        self._linked = np.isin(self._component_of, self._component_of[evidence.rows])
        self._unscored = _without_scores(scores)
        self._reached = self._linked & ~self._unscored
        self._class_shares = self._expected_shares()
        self._probabilities = rows_to_one(scores, self._reached, self._class_shares)

    @property
    def propagation(self) -> Propagation:
        """The outcome for the labels so far; its arrays are views that `add` changes."""
        worst = max(self._relative_residual(c) for c in range(len(self._scores)))
        converged = worst <= self._method.tol * (1 + 1e-6)
        return Propagation(
            self._probabilities, self._reached, self._n_iter, worst, converged=converged
        )

    def add(self, rows: Sequence[int] | Indices, labels: Sequence[int] | Labels) -> Indices:
        """Label images, correct their labels, or take them back with -1.

        Parameters
        ----------
        rows : array of shape (n_new,)
        labels : array of shape (n_new,)

        Returns
        -------
        array of int
            The images whose probabilities changed, ascending.

        Raises
        ------
        InputError
            If an image or a class does not exist, or no label would be left.
        """
        new = self._checked(np.asarray(rows), np.asarray(labels))
        change = np.zeros((len(new), len(self._scores)))
        for place, (row, label) in enumerate(new.items()):
            for known, sign in ((self._labels[row], -1), (label, 1)):
                if known != UNLABELED:
                    change[place, known] += sign * (1 - self._method.alpha)
                    self._counts[known] += sign
            self._labels[row] = label
        rows = np.fromiter(new, dtype=np.int64)
        changed = np.zeros(len(self._labels), dtype=np.bool_)
        changed[rows] = True
        for c in np.flatnonzero(change.any(axis=0)).tolist():
            self._update_scores(c, rows, change[:, c], changed)
        return self._update_probabilities(changed)

    def _update_scores(
        self, c: int, rows: Indices, change: NDArray[np.float64], changed: NDArray[np.bool_]
    ) -> None:
        """Bring the residual of a class within the tolerance, and mark the images that change."""
        from voisin.propagation.pushing import push

        scores, residual, smoother = self._scores[c], self._residuals[c], self._smoother
        if not self._counts[c]:
            scores[:], residual[:], changed[:] = 0, 0, True
            return
        residual[rows] += change
        touched, state = self._touched, np.zeros(len(residual), dtype=np.uint8)
        touched[: len(rows)], state[rows] = rows, 1
        n_touched = len(rows)
        goal = (self._method.tol * self._right_side_norm(c)) ** 2
        most = max(_FEWEST_PUSHES, len(residual))
        for _ in range(_MOST_ROUNDS):
            square = float(residual @ residual)  # anew: what push adds up drifts by rounding
            if square <= goal:
                return
            _, n_touched, _ = push(
                smoother.indptr,
                smoother.indices,
                smoother.data,
                self._method.alpha,
                scores,
                residual,
                square,
                goal,
                most,
                touched,
                n_touched,
                state,
                self._queue,
                changed,
            )
        self._solve_class(c)
        changed[:] = True

    def _solve_class(self, c: int) -> None:
        """Solve a class as a whole, from the scores so far."""
        method = self._method
        known = (1 - method.alpha) * (self._labels == c)
        found = chebyshev(
            self._smoother,
            method.alpha,
            known[:, None],
            tol=_FIRST_TOL * method.tol,
            max_iter=method.max_iter,
            start=self._scores[c][:, None],
        )
        self._scores[c] = found.values[:, 0]
        smoothed = self._smoother @ self._scores[c]
        self._residuals[c] = known - self._scores[c] + method.alpha * smoothed

    def _update_probabilities(self, changed: NDArray[np.bool_]) -> Indices:
        """Compute the probabilities of changed images, and of those that changed shares concern.

        Returns the images computed.
        """
        has_label = np.zeros(self._n_components, dtype=np.bool_)
        has_label[self._component_of[self._labels != UNLABELED]] = True
        linked, shares = has_label[self._component_of], self._expected_shares()
        stale = changed | (linked != self._linked)
        if not np.array_equal(shares, self._class_shares):
            stale |= ~self._reached
        rows = np.flatnonzero(stale)
        scores = self._scores[:, rows].T
        self._unscored[rows] = _without_scores(scores)
        self._linked, self._class_shares = linked, shares
        self._reached = linked & ~self._unscored
        self._probabilities[rows] = rows_to_one(scores, self._reached[rows], shares)
        return rows

    def _expected_shares(self) -> NDArray[np.float64]:
        """Return the class shares that an image gets which no label reaches."""
        classes = np.eye(len(self._counts))
        evidence = LabeledNodes(np.arange(len(classes)), classes, self._counts.astype(float), 0)
        return expected_priors(self._method.class_priors, evidence)

    def _right_side_norm(self, c: int) -> float:
        """Norm of the right side of a class; that of one label where the class has none."""
        return (1 - self._method.alpha) * float(np.sqrt(max(self._counts[c], 1)))

    def _relative_residual(self, c: int) -> float:
        """Norm of the residual over that of the right side."""
        return float(np.linalg.norm(self._residuals[c])) / self._right_side_norm(c)

    def _checked(self, rows: NDArray[np.int64], labels: NDArray[np.int64]) -> dict[int, int]:
        """Check what `add` was given; return the label of each row, the last if given twice."""
        n_samples, n_classes = len(self._labels), len(self._scores)
        if rows.shape != labels.shape or rows.ndim != 1:
            message = f"rows has shape {rows.shape} and labels {labels.shape}: pass one a label."
            raise InputError(message)
        if len(rows) and (rows.min() < 0 or rows.max() >= n_samples):
            message = f"rows reach from {rows.min()} to {rows.max()}: there are {n_samples} images."
            raise InputError(message)
        if len(labels) and (labels.min() < UNLABELED or labels.max() >= n_classes):
            message = (
                f"labels reach from {labels.min()} to {labels.max()}: there are {n_classes} "
                "classes, from 0, and -1 takes a label back."
            )
            raise InputError(message)
        after = self._labels.copy()
        after[rows] = labels
        if (after == UNLABELED).all():
            message = "No label would be left: keep one."
            raise InputError(message)
        return dict(zip(rows.tolist(), labels.tolist(), strict=True))


def _without_scores(scores: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell the rows without any positive score: no label reaches them within the tolerance."""
    return np.asarray((scores <= 0).all(axis=1))
