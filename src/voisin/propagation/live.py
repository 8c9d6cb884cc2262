"""Label spreading that adds new labels to a solution, in time proportional to the change.

If a label changes, the right side of the equation changes in one row, and the residual changes in
that row. A *push* at node i adds its residual r_i to its score, which sets r_i to zero and adds
``alpha S_ij r_i`` to the residual of each neighbor j (Southwell 1935; for graphs Andersen, Chung &
Lang 2006). Adding ``ω = 2 / (1 + √(1 − alpha²))`` times r_i, the best factor for sweeps over all
nodes (Young 1954), saves almost half of the pushes.

It is imported late, since numba compiles it. In compiled code, nodes and edges are unsigned
integers: see `voisin.propagation.sparse_products`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from voisin.errors import InputError
from voisin.neighbors.graph import find_components
from voisin.parallel import compiled
from voisin.propagation.known_labels import LabeledNodes, expected_priors, read_labeled_nodes
from voisin.propagation.matrices import Booleans, Floats, Integers, Solution, normalize_affinity
from voisin.propagation.result import rows_to_one
from voisin.propagation.small_rows import refine_small_rows
from voisin.propagation.solvers import chebyshev
from voisin.propagation.spreading import LabelSpreading
from voisin.types import UNLABELED, Affinity, Indices, Labels, Propagation
from voisin.validation import check_affinity

# All chosen by hand: they trade the time of pushes against that of solving the whole system.
_MAX_ROUNDS = 8  # rounds of pushes, after which a class's whole system is solved
_MIN_PUSHES = 10_000  # pushes that a round may always take, however few images there are
_SOLUTION_TOL = 0.5  # share of the tolerance for whole solutions; the rest is for later updates
_THRESHOLD_FACTOR = 0.5  # by which the threshold of pushes falls with each pass over the queue
_ONE, _ZERO = np.uint64(1), np.uint64(0)  # numba would make a plain 1 plus an unsigned one a float
_UNTOUCHED, _TOUCHED, _QUEUED = 0, 1, 2  # states of a node


class LiveSpreading:
    """The result of label spreading, kept up to date while labels are added or corrected.

    It stores the scores ``F`` of ``(I − alpha S) F = (1 − alpha) Y`` and the residual, the right
    side minus the left. A new label changes one row of ``Y``, and of the residual. `push`
    corrects the scores around that image until the residual is within the method's tolerance
    again: the result is as accurate as that of a new solution.

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
        labeled_nodes = read_labeled_nodes(labels, n_samples, n_classes)
        self._method, self._labels = method, labels.copy()
        self._counts = np.bincount(labels[labeled_nodes.rows], minlength=labeled_nodes.n_classes)
        self._smoother = normalize_affinity(affinity)
        components = find_components(affinity)
        self._component_of, self._n_components = components.of_sample, len(components.sizes)
        right = labeled_nodes.scatter((1 - method.alpha) * labeled_nodes.targets)
        solution = self._solve(right)
        self._n_iter = solution.n_iter
        scores = solution.values.astype(np.float64)
        residuals = right - scores + method.alpha * (self._smoother @ scores)
        self._scores = np.ascontiguousarray(scores.T)  # one row per class
        self._residuals = np.ascontiguousarray(residuals.T)
        self._touched, self._queue = np.empty((2, n_samples), dtype=np.int64)
        self._linked = np.isin(self._component_of, self._component_of[labeled_nodes.rows])
        self._class_priors = self._expected_priors()
        self._probabilities = rows_to_one(
            self._visible_scores(np.arange(n_samples)), self._linked, self._class_priors
        )

    @property
    def propagation(self) -> Propagation:
        """The result for the labels so far; its arrays are views that `add` changes."""
        worst = max(
            float(np.linalg.norm(residual)) / self._right_side_norm(c)
            for c, residual in enumerate(self._residuals)
        )
        converged = worst <= self._method.tol * (1 + 1e-6)  # pushes stop by a rounded sum
        return Propagation(
            self._probabilities, self._linked, self._n_iter, worst, converged=converged
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
        for position, (row, label) in enumerate(new.items()):
            for c, sign in ((self._labels[row], -1), (label, 1)):
                if c != UNLABELED:
                    change[position, c] += sign * (1 - self._method.alpha)
                    self._counts[c] += sign
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
        scores, residual, smoother = self._scores[c], self._residuals[c], self._smoother
        if not self._counts[c]:
            scores[:], residual[:], changed[:] = 0, 0, True
            return
        residual[rows] += change
        touched, state = self._touched, np.zeros(len(residual), dtype=np.uint8)
        touched[: len(rows)], state[rows] = rows, _TOUCHED
        n_touched = len(rows)
        goal = (self._method.tol * self._right_side_norm(c)) ** 2
        max_pushes = max(_MIN_PUSHES, len(residual))
        for _ in range(_MAX_ROUNDS):
            square = float(residual @ residual)  # again: the sum that push keeps drifts by rounding
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
                max_pushes,
                touched,
                n_touched,
                state,
                self._queue,
                changed,
            )
        right = (1 - self._method.alpha) * (self._labels == c)
        scores[:] = self._solve(right[:, None], scores[:, None]).values[:, 0]
        residual[:] = right - scores + self._method.alpha * (smoother @ scores)
        changed[:] = True

    def _solve(self, right: Floats, start: Floats | None = None) -> Solution:
        """Solve the whole system, for all classes or one."""
        return chebyshev(
            self._smoother,
            self._method.alpha,
            right,
            tol=_SOLUTION_TOL * self._method.tol,
            max_iter=self._method.max_iter,
            start=start,
        )

    def _update_probabilities(self, changed: NDArray[np.bool_]) -> Indices:
        """Compute the probabilities of changed images, and of images that changed priors affect.

        Returns the images computed.
        """
        has_label = np.zeros(self._n_components, dtype=np.bool_)
        has_label[self._component_of[self._labels != UNLABELED]] = True
        linked, priors = has_label[self._component_of], self._expected_priors()
        stale = changed | (linked != self._linked)
        if not np.array_equal(priors, self._class_priors):
            stale |= ~linked
        far = linked & ~(self._scores > 0).any(axis=0)  # these may change without a push
        rows = np.flatnonzero(stale | far)
        self._linked, self._class_priors = linked, priors
        new = rows_to_one(self._visible_scores(rows), linked[rows], priors)
        moved = stale[rows] | (abs(new - self._probabilities[rows]) > self._method.tol).any(axis=1)
        self._probabilities[rows[moved]] = new[moved]
        return rows[moved]

    def _visible_scores(self, rows: Indices) -> NDArray[np.float64]:
        """Return the scores of some images; those below the tolerance are solved for."""
        if (self._scores[:, rows][:, self._linked[rows]] > 0).any(axis=0).all():
            return self._scores[:, rows].T
        alpha, right = self._method.alpha, np.zeros(self._scores.shape[::-1])
        labeled = np.flatnonzero(self._labels != UNLABELED)
        right[labeled, self._labels[labeled]] = 1 - alpha
        first = Solution(self._scores.T, 0, 0.0, converged=True)
        refined, _ = refine_small_rows(
            alpha * self._smoother, np.ones(len(right)), right, first, self._method.max_iter
        )
        return np.asarray(refined.values[rows], dtype=np.float64)

    def _expected_priors(self) -> NDArray[np.float64]:
        """Return the probabilities of an image that no label reaches."""
        classes = np.eye(len(self._counts))
        counted = LabeledNodes(np.arange(len(classes)), classes, self._counts.astype(float), 0)
        return expected_priors(self._method.class_priors, counted)

    def _right_side_norm(self, c: int) -> float:
        """Return the norm of a class's right side; that of one label if the class has none."""
        return (1 - self._method.alpha) * float(np.sqrt(max(self._counts[c], 1)))

    def _checked(self, rows: NDArray[np.int64], labels: NDArray[np.int64]) -> dict[int, int]:
        """Check the arguments of `add`; return the label of each row, the last if given twice."""
        n_samples, n_classes = len(self._labels), len(self._scores)
        if rows.shape != labels.shape or rows.ndim != 1:
            message = f"rows has shape {rows.shape} and labels {labels.shape}: pass one per label."
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


@compiled
def _fill_queue(
    residual: Floats,
    touched: Integers,
    n_touched: int,
    threshold: float,
    queue: Integers,
    state: Integers,
) -> int:
    """Put the touched nodes whose residual is above the threshold into the queue."""
    length = 0
    for position in range(n_touched):
        node = touched[position]
        if abs(residual[node]) > threshold:
            queue[length] = node
            state[node] = _QUEUED
            length += 1
    return length


@compiled
def push(
    indptr: Integers,
    indices: Integers,
    weights: Floats,
    alpha: float,
    scores: Floats,
    residual: Floats,
    square: float,
    goal: float,
    max_pushes: int,
    touched: Integers,
    n_touched: int,
    state: Integers,
    queue: Integers,
    changed: Booleans,
) -> tuple[float, int, int]:
    """Push at the touched nodes, starting with large residuals, until the residual is small.

    Parameters
    ----------
    scores, residual : array of shape (n,)
        One column of the solution and of its residual; changed in place.
    square, goal : float
        Sum of the squared residuals, and the sum to stop at.
    max_pushes : int
    touched, n_touched, state : array of shape (n,), int, array of shape (n,)
        The first `n_touched` of `touched` are the nodes whose residual changed; their state is 1,
        that of others 0. Nodes that pushes reach are added.
    queue : array of shape (n,)
        Working memory.
    changed : array of shape (n,)
        Set where the score changes.

    Returns
    -------
    square, n_touched, n_pushes
        The first two after the pushes, and the number of these.
    """
    n = np.uint64(len(indptr) - 1)
    factor = 2 / (1 + np.sqrt(1 - alpha**2))
    threshold = 0.0
    for position in range(n_touched):
        threshold = max(threshold, abs(residual[touched[position]]))
    n_pushes = 0
    while square > goal and n_pushes < max_pushes and threshold > 0:  # at 0, no node has a residual
        threshold *= _THRESHOLD_FACTOR
        head = _ZERO
        length = np.uint64(_fill_queue(residual, touched, n_touched, threshold, queue, state))
        while length > _ZERO:
            node = np.uint64(queue[head])
            head = head + _ONE if head + _ONE < n else _ZERO
            length -= _ONE
            state[node] = _TOUCHED
            before = residual[node]
            if square <= goal or n_pushes >= max_pushes or before == 0:
                continue
            n_pushes += 1
            step = factor * before
            scores[node] += step
            changed[node] = True
            residual[node] = before - step
            square += residual[node] ** 2 - before**2
            for edge in range(np.uint64(indptr[node]), np.uint64(indptr[node + _ONE])):
                neighbor = np.uint64(indices[edge])
                old = residual[neighbor]
                new = old + alpha * weights[edge] * step
                residual[neighbor] = new
                square += new * new - old * old
                if state[neighbor] == _UNTOUCHED:
                    state[neighbor] = _TOUCHED
                    touched[n_touched] = neighbor
                    n_touched += 1
                if state[neighbor] == _TOUCHED and abs(new) > threshold:
                    state[neighbor] = _QUEUED
                    last = head + length
                    queue[last if last < n else last - n] = neighbor
                    length += _ONE
    return square, n_touched, n_pushes
