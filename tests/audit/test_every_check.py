"""What every check of the audit promises, whatever it looks for."""

from copy import deepcopy
from dataclasses import astuple, replace

import numpy as np
import pytest

from voisin.audit.audit import CHECKS
from voisin.audit.findings import WORTH_KNOWING, WRONG, AuditedImages
from voisin.audit.suspect_labels import leave_one_out
from voisin.neighbors.affinity import build_affinity
from voisin.neighbors.search import find_neighbors
from voisin.report.language import FRENCH
from voisin.types import no_progress

every_check = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
N_GRAPH, N_HELD_OUT, CLASSES = 600, 60, ("cat", "dog", "fox")


@pytest.fixture(scope="module")
def images():
    """Images with one problem at least for every check."""
    generator = np.random.default_rng(0)
    n_images = N_GRAPH + N_HELD_OUT
    truth = np.arange(n_images) % 3
    vectors = generator.standard_normal((n_images, 120)).astype(np.float32)
    vectors[np.arange(n_images), truth] += 5
    vectors[500:520, 100] += 80  # a part that no label reaches
    vectors[530] *= 20  # an outlier
    vectors[540:543] *= 0.05  # hubs: in the middle, and so near to all others
    vectors[N_GRAPH] = vectors[10]  # the same image on both sides of the split
    labels = np.full(N_GRAPH, -1)
    labels[:80] = truth[:80]
    labels[:80][labels[:80] == 2] = -1
    labels[2] = 2  # a class of one label
    labels[[3, 4]] = labels[[4, 3]]  # wrong labels
    neighbors = find_neighbors(vectors[:N_GRAPH], 10, metric="euclidean")
    affinity = build_affinity(neighbors, weights="gaussian")
    return AuditedImages(
        neighbors=find_neighbors(vectors, 10, metric="euclidean"),
        affinity=affinity,
        labels=labels,
        class_names=CLASSES,
        splits=np.repeat(["train", "test"], [N_GRAPH, N_HELD_OUT]),
        groups=np.array([f"patient-{i % 400}" for i in range(n_images)]),
        graph_probabilities=leave_one_out(affinity, labels, n_classes=3),
        answered=np.ones(N_GRAPH, dtype=bool),
    )


@every_check
def test_a_planted_problem_is_found_and_said(check, images):
    findings = check(images, no_progress)

    assert findings
    for finding in findings:
        assert WORTH_KNOWING <= finding.severity <= WRONG
        assert finding.check
        assert finding.title
        assert finding.advice.endswith(".")


@every_check
def test_entries_name_images_that_exist_and_classes_that_exist(check, images):
    for finding in check(images, no_progress):
        for entry in finding.entries:
            assert 0 <= entry.image < len(images.splits)
            assert -1 <= entry.other < len(images.splits)
            assert entry.other != entry.image
            assert -1 <= entry.suggestion < len(CLASSES)


@every_check
def test_checking_twice_finds_the_same_and_changes_nothing(check, images):
    before = deepcopy(images)

    once, again = (check(images, no_progress) for _ in range(2))

    assert repr([astuple(finding) for finding in once]) == repr(
        [astuple(finding) for finding in again]
    )
    np.testing.assert_array_equal(images.labels, before.labels)
    np.testing.assert_array_equal(images.affinity.data, before.affinity.data)
    np.testing.assert_array_equal(images.neighbors.distances, before.neighbors.distances)
    np.testing.assert_array_equal(images.graph_probabilities, before.graph_probabilities)


@every_check
def test_what_is_not_known_is_no_reason_to_fail(check, images):
    """Without groups, pixels, answers and any probability, a check says less, and never fails."""
    unknown = replace(images, groups=None, graph_probabilities=None, answered=None)

    found = {finding.check for finding in check(unknown, no_progress)}

    assert found <= {finding.check for finding in check(images, no_progress)}


def test_no_two_checks_share_the_name_of_a_finding(images):
    names = [
        name
        for check in CHECKS
        for name in {finding.check for finding in check(images, no_progress)}
    ]

    assert len(names) == len(set(names))


@every_check
def test_every_finding_and_note_is_said_in_french_too(check, images):
    for finding in check(images, no_progress):
        for said in (finding.title, finding.advice, *(entry.note for entry in finding.entries)):
            assert FRENCH.note(said) != said
