"""The commands to go on with after a run, for its very folder; it knows no HTML."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.evaluation.metrics import certainty
from voisin.report.content import ReportContent
from voisin.types import UNLABELED

_SUGGESTED = 20  # images that `voisin suggest` asks for unless it is told


@dataclass(frozen=True)
class NextStep:
    """A question, the command that answers it, and what the answer is."""

    question: str
    command: str
    answer: str


def next_steps(content: ReportContent) -> tuple[NextStep, ...]:
    """List what can be asked of the run; nothing where it is not told in which folder it is.

    The image to explain is the one that is stated with the least certainty. What would end in an
    error is left out: explanations where the method has none, certificates where nothing was
    found, suggestions where fewer than two images are without label.
    """
    if not content.folder:
        return ()
    steps = [_suggest(content), _explain(content), _audit(content), _certify(content)]
    return tuple(step for step in steps if step is not None)


def _suggest(content: ReportContent) -> NextStep | None:
    n_left = int((content.labels == UNLABELED).sum())
    if n_left < 2:
        return None
    fewer = ("--n", str(n_left - 1)) if n_left <= _SUGGESTED else ()
    return NextStep(
        "What should I label next?",
        command("suggest", content.folder, options=fewer),
        "The images whose labels would teach most, with pictures, a table to fill in, and a "
        "forecast of what the answers would change.",
    )


def _explain(content: ReportContent) -> NextStep | None:
    found = _found(content)
    if not found.any() or not content.explainable:
        return None
    doubtful = np.flatnonzero(found)
    least = doubtful[certainty(content.stated[doubtful]).argmin()]
    return NextStep(
        "Why did an image get its label?",
        command("explain", content.folder, str(content.images.ids[least])),
        "The labeled images it came from, with their shares, and what speaks against it. This id "
        "is the least certain image; any other will do.",
    )


def _audit(content: ReportContent) -> NextStep:
    return NextStep(
        "What should I not believe?",
        command("audit", content.folder),
        "Near-duplicates on both sides of a split, given labels that the images around them "
        "contradict, gaps and outliers; the most serious first.",
    )


def _certify(content: ReportContent) -> NextStep | None:
    if not _found(content).any():
        return None
    return NextStep(
        "Which labels can I rely on?",
        command("certify", content.folder),
        "A list of images drawn at random for you to check; your answers then vouch for the "
        "largest set of labels of which at most 5% are wrong.",
    )


def _found(content: ReportContent) -> NDArray[np.bool_]:
    """Tell which images were given a label by the run."""
    return np.asarray((content.labels == UNLABELED) & content.reached)


def command(name: str, *arguments: str, options: Sequence[str] = ()) -> str:
    """Write a command as a shell reads it; what begins with a dash is not taken for an option.

    Examples
    --------
    >>> command("explain", "my run", "-7")
    "voisin explain -- 'my run' -7"
    >>> command("suggest", "run", options=("--n", "3"))
    'voisin suggest --n 3 run'
    """
    apart = ["--"] if any(one.startswith("-") for one in arguments) else []
    return shlex.join(["voisin", name, *options, *apart, *arguments])
