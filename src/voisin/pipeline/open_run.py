"""A finished run as an object, with a method for each later question: explain, suggest, audit.

The commands of the command line call the same methods.
"""

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from voisin.audit.project import AuditResult, audit_run
from voisin.certificate.project import CertificateResult, certify_run, verify_run
from voisin.errors import InputError
from voisin.evaluation.verdict import Scores
from voisin.explanation.page import Explanation
from voisin.explanation.project import SYSTEM, StoredSystem, explain_image
from voisin.prediction.model import MODEL, load_model
from voisin.progress import show_progress
from voisin.project.answers import TakenAnswers, take_answers
from voisin.project.exports import read_labels
from voisin.project.finished_run import FinishedRun
from voisin.project.label_events import LabelEvents
from voisin.project.stored import load
from voisin.querying.project import Suggestions, suggest_images
from voisin.querying.registry import DEFAULT
from voisin.report.run_view import describe_run, render_run
from voisin.training.pseudo_labels import PseudoLabelRound
from voisin.types import AskedProgress, Propagation

if TYPE_CHECKING:
    import pyarrow as pa

    from voisin.prediction.predictions import NewPredictions
    from voisin.prediction.predictor import Predictor
    from voisin.sources.new_images import NewImages


class Run(FinishedRun):
    """A finished run: its results, its files, and methods that explain, suggest, predict, certify.

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
        All results, as arrays.
    """

    def __repr__(self) -> str:
        return "\n".join(describe_run(self))

    def _repr_html_(self) -> str:
        return render_run(self)

    @property
    def report(self) -> Path:
        """Path of the report, a page to open in a browser."""
        return self.folder / "report.html"

    @cached_property
    def labels(self) -> "pa.Table":
        """The labels as ``labels.parquet`` has them: a row for each image of the pool.

        Its columns are listed in :doc:`files`. pandas and polars take the table as it is:
        ``run.labels.to_pandas()``, ``polars.from_arrow(run.labels)``.

        Raises
        ------
        ProjectError
            If the file is gone or damaged.
        """
        return read_labels(self.folder)

    @property
    def propagation(self) -> Propagation:
        """What propagation gave the pool's images, before calibration and decision.

        The labels of the run and their probabilities are ``result.assigned`` and
        ``result.confidence``.
        """
        return self.result.propagation

    @property
    def scores(self) -> tuple[Scores, ...]:
        """Scores for each method and scope; empty if no true label is known."""
        return self.result.scores

    @property
    def rounds(self) -> tuple[PseudoLabelRound, ...]:
        """Rounds of pseudo-labels; empty if the expert network was loaded from a file."""
        return self.result.rounds

    def score_of(self, method: str, scope: str) -> Scores:
        """Return the scores of one method in one scope.

        Raises
        ------
        InputError
            If there are no such scores; the message lists those there are.
        """
        for scores in self.scores:
            if (scores.method, scores.scope) == (method, scope):
                return scores
        there = ", ".join(f"{row.method} on {row.scope}" for row in self.scores) or "none"
        message = f"There are no scores of {method!r} on {scope!r}; there are: {there}."
        raise InputError(message)

    def explain(self, image: int | str, *, n_paths: int = 3) -> Explanation:
        """Explain why an image got its label: by labeled images, neighbors, and paths.

        Parameters
        ----------
        image : int or str
            Its id; or its position in the pool, or after it among the test images.
        n_paths : int, default=3
            How many of the strongest paths to labeled images to return for each class.

        Returns
        -------
        Explanation
            Its ``attribution`` holds the shares; ``as_dict()`` returns them ready for JSON. Where
            no shares are known, it names the nearest labeled images.

        Raises
        ------
        InputError
            If there is no such image.
        """
        return explain_image(self, self._system, image, n_paths=n_paths)

    @cached_property
    def _system(self) -> StoredSystem:
        return load(self.folder / SYSTEM, StoredSystem)

    def suggest(
        self, n: int = 20, *, strategy: str = DEFAULT, progress: AskedProgress = None
    ) -> Suggestions:
        """Suggest which images to label next, and write them to a table and a page.

        ``suggestions.csv`` has the columns id, path, current, probability, reason, drawn, label:
        first the suggestions, with an empty label to be filled in, then the images labeled so far,
        so that the whole table can be given to the next run as its labels. ``suggestions.html``
        shows them.

        Parameters
        ----------
        n : int, default=20
        strategy : str, default="mixed"
            One of `voisin.querying.registry.STRATEGIES`.
        progress : callable or bool, optional

        Raises
        ------
        InputError
            If there is no such strategy, or no image is left to label.
        """
        with show_progress(progress) as shown:
            return suggest_images(self, n=n, strategy=strategy, progress=shown)

    def label(
        self,
        *files: str | Path,
        rater: str | None = None,
        id_column: str | None = None,
        label_column: str | None = None,
        new_class: Iterable[str] = (),
    ) -> TakenAnswers:
        """Store the answers in tables, such as ``suggestions.csv``, for the next run to use.

        A row counts if a person wrote it: see `voisin.sources.label_table`. All answers are kept
        as events in ``labels.sqlite``; an answer that changes another is a further event.

        Parameters
        ----------
        *files : str or Path
            CSV, TSV or Parquet files; if one of them cannot be used, nothing is stored.
        rater : str, optional
            Who answered, where no column ``rater`` says it. By default it is whoever is logged in
            for the tables that voisin writes, and the name of the file for others.
        id_column, label_column : str, optional
        new_class : iterable of str
            Classes that are new, although they look like typing errors.

        Raises
        ------
        InputError
            If a table cannot be used, names an image that is not there, or a class that looks like
            a typing error.
        """
        return take_answers(
            self,
            files,
            rater=rater,
            id_column=id_column,
            label_column=label_column,
            new_class=new_class,
        )

    @property
    def label_events(self) -> LabelEvents:
        """The store of all answers that people gave, ``labels.sqlite``."""
        return LabelEvents(self.folder)

    def audit(self, *, progress: AskedProgress = None) -> AuditResult:
        """Find labels and images not to trust, and write them to files; change no label.

        Writes ``audit.html``, ``audit.csv`` and ``audit.parquet``.
        """
        with show_progress(progress) as shown:
            return audit_run(self, progress=shown)

    def predict(self, images: "NewImages", *, progress: AskedProgress = None) -> "NewPredictions":
        """Label new images as the run labeled its own; the first call loads what that needs.

        Parameters
        ----------
        images : str, Path, array, picture, ImageCollection, or a sequence of these
            Files or folders of images; arrays of shape (height, width[, 3]) for one image or
            (n, height, width[, channels]) for several; pictures of Pillow.
        progress : callable or bool, optional

        Returns
        -------
        NewPredictions
            ``labels``, calibrated ``probabilities``, the nearest labeled images, and which images
            are ``unlike`` anything seen; ``rows()`` and ``write(path)`` give all as a table.

        Raises
        ------
        InputError
            If there is no image, none can be read, or the run cannot label new ones.
        """
        with show_progress(progress) as shown:
            return self.predictor.predict(images, progress=shown)

    def export(self, path: str | Path) -> Path:
        """Write the classifier as one file, from pixels to calibrated probabilities and labels.

        Parameters
        ----------
        path : str or Path
            ``.onnx`` for any program, or ``.safetensors``, the run's own file of weights.

        Raises
        ------
        InputError
            If the suffix is another, the file cannot be written there, or an embedder is a model
            or a file of your own, which an ONNX file cannot hold.
        MissingDependencyError
            If PyTorch or onnx is not installed.
        """
        from voisin.prediction.export import export_model

        return export_model(load_model(self.folder / MODEL), Path(path))

    @cached_property
    def predictor(self) -> "Predictor":
        """What `predict` uses: the run's embedders, graph and classifier, loaded."""
        from voisin.prediction.predictor import Predictor

        return Predictor(self)

    def certify(
        self,
        *,
        error: float = 0.05,
        confidence: float = 0.95,
        n_checks: int = 500,
        random_state: int = 0,
        answers: str | Path | None = None,
    ) -> CertificateResult:
        """Draw images for an expert to check, and state what the answers so far prove.

        The first call writes ``checks.csv``: a random sample of the surest images, with an empty
        column for the answers, and ``checks.html``, a page to answer it by clicks. Each later call
        reads the answers, states the largest set that they certify, and adds the rows that could
        extend it.

        Parameters
        ----------
        error : float, default=0.05
            Largest share of wrong labels in the set.
        confidence : float, default=0.95
            Probability that this holds, over the random choice of the checks.
        n_checks : int, default=500
            Largest number of checks over all calls.
        random_state : int, default=0
            Decides the order of the checks.
        answers : str or Path, optional
            A table with answers beside those in ``checks.csv``, as the page of checks saves it.

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
            answers=None if answers is None else Path(answers),
        )

    def verify(self) -> tuple[str, ...]:
        """Compute the certificate again; return its errors, an empty tuple if it holds.

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
