"""Every image of a run is explained, whatever method found its label."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax
from typer.testing import CliRunner

from tests.finished_runs import write_run
from tests.labeling.problems import few_labels
from voisin.cli.app import app
from voisin.explanation.evidence import Evidence
from voisin.explanation.project import SYSTEM, take_apart
from voisin.labeling.registry import METHODS, make_method
from voisin.neighbors.graph import find_components
from voisin.pipeline.open_run import open_run
from voisin.project.stored import save

ALONE = 89  # an image with no path to a label

every_method = pytest.mark.parametrize("method", METHODS)


def problem_with_an_image_alone(n=4):
    problem, _ = few_labels(n)
    affinity = problem.data.affinity.tolil()
    affinity[ALONE, :], affinity[:, ALONE] = 0, 0
    alone = affinity.tocsr()
    alone.eliminate_zeros()
    labels = problem.labels.copy()
    labels[ALONE] = -1
    return replace(problem, data=replace(problem.data, affinity=alone), labels=labels, folds=())


def keep(folder, method, problem):
    """Write what a run by a method leaves for explanations, with its test images."""
    labeling = make_method(method, alpha=0.8).label(problem)
    name = "consensus" if method == "auto" else method  # what it takes without folds
    system, _ = take_apart(labeling, problem, name, labeling.propagation.labels)
    write_run(
        folder,
        settings={"n_neighbors": 6, "method": method},
        ids=np.array([f"p/{i}.png" for i in range(90)]),
        class_names=("a", "b", "c"),
        labels=problem.labels,
        embeddings=problem.data.embeddings,
        affinity=problem.data.affinity,
        linked=find_components(problem.data.affinity).reached(problem.labels),
        propagation=labeling.propagation,
        induction=labeling.induction,
        test_ids=np.array([f"t/{i}.png" for i in range(10)]),
        test_embeddings=problem.data.new_embeddings,
    )
    save(folder / SYSTEM, system)
    return labeling


def shares_of(account):
    """All numbers of the evidence for a class, by kind."""
    learned = account["by_classifier"] or {"labeled": [], "constant": 0}
    return {
        "labeled": [row["share"] for row in account["by_contributors"]["labeled"]],
        "neighbors": [row["share"] for row in account["by_neighbors"]["neighbors"]],
        "classifier": [row["share"] for row in learned["labeled"]],
        "nearest": [row["similarity"] for row in account["nearest"]],
    }


@every_method
def test_labeled_found_unlinked_and_test_images_are_explained_with_labeled_images_that_count(
    tmp_path, method
):
    problem = problem_with_an_image_alone()
    labeling = keep(tmp_path, method, problem)
    run = open_run(tmp_path)
    given = int(np.flatnonzero(problem.labels >= 0)[0])
    found = int(np.flatnonzero(problem.labels < 0)[0])
    states = {given: "label given", found: "labels", "t/3.png": "labels", 95: "labels"}
    if labeling.propagation.reached[ALONE]:
        states[ALONE] = "classifier"

    for image, evidence in states.items():
        why = run.explain(image).as_dict()

        assert why["evidence"] == evidence
        assert why["predicted"]["label"] in "abc"
        shares = shares_of(why["predicted"])
        assert shares["labeled"] or shares["classifier"] or shares["nearest"], image
        for name, kind in shares.items():
            assert name == "nearest" or min(kind, default=1) > 0
            assert kind == sorted(kind, reverse=True)


@every_method
@pytest.mark.parametrize("image", ["p/0.png", "p/89.png", "t/3.png"])
def test_the_command_shows_evidence_and_no_column_of_zeros(tmp_path, method, image):
    keep(tmp_path, method, problem_with_an_image_alone())

    shown = CliRunner().invoke(app, ["explain", str(tmp_path), image])
    as_json = CliRunner().invoke(app, ["explain", str(tmp_path), image, "--json"])

    assert (shown.exit_code, as_json.exit_code) == (0, 0), shown.output
    assert json.loads(as_json.stdout)["id"] == image
    if "no evidence" not in shown.stdout:
        kinds = ("labeled image", "for the classifier", "nearest labeled")
        rows = [line for line in shown.stdout.splitlines() if any(kind in line for kind in kinds)]
        assert rows
        assert not all("0.0%" in row for row in rows)


@every_method
def test_of_a_test_image_the_shares_of_neighbors_and_labeled_images_sum_to_one(tmp_path, method):
    keep(tmp_path, method, problem_with_an_image_alone())

    for image in ("t/0.png", "t/9.png"):
        account = open_run(tmp_path).explain(image).as_dict()["predicted"]
        near, sources = account["by_neighbors"], account["by_contributors"]

        total = near["own"] + sum(row["share"] for row in near["neighbors"])
        assert total == pytest.approx(1, abs=1e-6)
        if sources["labeled"]:
            total = sources["classifier"] + sources["class_priors"]
            total += sum(row["share"] for row in sources["labeled"])
            assert total == pytest.approx(1, abs=1e-2)


def test_the_parts_of_the_classifier_sum_to_its_log_odds():
    problem, _ = few_labels(5)
    labeling = make_method("classifier").label(problem)
    dual = take_apart(labeling, problem, "classifier", labeling.labels)[0].classifier
    vectors, labeled = problem.data.embeddings, np.flatnonzero(problem.labels >= 0)

    for image in (0, 40, 80):
        sums = []
        for c in range(3):
            parts, constant = dual.parts_of(vectors[labeled], vectors[image], c)
            sums.append(parts.sum() + constant)
        np.testing.assert_allclose(
            softmax(sums), labeling.propagation.probabilities[image], atol=1e-3
        )


def test_the_parts_of_poisson_learning_sum_to_its_score():
    problem = replace(few_labels(4)[0], folds=())
    labeling = make_method("poisson").label(problem)
    data, found = problem.data, labeling.propagation.probabilities
    evidence = Evidence(
        "poisson", None, None, data.affinity, data.embeddings, problem.labels, found, "cosine"
    )

    for image in (0, 40, 80):
        scores = evidence.flow_to(image).sum(axis=0)
        logs = np.log(found[image]) - np.log(found[image]).mean()
        factor = (scores @ logs) / (scores @ scores)
        np.testing.assert_allclose(scores * factor, logs, atol=1e-3)


def test_the_method_without_parts_names_the_nearest_labeled_images_of_the_class(tmp_path):
    problem = problem_with_an_image_alone()
    keep(tmp_path, "poisson-mbo", problem)

    account = open_run(tmp_path).explain(0).as_dict()["predicted"]

    of_class = np.flatnonzero(problem.labels == "abc".index(account["label"]))
    unit = problem.data.embeddings / np.linalg.norm(problem.data.embeddings, axis=1)[:, None]
    similarity = unit[of_class] @ unit[0]
    order = np.argsort(-similarity)
    assert [row["id"] for row in account["nearest"]] == [f"p/{of_class[i]}.png" for i in order]
    shown = [row["similarity"] for row in account["nearest"]]
    np.testing.assert_allclose(shown, similarity[order], atol=1e-3)
