"""What not to believe, worst first: the checks of this folder put into words and ordered.

It knows arrays of a pool, and names of its classes; nothing of files, and it changes nothing.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from voisin.audit.coverage import FEW, UnlabeledComponents, class_coverage, unlabeled_components
from voisin.audit.duplicates import Pairs, join_pairs, near_pairs, same_pictures
from voisin.audit.findings import DOUBTFUL, WORTH_KNOWING, WRONG, AuditedImages, Entry, Finding
from voisin.audit.hubs import MOST_SKEW, find_hubs, find_outliers
from voisin.audit.suspect_labels import describe_evidence, leave_one_out, suspect_labels
from voisin.types import (
    UNLABELED,
    Names,
    Probabilities,
    Progress,
    no_progress,
)

_ALPHA = 0.9  # local: labels far away say little of a single one


Check = Callable[[AuditedImages, Progress], Sequence[Finding]]


def run_checks(images: AuditedImages, *, progress: Progress = no_progress) -> tuple[Finding, ...]:
    """Check everything; return what was found, worst first.

    Within a severity, findings stand in the order of the checks: leaks, labels, coverage, graph.
    """
    found = [finding for check in CHECKS for finding in check(images, progress)]
    return tuple(sorted(found, key=lambda finding: -finding.severity))


def check_duplicates(images: AuditedImages, progress: Progress) -> list[Finding]:
    """Look for near-duplicates: across splits, with different labels, and all others."""
    pairs = near_pairs(images.neighbors)
    if images.pixels is not None:
        pairs = join_pairs(pairs, same_pictures(images.pixels, progress=progress))
    left, right = pairs.images.T
    labels = images.everywhere
    apart = images.splits[left] != images.splits[right]
    known = (labels[left] != UNLABELED) & (labels[right] != UNLABELED)
    odds = known & (labels[left] != labels[right])
    drawn = ~apart & ((labels[left] != UNLABELED) ^ (labels[right] != UNLABELED))
    other = ~(apart | odds | drawn)
    kinds = (
        (
            "duplicates-across-splits",
            WRONG,
            apart,
            "on both sides of a split",
            "The test knows these images already, so its figures are too good. Keep both images of "
            "a pair in one split, or take one out.",
        ),
        (
            "duplicates-with-different-labels",
            WRONG,
            odds,
            "with different labels",
            "At least one label of each pair is wrong. Look at both.",
        ),
        (
            "duplicates-of-labeled",
            WORTH_KNOWING,
            drawn,
            "of a labeled and an unlabeled image",
            "The other image is easy: figures on unlabeled images are a little too good.",
        ),
        (
            "duplicates",
            WORTH_KNOWING,
            other,
            "",
            "They count twice in every figure, and labeling both is a waste.",
        ),
    )
    return [
        Finding(name, severity, _told(chosen, title), advice, _of_pairs(pairs.take(chosen)))
        for name, severity, chosen, title, advice in kinds
        if chosen.any()
    ]


def _told(chosen: NDArray[np.bool_], where: str) -> str:
    pairs = _number(int(chosen.sum()), "pair", "pairs")
    return f"{pairs} of near-duplicates {where}".strip()


def _number(count: int, one: str, more: str) -> str:
    return f"{count:,} {one if count == 1 else more}"


def _of_pairs(pairs: Pairs) -> tuple[Entry, ...]:
    def note(nearness: float, correlation: float, turn: int) -> str:
        words = [] if np.isnan(nearness) else ["vectors far nearer than usual"]
        if turn >= 0:
            alike = "nearly the same picture" + (", turned or mirrored" if turn else "")
            words += [f"{alike} (correlation {correlation:.3f})"]
        return ", ".join(words)

    rows = zip(
        pairs.images.tolist(),
        pairs.nearness.tolist(),
        pairs.correlation.tolist(),
        pairs.turns.tolist(),
        strict=True,
    )
    return tuple(
        Entry(left, right, nearness, note=note(nearness, correlation, turn))
        for (left, right), nearness, correlation, turn in rows
    )


def check_groups(images: AuditedImages, _: Progress) -> list[Finding]:
    """Look for groups on both sides of a split, and of the draw of labels."""
    if images.groups is None:
        return []
    findings = []
    for name, severity, side, title, advice in (
        (
            "groups-across-splits",
            WRONG,
            images.splits != "train",
            "images set apart share a group with an image of the graph",
            "The figures on them are too good: read those of the scope without leaks, or split by "
            "group.",
        ),
        (
            "groups-across-labels",
            WORTH_KNOWING,
            (images.everywhere == UNLABELED) & (images.splits == "train"),
            "unlabeled images share a group with a labeled one",
            "They are easier than others: figures on unlabeled images are a little too good.",
        ),
    ):
        rest = (
            images.splits == "train"
            if name == "groups-across-splits"
            else images.everywhere != UNLABELED
        )
        entries = _shared_groups(images.groups, side, rest)
        if entries:
            findings.append(Finding(name, severity, f"{len(entries):,} {title}", advice, entries))
    return findings


def _shared_groups(
    groups: Names, side: NDArray[np.bool_], rest: NDArray[np.bool_]
) -> tuple[Entry, ...]:
    first: dict[str, int] = {}
    for image in np.flatnonzero(rest)[::-1].tolist():
        first[str(groups[image])] = image
    return tuple(
        Entry(image, first[str(groups[image])], note=f"group {groups[image]}")
        for image in np.flatnonzero(side).tolist()
        if str(groups[image]) in first
    )


def check_labels(images: AuditedImages, progress: Progress) -> list[Finding]:
    """Look for contradicted labels, and for classes that labels do not cover."""
    if not (images.labels != UNLABELED).any():
        return []
    left_out = leave_one_out(
        images.affinity,
        images.labels,
        n_classes=len(images.class_names),
        alpha=_ALPHA,
        progress=progress,
    )
    return [*_suspects(images, left_out), *_coverage(images, left_out)]


def _suspects(images: AuditedImages, left_out: Probabilities) -> list[Finding]:
    """Rank the labels by what all witnesses say; note what each of them says."""
    witnesses = {"the graph": left_out}
    if images.witness is not None:
        witnesses["a classifier"] = images.witness
    ranked = suspect_labels(images.labels, *witnesses.values())
    names = images.class_names
    suspects = (ranked.support < 1 / len(names)) & (ranked.suggestions != ranked.labels)
    if not suspects.any():
        return []
    place = np.searchsorted(np.flatnonzero(images.labels != UNLABELED), ranked.rows)
    entries = tuple(
        Entry(
            int(ranked.rows[i]),
            score=float(ranked.suspicion[i]),
            suggestion=int(ranked.suggestions[i]),
            note=f"labeled {names[ranked.labels[i]]}; "
            + describe_evidence(
                {name: said[place[i]] for name, said in witnesses.items()},
                names,
                names[ranked.suggestions[i]],
            ),
        )
        for i in np.flatnonzero(suspects)
    )
    verb = "is" if len(entries) == 1 else "are"
    title = f"{len(entries):,} of {len(ranked.rows):,} labels {verb} contradicted"
    find = "the graph finds" if len(witnesses) == 1 else "the graph and a classifier together find"
    advice = (
        f"Without the label, {find} it less probable than a guess; beside each image stands what "
        "is said of it. Look at the first ones first: a label may be wrong, the image untypical, "
        "or the vectors blind to what makes the class."
    )
    return [Finding("suspect-labels", DOUBTFUL, title, advice, entries)]


def _coverage(images: AuditedImages, left_out: Probabilities) -> list[Finding]:
    classes = class_coverage(images.labels, left_out, len(images.class_names))
    findings = []
    few = [f"{images.class_names[c.label]} ({c.n_labels})" for c in classes if c.has_too_few]
    if few:
        have = _number(len(few), "class has", "classes have")
        title = f"{have} fewer than {FEW} labels: {', '.join(few)}"
        advice = "Such a class is found by luck only. Label more of it."
        findings.append(Finding("few-labels", DOUBTFUL, title, advice))
    scattered = [
        f"{images.class_names[c.label]} ({c.agreement:.0%} of {c.n_labels})"
        for c in classes
        if c.is_scattered
    ]
    if scattered:
        classes_told = _number(len(scattered), "class", "classes")
        title = f"The labels of {classes_told} are scattered: {', '.join(scattered)}"
        advice = (
            "Less than half of these labels would have been found from the others: the vectors do "
            "not tell the class apart. Try another embedding, or label more."
        )
        findings.append(Finding("scattered-labels", DOUBTFUL, title, advice))
    return findings


def check_unlabeled_components(images: AuditedImages, _: Progress) -> list[Finding]:
    """Look for parts of the graph that no label reaches."""
    islands = unlabeled_components(images.affinity, images.labels)
    if not islands.members:
        return []
    count = _number(islands.n_images, "image", "images")
    parts = _number(len(islands.members), "part", "parts")
    title = f"No label reaches {count} along the graph, in {parts} of it"
    advice = f"{_said_of(islands, images.answered)} Label one image of each large part."
    entries = tuple(
        Entry(int(part[0]), score=float(len(part)), note=_among(len(part)))
        for part in islands.members
    )
    return [Finding("islands", DOUBTFUL, title, advice, entries)]


def _among(count: int) -> str:
    return "alone" if count == 1 else f"one of {count:,} images"


def _said_of(islands: UnlabeledComponents, answered: NDArray[np.bool_] | None) -> str:
    if answered is None:
        return "If they have labels, these are a classifier's opinion alone."
    if answered[np.concatenate(islands.members)].any():
        return "What is said of them is the classifier's opinion alone."
    return "They stay without a label."


def check_graph(images: AuditedImages, _: Progress) -> list[Finding]:
    """Look for hubs that dominate, and for images far from all others."""
    findings = []
    hubs, outliers = find_hubs(images.neighbors), find_outliers(images.neighbors)
    if len(outliers.images):
        count = _number(len(outliers.images), "image is", "images are")
        title = f"{count} far from all others"
        advice = (
            "Their labels rest on little: they may be of no known class, damaged, or of another "
            "origin. Look at them before you use their labels."
        )
        entries = tuple(
            Entry(int(image), score=float(score), note=f"{score:.1f} deviations too far")
            for image, score in zip(outliers.images, outliers.scores, strict=True)
        )
        findings.append(Finding("outliers", DOUBTFUL, title, advice, entries))
    if hubs.dominate:
        title = f"Hubs dominate the graph: 1 % of the images are {hubs.share:.0%} of all neighbors"
        advice = (
            f"The skewness is {hubs.skew:.1f}, above {MOST_SKEW:g}: a wrong label on a hub travels "
            "far. Check the labels of hubs, or try another embedding or metric."
        )
        entries = tuple(
            Entry(int(image), score=float(times), note=f"neighbor of {times:,} images")
            for image, times in zip(hubs.images, hubs.times, strict=True)
        )
        findings.append(Finding("hubs", WORTH_KNOWING, title, advice, entries))
    return findings


CHECKS: tuple[Check, ...] = (
    check_duplicates,
    check_groups,
    check_labels,
    check_unlabeled_components,
    check_graph,
)
"""All checks, in the order in which equally severe findings are told; a new one is an entry."""
