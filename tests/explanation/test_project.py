"""A finished run says why an image got its label: in Python, on the command line, as a page."""

import json
import re
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tests.finished_runs import write_run
from voisin import run
from voisin.cli.app import app
from voisin.cli.explain import _show as show
from voisin.errors import InputError, ProjectError
from voisin.explanation.attribution import attribute
from voisin.explanation.linear_system import linear_system_of
from voisin.explanation.project import (
    SYSTEM,
    describe_contributors,
    take_apart,
    write_explanation,
)
from voisin.labeling.graph_only import GraphOnly
from voisin.labeling.registry import make_method
from voisin.neighbors.affinity import build_affinity
from voisin.neighbors.search import find_neighbors
from voisin.pipeline.open_run import open_run
from voisin.project.finished_run import read_settings, reopen_source
from voisin.project.folder import Project
from voisin.project.stored import save
from voisin.propagation.poisson import Poisson
from voisin.sources.opening import open_images
from voisin.types import GraphData, Problem

N = 150


def small_run(folder, method="spreading", source="digits"):
    """The evidence of a run on 150 digits, without its networks."""
    images = open_images("digits").take(np.arange(N))
    pixels = np.stack([np.asarray(images.reader.load(i)).ravel() for i in range(N)])
    vectors = pixels.astype(np.float32)
    data = GraphData(vectors, build_affinity(find_neighbors(vectors, 6)), vectors[:0])
    labels = np.where(np.arange(N) < 40, images.labels, -1)
    problem = Problem(data, labels, 10)
    labeling = make_method(method, alpha=0.8).label(problem)
    contributors = keep(folder, images, problem, labeling, method, source)
    return images, problem, labeling, contributors


def keep(folder, images, problem, labeling, method="spreading", source="digits", stated=None):
    """Write what a run leaves for explanations."""
    system, contributors = take_apart(labeling, problem, method, labeling.propagation.labels)
    write_run(
        folder,
        settings={"source": source, "size": 28},
        ids=images.ids,
        class_names=images.class_names,
        labels=problem.labels,
        embeddings=problem.data.embeddings,
        affinity=problem.data.affinity,
        propagation=labeling.propagation,
        stated=stated,
    )
    save(folder / SYSTEM, system)
    return contributors


@pytest.mark.parametrize("method", ["spreading", "consensus"])
def test_what_was_kept_explains_as_the_linear_system_itself_does(tmp_path, method):
    images, problem, labeling, _ = small_run(tmp_path, method)
    system = linear_system_of(labeling, problem)
    finished = open_run(tmp_path)

    for image in (0, 70, 149):
        found = finished.explain(image).attribution
        expected = attribute(system, image)
        for one, other in ((found.predicted, expected.predicted),
                           (found.runner_up, expected.runner_up)):  # fmt: skip
            assert one.label == other.label
            assert one.classifier_share == pytest.approx(other.classifier_share, abs=1e-5)
            assert one.prior_propagation_share == pytest.approx(
                other.prior_propagation_share, abs=1e-5
            )
            shares = dict(zip(one.contributors.tolist(), one.contributor_shares, strict=True))
            for source, share in zip(
                other.contributors.tolist(), other.contributor_shares, strict=True
            ):
                assert shares.get(source, 0) == pytest.approx(share, abs=1e-5)
        same = finished.explain(str(images.ids[image])).attribution
        assert same.image == image


@pytest.mark.parametrize("method", ["spreading", "consensus"])
def test_the_column_why_names_the_largest_sources_of_each_label(tmp_path, method):
    images, _, _, contributors = small_run(tmp_path, method)
    finished = open_run(tmp_path)
    texts = describe_contributors(contributors, images.ids)

    for image in (50, 99, 149):
        account = finished.explain(image).attribution.predicted
        told = [part.rpartition(" ")[::2] for part in texts[image].split("; ")]
        others = ["the classifier"] if method == "consensus" else []
        expected = [*images.ids[account.contributors[:3]].tolist(), *others]
        assert [name for name, _ in told] == expected
        shares = [float(share) for _, share in told]
        shown = [*account.contributor_shares[:3], *([account.classifier_share] if others else [])]
        np.testing.assert_allclose(shares, shown, atol=1e-3)


def test_the_command_shows_a_table_and_writes_a_page_with_pictures(tmp_path):
    images, *_ = small_run(tmp_path)
    name = str(images.ids[100])

    found = CliRunner().invoke(app, ["explain", str(tmp_path), name])

    assert found.exit_code == 0
    assert f"{name}: " in found.stdout
    assert "Runner-up: " in found.stdout
    page = (tmp_path / "explanations" / f"{name}.html").read_text(encoding="utf-8")
    assert f"Why {name} is labeled" in page
    assert page.count("data:image/png;base64,") > 10
    assert "http" not in page.replace("http-equiv", "")


def test_the_command_says_why_a_runner_up_with_the_larger_score_did_not_win(tmp_path, capsys):
    images, *_ = small_run(tmp_path)
    told = open_run(tmp_path).explain(str(images.ids[100])).as_dict()
    said = "The runner-up has the larger score: calibration and decision"

    show(told)
    assert said not in " ".join(capsys.readouterr().out.split())
    told["runner_up"]["share_of_scores"] = told["predicted"]["share_of_scores"] + 0.1
    show(told)
    assert said in " ".join(capsys.readouterr().out.split())


def test_the_page_is_in_the_language_of_the_run(tmp_path):
    images, *_ = small_run(tmp_path)
    run = open_run(tmp_path)
    run.settings["language"] = "fr"

    page, _ = write_explanation(run, run.explain(str(images.ids[100])))

    assert f"Pourquoi {images.ids[100]} est classée" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("method", ["spreading", "consensus"])
def test_as_json_shares_sum_to_one(tmp_path, method):
    images, *_ = small_run(tmp_path, method)

    found = CliRunner().invoke(app, ["explain", str(tmp_path), str(images.ids[100]), "--json"])

    document = json.loads(found.stdout)
    assert document["id"] == images.ids[100]
    for role in ("predicted", "runner_up"):
        neighbors, sources = document[role]["by_neighbors"], document[role]["by_contributors"]
        by_neighbors = (
            neighbors["own"]
            + neighbors["prior_propagation"]
            + sum(row["share"] for row in neighbors["neighbors"])
        )
        by_sources = (
            sources["classifier"]
            + sources["class_priors"]
            + sum(row["share"] for row in sources["labeled"])
        )
        assert by_neighbors == pytest.approx(1, abs=1e-4)
        assert by_sources == pytest.approx(1, abs=1e-4)


def with_probabilities(folder, row):
    """The evidence of `small_run`, every image's calibrated probabilities being `row`."""
    images, problem, labeling, _ = small_run(folder)
    keep(folder, images, problem, labeling, stated=np.tile(row, (N, 1)))
    return images


def test_of_a_label_that_was_given_no_probability_is_told(tmp_path):
    images = with_probabilities(tmp_path, np.full(10, 0.1))
    name, label = str(images.ids[5]), images.class_names[images.labels[5]]

    found = CliRunner().invoke(app, ["explain", str(tmp_path), name])

    assert found.stdout.startswith(f"{name}: its label was given: {label}. Below is what")
    assert "calibrated" not in found.stdout
    page = (tmp_path / "explanations" / f"{name}.html").read_text(encoding="utf-8")
    assert "Its label was given" in page
    assert "calibrated" not in page
    document = open_run(tmp_path).explain(5).as_dict()
    assert document["evidence"] == "label given"
    assert document["predicted"]["calibrated_probability"] is None


@pytest.mark.parametrize(("share", "told"), [(0.9995, ">99%"), (0.002, "<1%"), (0.37, "37%")])
def test_a_probability_that_is_no_certainty_is_not_rounded_to_one(tmp_path, share, told):
    images = with_probabilities(tmp_path, np.full(10, share))

    found = CliRunner().invoke(app, ["explain", str(tmp_path), str(images.ids[100])])

    assert f"calibrated probability {told})" in " ".join(found.stdout.split())


def test_without_its_source_the_table_still_works_and_the_page_says_what_is_missing(tmp_path):
    images, *_ = small_run(tmp_path, source="/photographs/that/are/gone")
    name = str(images.ids[100])

    found = CliRunner().invoke(app, ["explain", str(tmp_path), name, "--json"])

    assert found.exit_code == 0
    assert json.loads(found.stdout)["predicted"]["label"]
    page = (tmp_path / "explanations" / f"{name}.html").read_text(encoding="utf-8")
    assert "/photographs/that/are/gone does not exist" in page
    assert "data:image" not in page


def test_an_image_without_evidence_is_told_in_words(tmp_path):
    images, problem, *_ = small_run(tmp_path)
    affinity = problem.data.affinity.tolil()
    affinity[100, :], affinity[:, 100] = 0, 0
    alone = affinity.tocsr()
    alone.eliminate_zeros()
    problem = replace(problem, data=replace(problem.data, affinity=alone))
    labeling = make_method("spreading").label(problem)
    keep(tmp_path, images, problem, labeling, stated=labeling.propagation.probabilities)

    found = CliRunner().invoke(app, ["explain", str(tmp_path), str(images.ids[100])])

    assert "no evidence" in found.stdout
    document = open_run(tmp_path).explain(100).as_dict()
    assert document["evidence"] == "no evidence"
    assert document["predicted"] is None
    page = (tmp_path / "explanations" / f"{images.ids[100]}.html").read_text(encoding="utf-8")
    assert "has no evidence" in page


def test_the_parts_of_the_default_method_have_names(tmp_path):
    images, *_ = small_run(tmp_path, "consensus")
    name = str(images.ids[100])

    found = CliRunner().invoke(app, ["explain", str(tmp_path), name])

    for part in ("labeled image", "the classifier", "prior propagation"):
        assert part in found.stdout
    page = (tmp_path / "explanations" / f"{name}.html").read_text(encoding="utf-8")
    assert "s probabilities, for this image and others without label" in page
    assert "Labels that reached it by prior propagation" in page


def few_digits(folder, labels_per_class, **options):
    images = open_images("digits").take(np.arange(N))
    return run(
        images, folder, labels_per_class=labels_per_class, epochs=1, rounds=1, retraining_epochs=1,
        embedding="pixels", device="cpu", ceiling=False, **options,
    )  # fmt: skip


def test_a_run_by_default_attributes_to_labeled_images_and_states_no_more_than_it_calibrated(
    tmp_path,
):
    blind = few_digits(tmp_path / "out", 1).explain(100).as_dict()
    again = few_digits(tmp_path / "out", 1).explain(100).as_dict()  # from the cache

    assert again == blind
    assert blind["method"] == "consensus"  # what auto took
    for account in (blind["predicted"], blind["runner_up"]):
        assert account["calibrated_probability"] is None
        labeled = sum(row["share"] for row in account["by_contributors"]["labeled"])
        assert labeled > 0.5  # prior propagation has 0.7 where the classifier knows little
        assert labeled + account["by_contributors"]["classifier"] == pytest.approx(1, abs=1e-4)


def test_a_probability_that_was_calibrated_is_stated_as_in_the_table(tmp_path):
    finished = few_digits(tmp_path, 3, method="spreading")
    labels = pq.read_table(tmp_path / "labels.parquet").to_pylist()
    row = next(one for one in labels if one["source"] == "propagated")

    found = finished.explain(row["id"]).as_dict()["predicted"]

    stated = row[f"probability_{found['label']}"]
    assert found["calibrated_probability"] == pytest.approx(stated)


def test_where_auto_takes_another_method_that_one_is_named_and_explained(tmp_path, monkeypatch):
    poisson = ("poisson", GraphOnly(Poisson()), "it was told to")
    monkeypatch.setattr("voisin.labeling.automatic._select_method", lambda problem: poisson)

    why = few_digits(tmp_path / "out", 4).explain(100).as_dict()

    assert why["method"] == "poisson"
    assert sum(row["share"] for row in why["predicted"]["by_contributors"]["labeled"]) > 0.99


def test_unknown_images_and_folders_are_refused(tmp_path):
    images, *_ = small_run(tmp_path)
    name = str(images.ids[5])

    with pytest.raises(InputError, match=rf"no image '{name}x' in this run\. Did you mean {name}"):
        open_run(tmp_path).explain(f"{name}x")
    with pytest.raises(ProjectError, match=r"has no voisin\.toml"):
        open_run(tmp_path / "elsewhere")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "voisin.toml").write_text('schema = 2\nsource = "digits"\n')
    with pytest.raises(ProjectError, match=r"linear_system cannot be used .*: run again"):
        open_run(tmp_path / "new").explain(0)


def test_an_image_is_also_found_by_its_file_name_or_a_path_that_ends_with_its_id(tmp_path):
    images, problem, labeling, _ = small_run(tmp_path / "flat")
    ids = np.array([f"new/{n}.png" for n in range(N - 1)] + ["old/0.png"])
    keep(tmp_path / "run", replace(images, ids=ids), problem, labeling)
    run = open_run(tmp_path / "run")

    assert run.explain("100.png").as_dict() == run.explain(100).as_dict()
    assert run.explain("photos/new/100.png").as_dict() == run.explain(100).as_dict()
    with pytest.raises(InputError, match=r"There is no image '0\.png' in this run"):
        run.explain("0.png")


def test_a_run_that_was_killed_before_its_settings_were_written_goes_on(tmp_path):
    with Project(tmp_path / "run").locked():
        small_run(tmp_path / "run")
    (tmp_path / "run" / "voisin.toml").unlink()

    assert Project(tmp_path / "run").folder == tmp_path / "run"


def test_the_source_is_opened_again_with_its_options(tmp_path):
    (tmp_path / "table.csv").write_text("name,file\n")
    (tmp_path / "voisin.toml").write_text('schema = 2\nsource = "digits"\nsize = 28\nalpha = 0.9\n')

    assert len(reopen_source(read_settings(tmp_path))) == 1797


@pytest.mark.parametrize("text", ["source = [", "\x00"])
def test_settings_that_cannot_be_read_are_told_as_by_other_commands(tmp_path, text):
    images, *_ = small_run(tmp_path)
    (tmp_path / "voisin.toml").write_text(text)

    found = CliRunner().invoke(app, ["explain", str(tmp_path), str(images.ids[100])])

    assert found.exit_code == 1
    assert re.fullmatch(r"Error: .*voisin\.toml cannot be read .*\n", found.stderr)


def test_a_page_is_not_written_over_a_folder_nor_below_a_file(tmp_path):
    images, *_ = small_run(tmp_path)
    (tmp_path / "pages").mkdir()
    (tmp_path / "file").write_text("")
    before = sorted(tmp_path.iterdir())
    for place, told in (
        ("pages", "is a folder: pass a file"),
        ("file/x.html", "cannot be written"),
        ("why.png", "would be a page: pass .*why.html"),
    ):
        command = ["explain", str(tmp_path), str(images.ids[100]), "--picture"]

        found = CliRunner().invoke(app, [*command, str(tmp_path / place)])

        assert found.exit_code == 1
        assert re.fullmatch(rf"Error: .*{place} {told}.*\n", found.stderr)
        assert sorted(tmp_path.iterdir()) == before
