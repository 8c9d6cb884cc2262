"""A finished run and the questions that it can be asked.

The command line asks through the same object.
"""

from functools import cached_property
from pathlib import Path

from voisin.audit.project import AuditResult, audit_run
from voisin.certificate.project import CertificateResult, certify_run, verify_run
from voisin.errors import InputError
from voisin.evaluation.verdict import Scores
from voisin.explanation.page import Explanation
from voisin.explanation.project import SYSTEM, StoredSystem, explain_image
from voisin.project.finished_run import FinishedRun
from voisin.project.stored import load
from voisin.querying.project import Suggestions, suggest_images
from voisin.querying.registry import DEFAULT
from voisin.training.pseudo_labels import PseudoLabelRound
from voisin.types import Labels, Progress, Propagation, no_progress


class Run(FinishedRun):
    """A finished run: what it found, where its files are, and the questions that it can be asked.

    `voisin.run` returns one; `voisin.open_run` opens one again.

    Attributes
    ----------
    folder : Path
        Holds ``report.html``, ``labels.parquet``, ``metrics.json`` and ``model.safetensors``.
    settings : dict
        As ``voisin.toml`` has them, and defaults.
    images : ImageCollection
        The pool, in the order of its ids.
    result : RunResult
        All that was found, as arrays.
    """

    @property
    def report(self) -> Path:
        """The page to open."""
        return self.folder / "report.html"

    @property
    def labels(self) -> Labels:
        """The few labels that the run started from, -1 elsewhere; shape (n_pool,)."""
        return self.result.labels

    @property
    def propagation(self) -> Propagation:
        """What was found for the pool's images."""
        return self.result.propagation

    @property
    def scores(self) -> tuple[Scores, ...]:
        """One a method and scope; empty where no truth is known."""
        return self.result.scores

    @property
    def rounds(self) -> tuple[PseudoLabelRound, ...]:
        """Of pseudo-labels; empty where the expert network was loaded from a file."""
        return self.result.rounds

    def score_of(self, method: str, scope: str) -> Scores:
        """Return the scores of one method in one scope.

        Raises
        ------
        InputError
            If there are none; says which there are.
        """
        for scores in self.scores:
            if (scores.method, scores.scope) == (method, scope):
                return scores
        there = ", ".join(f"{one.method} on {one.scope}" for one in self.scores) or "none"
        message = f"There are no scores of {method!r} on {scope!r}; there are: {there}."
        raise InputError(message)

    def explain(self, image: int | str, *, n_paths: int = 3) -> Explanation:
        """Say why an image of the pool got its label.

        Parameters
        ----------
        image : int or str
            Its position or its id.
        n_paths : int, default=3
            Strongest paths to labeled images to show, for each class.

        Returns
        -------
        Explanation
            Its ``attribution`` holds the shares; ``as_dict()`` gives them as JSON can write them.

        Raises
        ------
        InputError
            If there is no such image, or the run's method is no weighted sum of its labels.
        """
        return explain_image(self, self._system, image, n_paths=n_paths)

    @cached_property
    def _system(self) -> StoredSystem:
        return load(self.folder / SYSTEM, StoredSystem)

    def suggest(
        self, n: int = 20, *, strategy: str = DEFAULT, progress: Progress = no_progress
    ) -> Suggestions:
        """Suggest which images to label next, and write them down.

        ``suggestions.csv`` has the columns id, path, current, probability, reason, label: first
        the suggestions, with an empty label to be filled in, then the images labeled so far, so
        that the whole table can be given to the next run as its labels. ``suggestions.html`` shows
        them.

        Parameters
        ----------
        n : int, default=20
        strategy : str, default="mixed"
            One of `voisin.querying.registry.STRATEGIES`.
        progress : callable, optional

        Raises
        ------
        InputError
            If there is no such strategy, or nothing to ask.
        """
        return suggest_images(self, n=n, strategy=strategy, progress=progress)

    def audit(self, *, progress: Progress = no_progress) -> AuditResult:
        """Look for what should not be believed, and write it down; change nothing.

        Leaves ``audit.html``, ``audit.csv`` and ``audit.parquet``.
        """
        return audit_run(self, progress=progress)

    def certify(
        self,
        *,
        error: float = 0.05,
        confidence: float = 0.95,
        n_checks: int = 500,
        random_state: int = 0,
    ) -> CertificateResult:
        """Draw images for an expert to check, and state what the answers so far prove.

        The first call writes ``checks.csv``, a random few of the surest images with an empty
        column for the answers. Each later call reads the answers, states the largest set that they
        certify, and adds the rows that could extend it.

        Parameters
        ----------
        error : float, default=0.05
            Largest share of wrong labels in the set.
        confidence : float, default=0.95
            Probability that this holds, over the random choice of the checks.
        n_checks : int, default=500
            Most checks in all.
        random_state : int, default=0
            Decides the order of the checks.

        Raises
        ------
        ProjectError
            If the labels changed since the checks were drawn.
        InputError
            If a setting is out of range or differs from those the checks were drawn with, or an
            answer is no class.
        """
        return certify_run(
            self,
            error=error,
            confidence=confidence,
            n_checks=n_checks,
            random_state=random_state,
        )

    def verify(self) -> tuple[str, ...]:
        """Compute the certificate again; return what does not agree, nothing if it holds.

        Raises
        ------
        ProjectError
            If there is no certificate.
        """
        return verify_run(self)


def open_run(folder: str | Path) -> Run:
    """Open the folder of a finished run.

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    Run

    Raises
    ------
    ProjectError
        If the folder holds no finished run, or one of another version.
    """
    return Run.open(folder)
