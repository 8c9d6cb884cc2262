"""Certify a finished project: draw the next checks, and state what the answers prove."""

import re
import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from voisin import __version__
from voisin.certificate.answers import (
    ANSWER,
    CERTIFICATE,
    CERTIFIED,
    CHECKS,
    FoundLabels,
    certified_text,
    checks_text,
    read_certificate,
    read_checks,
    read_found_labels,
)
from voisin.certificate.betting import (
    SHARES,
    Certification,
    CheckForecast,
    RiskTarget,
    certify_sets,
    forecast_checks,
    random_order,
)
from voisin.certificate.page import (
    CertificateContent,
    ChecksContent,
    render_certificate,
    render_checks,
)
from voisin.errors import InputError, ProjectError, VoisinError
from voisin.project.cache import hash_of
from voisin.project.exports import to_json
from voisin.project.finished_run import FinishedRun
from voisin.project.folder import Project
from voisin.report.answering import Questions
from voisin.report.language import choose_language
from voisin.types import ShortRepr
from voisin.validation import check_count, check_in_closed_interval

PAGE, CHECKS_PAGE = "certificate.html", "checks.html"
_SUPPOSED = (0.0, 0.2, 0.4)  # error rates of the forecasts, as shares of the allowed error rate


@dataclass(frozen=True, eq=False, repr=False)
class CertificateResult(ShortRepr):
    """The certificate of a project, and the checks that are left.

    Attributes
    ----------
    folder : Path
        Holds ``checks.csv``, ``certificate.json``, ``certified.csv`` and ``certificate.html``.
    document : dict
        The content of ``certificate.json``.
    n_waiting : int
        Number of rows of ``checks.csv`` without an answer.
    forecasts : tuple of CheckForecast
        How many checks to expect; empty as soon as there are answers.
    """

    folder: Path
    document: dict[str, Any]
    n_waiting: int
    forecasts: tuple[CheckForecast, ...] = ()

    @property
    def statement(self) -> str:
        """The certificate in one sentence."""
        return str(self.document["statement"])


def certify_run(
    run: FinishedRun,
    *,
    error: float = 0.05,
    confidence: float = 0.95,
    n_checks: int = 500,
    random_state: int = 0,
    answers: Path | None = None,
) -> CertificateResult:
    """Draw images of a run to check, and state what the answers so far prove.

    Raises
    ------
    ProjectError
        If the labels changed since the checks were drawn.
    InputError
        If a setting is out of range, a setting differs from those with which the checks were drawn,
        or an answer is no class.
    """
    target = RiskTarget(error, confidence)
    check_count("n_checks", n_checks, 1)
    check_in_closed_interval("random_state", random_state, 0, 2**32 - 1)
    folder = run.folder
    labels_found = read_found_labels(folder)
    written = read_checks(folder / CHECKS, labels_found.class_names)
    plan = _plan(labels_found, target, random_state)
    _check_plan(folder, plan, written)
    _check_ids(folder / CHECKS, labels_found, written)
    if answers is not None:
        if not answers.is_file():
            message = f"{answers} is no file: pass the table that the page of checks saved."
            raise InputError(message)
        saved = read_checks(answers, labels_found.class_names)
        _check_ids(answers, labels_found, saved)
        written |= {id_: answer for id_, answer in saved.items() if answer}
        _check_plan(folder, plan, written)
    state = _state(labels_found, written, target, random_state)
    asked = _asked(labels_found, written, state, n_checks)
    document = _document(labels_found, plan, state, written)
    forecasts = () if any(written.values()) else _forecasts(labels_found, target, n_checks)
    result = CertificateResult(folder, document, sum(not row[-1] for row in asked), forecasts)
    _write(result, labels_found, asked, written, run)
    return result


def verify_run(run: FinishedRun) -> tuple[str, ...]:
    """Compute a certificate again from the labels and the answers, and return the differences.

    Raises
    ------
    ProjectError
        If there is no certificate.
    """
    folder = run.folder
    certificate = read_certificate(folder)
    if certificate is None:
        message = f"{folder} has no {CERTIFICATE}: make one with `voisin certify`."
        raise ProjectError(message)
    try:
        target = RiskTarget(
            certificate["risk_target"]["error"], certificate["risk_target"]["confidence"]
        )
        random_state = int(certificate["random_state"])
        labels_found = read_found_labels(folder)
        written = read_checks(folder / CHECKS, labels_found.class_names)
        _check_ids(folder / CHECKS, labels_found, written)
        plan = _plan(labels_found, target, random_state)
        state = _state(labels_found, written, target, random_state)
        recomputed = _document(labels_found, plan, state, written)
    except (KeyError, TypeError, ValueError) as error:
        return (f"{CERTIFICATE} cannot be computed again: {error}",)
    recomputed = {**recomputed, "versions": certificate.get("versions")}
    differ = [
        f"{name}: the certificate says {_short(certificate.get(name))}, "
        f"the files say {_short(value)}"
        for name, value in recomputed.items()
        if certificate.get(name) != value
    ]
    certified = certified_text(
        labels_found, _size(recomputed), written, run.settings["csv_separator"]
    )
    if not _is_as_written(folder / CERTIFIED, certified):
        differ.append(f"{CERTIFIED}: it is not the set that the certificate is about")
    return tuple(differ)


def _size(document: Mapping[str, Any]) -> int:
    return int(document["certified"]["n_images"])


def _is_as_written(path: Path, text: str) -> bool:
    """Check whether a file has the rows of a text; line ends and the header may differ."""
    try:
        return path.read_text(encoding="utf-8").splitlines()[1:] == text.splitlines()[1:]
    except (OSError, ValueError):
        return False


def _short(value: Any) -> str:
    text = re.sub(r"\s+", " ", str(value))
    return text if len(text) <= 120 else f"{text[:117]}..."


def _plan(labels_found: FoundLabels, target: RiskTarget, random_state: int) -> dict[str, Any]:
    """Return the part of the certificate that is fixed before the first check."""
    return {
        "risk_target": {"error": target.error, "confidence": target.confidence},
        "random_state": random_state,
        "shares": list(SHARES),
        "population": {"n_images": len(labels_found), "fingerprint": labels_found.fingerprint},
    }


def _check_plan(folder: Path, plan: Mapping[str, Any], written: Mapping[str, str]) -> None:
    """Refuse answers to checks that were drawn under another plan."""
    if not any(written.values()):
        return
    earlier = read_certificate(folder)
    anew = f"move {CHECKS} and {CERTIFICATE} away to begin anew with fresh checks."
    if earlier is None:
        message = (
            f"{folder / CHECKS} holds answers, but {CERTIFICATE}, which says for which risk "
            f"target, is gone: put it back, or {anew}"
        )
        raise ProjectError(message)
    if earlier.get("population") != plan["population"]:
        message = f"The labels of {folder} changed since the checks were drawn: {anew}"
        raise ProjectError(message)
    for name in ("risk_target", "random_state", "shares"):
        if earlier.get(name) != plan[name]:
            message = (
                f"{folder / CHECKS} was drawn for {_said(name, earlier)}, not {_said(name, plan)}: "
                f"the risk target must be fixed before the answers. Pass the same again, or {anew}"
            )
            raise InputError(message)


def _check_ids(path: Path, labels_found: FoundLabels, written: Mapping[str, str]) -> None:
    """Refuse answers for unknown ids, before any file is written."""
    known = set(labels_found.ids.tolist())
    strange = [id_ for id_, answer in written.items() if answer and id_ not in known]
    if strange:
        message = (
            f"{path} answers for ids that no image has, first {strange[0]!r} "
            f"(ids look like {labels_found.ids[0]!r}): a spreadsheet may have changed them. Write "
            "them as they were; nothing was changed."
        )
        raise InputError(message)


def _said(name: str, plan: Mapping[str, Any]) -> str:
    if name == "risk_target" and isinstance(plan.get(name), dict):
        return ", ".join(f"`{part}={value}`" for part, value in plan[name].items())
    return f"`{name}={plan.get(name)}`"


def _state(
    labels_found: FoundLabels, written: Mapping[str, str], target: RiskTarget, random_state: int
) -> Certification:
    place = {name: i for i, name in enumerate(labels_found.ids.tolist())}
    answers = {
        place[id_]: answer == labels_found.labels[place[id_]]
        for id_, answer in written.items()
        if answer
    }
    return certify_sets(random_order(len(labels_found), random_state), answers, target)


def _asked(
    labels_found: FoundLabels, written: Mapping[str, str], state: Certification, n_checks: int
) -> list[tuple[str, str, str, str]]:
    """Return the rows of ``checks.csv``: first those with an answer, then those to check next."""
    place = {name: i for i, name in enumerate(labels_found.ids.tolist())}
    done = [place[id_] for id_, answer in written.items() if answer]
    rows = [*done, *state.waiting[: max(0, n_checks - len(done))].tolist()]
    return [
        (
            str(labels_found.ids[i]),
            labels_found.paths[i],
            str(labels_found.labels[i]),
            written.get(str(labels_found.ids[i]), ""),
        )
        for i in rows
    ]


def _document(
    labels_found: FoundLabels,
    plan: Mapping[str, Any],
    state: Certification,
    written: Mapping[str, str],
) -> dict[str, Any]:
    size = state.n_certified
    place = {name: i for i, name in enumerate(labels_found.ids.tolist())}
    checks = {id_: answer for id_, answer in written.items() if answer}
    n_wrong = sum(answer != labels_found.labels[place[id_]] for id_, answer in checks.items())
    return {
        "schema": 2,
        "statement": _statement(plan["risk_target"], size, len(labels_found)),
        **plan,
        "certified": {
            "n_images": size,
            "least_confidence": float(labels_found.confidence[size - 1]) if size else None,
            "fingerprint": hash_of(
                [labels_found.ids[:size].tolist(), labels_found.labels[:size].tolist()]
            ),
        },
        "n_checks": len(checks),
        "n_wrong": int(n_wrong),
        "sets": [
            {
                "n_images": stage.n_images,
                "n_checks": stage.n_checks,
                "n_wrong": stage.n_wrong,
                "capital": float(f"{stage.capital:.6g}"),
                "certified": stage.certified,
                "hopeless": stage.hopeless,
            }
            for stage in state.sets
        ],
        "checks": [
            {"id": id_, "proposed": str(labels_found.labels[place[id_]]), "answer": answer}
            for id_, answer in sorted(checks.items())
        ],
        "versions": {"voisin": __version__},
    }


def _statement(target: Mapping[str, float], size: int, n_images: int) -> str:
    if not size:
        return "Nothing is certified yet."
    return (
        f"Of the {size:,} surest of {n_images:,} labels at most {100 * target['error']:.4g} % "
        f"are wrong, with {100 * target['confidence']:.4g} % confidence."
    )


def _forecasts(
    labels_found: FoundLabels, target: RiskTarget, n_checks: int
) -> tuple[CheckForecast, ...]:
    """Forecast the checks for a few error rates, and for the error rate the confidences imply."""
    few = [share * target.error for share in _SUPPOSED]
    even = [forecast_checks(len(labels_found), share, target, most=n_checks) for share in few]
    return (
        *even,
        forecast_checks(len(labels_found), 1 - labels_found.confidence, target, most=n_checks),
    )


def _write(
    result: CertificateResult,
    labels_found: FoundLabels,
    asked: list[tuple[str, str, str, str]],
    written: Mapping[str, str],
    run: FinishedRun,
) -> None:
    settings = run.settings
    size, csv_separator = _size(result.document), settings["csv_separator"]
    images = None
    with suppress(VoisinError):
        images = run.open_pictures(np.array([row[0] for row in asked]))
    project = Project(result.folder)
    with project.locked():
        text = checks_text(asked, csv_separator)
        project.write_text(CHECKS, text)
        certified = certified_text(labels_found, size, written, csv_separator)
        project.write_text(CERTIFIED, certified)
        project.write_text(CERTIFICATE, to_json(result.document))
        content = CertificateContent(
            name=result.folder.resolve().name,
            document=result.document,
            n_waiting=result.n_waiting,
            forecasts=result.forecasts,
            language=choose_language(settings.get("language")),
        )
        project.write_text(PAGE, render_certificate(content))
        blind = [(id_, path, "", answer) for id_, path, _, answer in asked]
        checks = ChecksContent(
            name=content.name,
            questions=Questions(
                file=CHECKS,
                text=checks_text(blind, csv_separator),
                csv_separator=csv_separator,
                n_asked=len(asked),
                answer_column=ANSWER,
                class_names=labels_found.class_names,
                images=images,
                key=hash_of([CHECKS, str(run.folder.resolve()), [row[:2] for row in asked]]),
                command=shlex.join(
                    ["voisin", "certify", str(run.folder.resolve()), "--answers", CHECKS]
                ),
                may_be_new=False,
            ),
            language=content.language,
        )
        project.write_text(CHECKS_PAGE, render_checks(checks))
