"""New images, labeled as a run labeled its own."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.prediction.small_runs import METHOD, N_POOL, digits, small_run
from voisin.errors import InputError
from voisin.neighbors.search import query_neighbors
from voisin.sources.reading import read_images
from voisin.types import GraphData, Problem


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return small_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def later():
    return digits()[1]


def save_pictures(images, folder):
    for row in range(len(images)):
        images.reader.load(int(images.positions[row])).save(folder / f"{row:03}.png")
    return [folder / f"{row:03}.png" for row in range(len(images))]


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_new_images_get_what_the_method_gives_images_outside_the_graph(tmp_path, later, metric):
    run = small_run(tmp_path, metric=metric)
    result = run.result

    found = run.predict(later)

    flat = read_images(later, size=28).pixels.reshape(len(later), -1).astype(np.float32)
    model = run.predictor.model
    vectors = (flat / 127.5 - 1 - model.weights["pixels:16.center"]) @ (
        model.weights["pixels:16.components"].T
    )
    near = query_neighbors(vectors, result.embeddings, 10, metric=metric)
    data = GraphData(np.array(result.embeddings), result.affinity, vectors, near)
    labeling = METHOD.label(Problem(data, result.labels, 10))
    expected = result.calibration.apply(labeling.new_probabilities)
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-5)
    assert (found.labels == result.decision.apply(expected)).all()
    assert (found.labels == later.labels).mean() > 0.75
    assert found.linked.all()


def test_one_at_a_time_they_get_the_same_as_together(run, later):
    together = run.predict(later)

    alone = [run.predict(later.take(np.array([row]))) for row in range(5)]

    for row, one in enumerate(alone):
        np.testing.assert_allclose(one.probabilities[0], together.probabilities[row], atol=1e-6)


def test_files_folders_arrays_and_pictures_are_the_same_images(run, later, tmp_path):
    some = later.take(np.arange(4))
    paths = save_pictures(some, tmp_path)
    pictures = [Image.open(path) for path in paths]
    array = np.stack([np.asarray(picture) for picture in pictures])

    found = [run.predict(given).probabilities for given in (paths, tmp_path, pictures, array)]

    for probabilities in found[1:]:
        np.testing.assert_allclose(probabilities, found[0], atol=1e-6)
    colored = run.predict(np.repeat(array[..., None], 3, axis=-1))
    np.testing.assert_allclose(colored.probabilities, found[0], atol=1e-3)


def test_the_nearest_labeled_images_are_told_with_their_similarity(run):
    pool, _ = digits()

    found = run.predict(pool.take(np.arange(3)))

    assert found.nearest_ids[:, 0].tolist() == pool.ids[:3].tolist()  # each is labeled itself
    np.testing.assert_allclose(found.nearest_distances[:, 0], 0, atol=1e-5)
    assert found.rows()[0]["nearest_1_similarity"] == pytest.approx(1)
    assert found.rows()[0]["nearest_1_label"] == pool.class_names[pool.labels[0]]


def test_images_unlike_those_of_the_run_are_flagged_and_few_others(run, later):
    white = np.full((60, 8, 8), 255, dtype=np.uint8)

    found = run.predict(white)

    assert found.unlike.all()
    assert run.predict(later).unlike.mean() < 0.1
    assert found.summary() == [
        "Labeled: 0 of 60 images",
        "60 unlike anything that the run has seen: look at them, believe no label (image-1, "
        "image-2, image-3 and 57 more)",
    ]


def test_a_file_that_cannot_be_read_has_a_row_that_says_why(run, later, tmp_path):
    paths = save_pictures(later.take(np.arange(2)), tmp_path)
    (tmp_path / "broken.png").write_bytes(b"no picture")

    found = run.predict([paths[0], tmp_path / "broken.png", paths[1]])

    assert found.labels[1] == -1
    assert [row["evidence"] for row in found.rows()] == ["labels", "unreadable", "labels"]
    assert "cannot be read: it is none of" in found.rows()[1]["problem"]
    assert found.rows()[1]["probability"] is None


def test_if_no_image_can_be_read_an_error_says_why(run, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no picture")

    with pytest.raises(InputError, match=r"None of the images can be read: .*broken\.png"):
        run.predict(tmp_path / "broken.png")


def test_all_is_written_as_a_table_by_its_suffix(run, later, tmp_path):
    found = run.predict(later.take(np.arange(3)))
    for name in ("new.csv", "new.parquet", "new.json"):
        found.write(tmp_path / "deeper" / name)

    table = pq.read_table(tmp_path / "deeper" / "new.parquet").to_pylist()
    document = json.loads((tmp_path / "deeper" / "new.json").read_text())["predictions"]
    lines = (tmp_path / "deeper" / "new.csv").read_text(encoding="utf-8-sig").splitlines()

    assert [row["id"] for row in table] == found.ids.tolist()
    assert [row["label"] for row in document] == [found.class_names[c] for c in found.labels]
    assert len(lines) == 4
    assert lines[0].startswith('"id","path","label","probability","likeliest","unlike","evidence"')
    with pytest.raises(InputError, match=r"new\.txt .* write new\.csv or new\.parquet"):
        found.write(tmp_path / "new.txt")


def test_a_label_that_is_not_the_likeliest_class_is_told_beside_it(tmp_path, later):
    run = small_run(tmp_path)
    run.result.decision.factors[:] = np.eye(10)[3] + 1e-9  # decides for class 3, come what may

    rows = run.predict(later).rows()

    assert {row["label"] for row in rows} == {"3"}
    assert {row["likeliest"] for row in rows} > {"", "0", "1"}


def test_a_run_of_ones_own_vectors_says_that_new_images_have_none(tmp_path):
    run = small_run(tmp_path, embedding="vectors:mine.npy")

    with pytest.raises(InputError, match=r"vectors of your own \(mine\.npy\)"):
        run.predict(np.zeros((1, 8, 8)))


def test_the_classifier_alone_can_be_asked_too(run, later):
    found = run.predictor.classify(later)

    assert found.shape == (60, 10)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found.argmax(axis=1) == later.labels).mean() > 0.7
    assert len(run.result.ids) == N_POOL
