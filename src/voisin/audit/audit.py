"""List all checks of an audit, and run them.

This module must not know what a check looks for. To add a check, write a function of type `Check`
in a file of this folder, and add it to `CHECKS`.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from voisin.audit.coverage import check_class_coverage, check_unlabeled_components
from voisin.audit.duplicates import check_duplicates
from voisin.audit.findings import AuditedImages, Finding
from voisin.audit.groups import check_groups
from voisin.audit.hubs import check_hubs, check_outliers
from voisin.audit.suspect_labels import check_suspect_labels, leave_one_out
from voisin.types import UNLABELED, Progress, no_progress

Check = Callable[[AuditedImages, Progress], Sequence[Finding]]

CHECKS: tuple[Check, ...] = (
    check_duplicates,
    check_groups,
    check_suspect_labels,
    check_class_coverage,
    check_unlabeled_components,
    check_outliers,
    check_hubs,
)
"""All checks. Findings of equal severity are listed in this order."""


def run_checks(images: AuditedImages, *, progress: Progress = no_progress) -> tuple[Finding, ...]:
    """Run every check; return the findings, worst first."""
    if (images.labels != UNLABELED).any():
        probabilities = leave_one_out(
            images.affinity, images.labels, n_classes=len(images.class_names), progress=progress
        )
        images = replace(images, graph_probabilities=probabilities)
    findings = [finding for check in CHECKS for finding in check(images, progress)]
    return tuple(sorted(findings, key=lambda finding: -finding.severity))
