"""Find groups, such as patients, with images on both sides of a split or of the labels.

Images of one group are more alike than others, so figures on one side are too good if the method
learned from the other side. This module must not know vectors or pictures.
"""

import numpy as np

from voisin.audit.findings import WORTH_KNOWING, WRONG, AuditedImages, Entry, Finding
from voisin.types import UNLABELED, Progress


def check_groups(images: AuditedImages, _: Progress) -> list[Finding]:
    """Look for groups on both sides of a split, or with both labeled and unlabeled images."""
    if images.groups is None:
        return []
    in_graph, labeled = images.splits == "train", images.all_labels != UNLABELED
    findings = []
    for name, severity, known, judged, title, advice in (
        (
            "groups-across-splits",
            WRONG,
            in_graph,
            ~in_graph,
            "images set apart share a group with an image of the graph",
            "The figures on them are too good: read those of the scope without leaks, or split by "
            "group.",
        ),
        (
            "groups-across-labels",
            WORTH_KNOWING,
            labeled,
            ~labeled & in_graph,
            "unlabeled images share a group with a labeled one",
            "They are easier than others: figures on unlabeled images are a little too good.",
        ),
    ):
        first = {str(images.groups[i]): i for i in np.flatnonzero(known)[::-1].tolist()}
        entries = tuple(
            Entry(i, first[group], note=f"group {group}")
            for i in np.flatnonzero(judged).tolist()
            if (group := str(images.groups[i])) in first
        )
        if entries:
            findings.append(Finding(name, severity, f"{len(entries):,} {title}", advice, entries))
    return findings
