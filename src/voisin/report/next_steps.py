"""Suggest the commands to run next, with the run's folder. This module must not know HTML."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from voisin.calibration.calibrate import FEWEST_AT_RANDOM
from voisin.report.content import ReportContent
from voisin.types import AT_RANDOM, UNLABELED

_SUGGESTED = 20  # must equal the default of `voisin suggest --n`
# Images drawn at random, by hand: then the standard error of a share is at most 0.07.
_AT_RANDOM = 50


@dataclass(frozen=True)
class NextStep:
    """A question, the command that answers it, and a description of the answer."""

    question: str
    command: str
    answer: str


def next_steps(content: ReportContent) -> tuple[NextStep, ...]:
    """Return the questions that a run can answer; none if its folder is not known.

    The image to explain is the one with the most doubtful label. A command that would fail is left
    out: explanations if the method has none, certificates if the run labeled no image, and
    suggestions if fewer than two images are unlabeled. A random sample is suggested if nobody knows
    how common the classes are.
    """
    if not content.folder:
        return ()
    unlabeled = content.labels == UNLABELED
    n_unlabeled = int(unlabeled.sum())
    labeled_by_run = np.flatnonzero(unlabeled & content.reached)
    say, steps = content.language, []
    if n_unlabeled >= 2:
        fewer = ("--n", str(n_unlabeled - 1)) if n_unlabeled <= _SUGGESTED else ()
        suggest = NextStep(
            say("Which images should I label next?"),
            write_command("suggest", content.folder, options=fewer),
            say(
                "Lists the images whose labels would improve the result most, with pictures, a "
                "table to fill in, and a forecast of what your answers would change."
            ),
        )
        steps.append(suggest)
    if len(labeled_by_run):
        certify = NextStep(
            say("Which labels can I rely on?"),
            write_command("certify", content.folder),
            say(
                "Draws images at random for you to check. From your answers it determines the "
                "largest set of labels of which at most 5%% are wrong."
            ),
        )
        steps.append(certify)
    audit = NextStep(
        say("Which images and labels look wrong?"),
        write_command("audit", content.folder),
        say(
            "Lists near-duplicates in both training and test, given labels that the most similar "
            "images contradict, classes with too few labels, and outliers; the most serious first."
        ),
    )
    steps.append(audit)
    if len(labeled_by_run) and content.explainable:
        most_doubtful = labeled_by_run[content.confidence[labeled_by_run].argmin()]
        explain = NextStep(
            say("Why did an image get its label?"),
            write_command("explain", content.folder, str(content.images.ids[most_doubtful])),
            say(
                "Shows the labeled images that the label came from, with their shares, and what "
                "speaks against it. The command names the image with the most doubtful label; the "
                "id of any other image works, too."
            ),
        )
        steps.append(explain)
    steps += _ask_for_class_priors(content, n_unlabeled)
    return tuple(steps)


def _ask_for_class_priors(content: ReportContent, n_unlabeled: int) -> list[NextStep]:
    """Suggest a random sample, unless somebody has told how common the classes are."""
    n, say = min(_AT_RANDOM, n_unlabeled - 1), content.language
    calibration = content.calibration
    is_known = calibration is None or calibration.priors_from not in ("images", "even")
    if is_known or n < FEWEST_AT_RANDOM:
        return []
    options = ("--strategy", AT_RANDOM, "--n", str(n))
    return [
        NextStep(
            say("How common is each class?"),
            write_command("suggest", content.folder, options=options),
            say(
                "Your labels do not tell, and the labels found depend on it. Draws images at "
                "random for you to label; the next run takes the shares of the classes from them."
            ),
        )
    ]


def write_command(name: str, *arguments: str, options: Sequence[str] = ()) -> str:
    """Write a shell command; arguments that begin with a dash are kept from being options.

    Examples
    --------
    >>> write_command("explain", "my run", "-7")
    "voisin explain -- 'my run' -7"
    >>> write_command("suggest", "run", options=("--n", "3"))
    'voisin suggest --n 3 run'
    """
    separator = ["--"] if any(argument.startswith("-") for argument in arguments) else []
    return shlex.join(["voisin", name, *options, *separator, *arguments])
