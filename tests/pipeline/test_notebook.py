"""A run and its results show themselves in a notebook and at a prompt, in a few lines."""

import json
from dataclasses import replace
from html import unescape

import numpy as np
import pytest

from tests.explanation.test_project import small_run
from voisin.errors import ProjectError
from voisin.evaluation.verdict import Truth, score
from voisin.pipeline.open_run import open_run
from voisin.project.exports import write_labels
from voisin.types import GraphData, Labeling, Neighbors, Predictions, Problem, Propagation

TEXT = "About 94 % of these labels are right."


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What a run on 150 digits leaves."""
    folder = tmp_path_factory.mktemp("run")
    images, problem, labeling, _ = small_run(folder)
    found = labeling.propagation
    write_labels(folder, images, problem.labels, found.labels, found.probabilities)
    (folder / "metrics.json").write_text(json.dumps({"expected": {"text": TEXT}}))
    return folder


def test_the_repr_of_a_run_says_in_three_lines_what_it_found_and_where(folder):
    assert repr(open_run(folder)).splitlines() == [
        "Run of digits: 150 images, 40 labels given, 10 classes",
        TEXT,
        f"Report: {folder / 'report.html'}",
    ]


def test_a_notebook_shows_the_surest_of_each_class_and_the_most_doubtful_images(folder):
    run = open_run(folder)
    html = run._repr_html_()

    assert TEXT in html
    assert html.count("data:image/png;base64,") == 16
    assert len(html) < 20_000
    surest, doubtful = html.split("Most doubtful")
    classes = [name for name in run.result.class_names if f"<div>{name}</div>" in surest]
    assert len(classes) == 8  # each another
    found = np.flatnonzero(run.result.labels < 0)
    worst = found[run.result.confidence[found].argmin()]
    assert f'title="{run.result.ids[worst]}"' in doubtful


def test_a_run_is_shown_in_the_language_of_its_pages(folder):
    run = open_run(folder)
    run.settings["language"] = "fr"
    assert "Les plus douteuses" in run._repr_html_()


def test_without_its_images_or_its_figures_a_run_is_still_shown(tmp_path):
    small_run(tmp_path, source="/photographs/that/are/gone")
    run = open_run(str(tmp_path))

    assert repr(run).startswith("Run of /photographs/that/are/gone: 150 images")
    assert "<img" not in run._repr_html_()
    with pytest.raises(ProjectError, match=r"has no labels\.parquet"):
        _ = run.labels


def test_a_folder_without_a_result_says_so(tmp_path):
    (tmp_path / "voisin.toml").write_text('schema = 2\nsource = "digits"\n')
    assert "holds no finished run" in repr(open_run(tmp_path))
    assert "holds no finished run" in open_run(tmp_path)._repr_html_()


def test_the_labels_are_the_table_of_the_file_and_go_into_pandas_as_they_are(folder):
    run = open_run(folder)
    frame = run.labels.to_pandas()

    assert run.labels.num_rows == 150
    assert frame["id"].tolist() == run.result.ids.tolist()
    assert frame["label"].tolist() == run.result.assigned.tolist()
    np.testing.assert_allclose(frame["confidence"], run.result.confidence)
    assert hasattr(run.labels, "__arrow_c_stream__")  # what polars and others read


def test_an_explanation_shows_its_page_with_pictures(folder):
    why = open_run(folder).explain(100)
    html = why._repr_html_()

    assert repr(why).startswith("digit-0101: 4 (")
    assert "\nlabeled images: digit-00" in repr(why)
    assert html.startswith('<iframe srcdoc="')
    page = unescape(html)
    assert "Why digit-0101 is labeled 4" in page
    assert page.count("data:image/png;base64,") > 10


def results(folder):
    run = open_run(folder)
    result, images = run.result, run.images
    embeddings, affinity, labels = result.embeddings, result.affinity, result.labels
    data = GraphData(embeddings, affinity, embeddings[:0])
    found = Predictions("propagated", result.ids, result.stated, labels=result.assigned)
    truth = Truth(images.ids, images.labels, images.class_names)
    yield from (run, result, images, result.propagation, data, affinity, result.induction)
    yield Problem(data, labels, 10)
    yield Neighbors(np.zeros((150, 10), dtype=np.int64), np.zeros((150, 10), dtype=np.float32))
    yield Labeling(result.propagation, result.stated, labels > 0, method=None)
    yield from (found, truth, score(found, truth, scope="unlabeled"))
    yield from (run.explain(100), run.explain(100).attribution)
    yield run.suggest(20)


def test_no_result_shows_its_arrays_at_a_prompt(folder):
    for result in results(folder):
        text = repr(result)
        assert text.count("\n") < 5, type(result)
        assert len(text) < 1_000, (type(result), text)


def test_a_repr_tells_shapes_and_small_values():
    found = Propagation(np.zeros((100, 3)), np.ones(100, dtype=bool), 3, 0.5, converged=True)
    assert repr(found) == (
        "Propagation(probabilities=<float64 array of shape (100, 3)>, "
        "reached=<bool array of shape (100,)>, n_iter=3, residual=0.5, converged=True)"
    )
    assert "n_iter=9" in repr(replace(found, n_iter=9))
