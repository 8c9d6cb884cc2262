"""The classifier of a run as one file, for other programs."""

import json

import numpy as np
import onnxruntime
import pytest
from typer.testing import CliRunner

from tests.prediction.small_runs import small_run
from tests.prediction.test_model import small_model
from voisin.calibration.scaling import Calibration, Curve
from voisin.cli.app import app
from voisin.embedding.networks.registry import build_network
from voisin.embedding.specification import KINDS, parse_embedding
from voisin.errors import InputError
from voisin.prediction.embedder import CLASSIFIERS, ImageEmbedder
from voisin.prediction.export import export_model
from voisin.prediction.model import LINEAR, load_model
from voisin.sources.new_images import open_new_images

CLASSES = ("a", "b", "c")
DIMS = {
    "backbone": 1280,
    "backbone-tuned": 1280,
    "cnn": 1568,
    "cnn-augmented": 1568,
    "contrastive": 896,
    "contrastive-tuned": 896,
    "autoencoder": 20,
    "neighbors": 64,
    "pixels": 6,
}
PLAIN = Calibration(1.7, np.array([0.5, 1, 2]), np.array([0.2, 0.3, 0.5]))
CURVED = Calibration(
    0.9,
    np.array([0.9, 1, 1.1]),
    np.array([0.3, 0.3, 0.4]),
    (None, Curve(np.array([0.1, 0.101, 0.6]), np.array([0.0, 0.3, 0.9])), None),
)


def random_model(embedding, *, n_channels=3, n_axes=0, classifier=LINEAR, calibration=PLAIN):
    """A model with random weights, of embedders that a run may choose."""
    generator = np.random.default_rng(0)
    parts, weights = parse_embedding(embedding), {}
    for part in parts:
        if part.kind == "pixels":
            n_values = 28 * 28 * n_channels
            weights[f"{part}.center"] = np.zeros(n_values, dtype=np.float32)
            components = generator.normal(size=(6, n_values)).astype(np.float32)
            weights[f"{part}.components"] = components / 28
        else:
            network = build_network(KINDS[part.kind].network, n_channels, len(CLASSES))
            state = network.state_dict().items()
            weights |= {f"{part}.{key}": value.numpy() for key, value in state}
        if len(parts) > 1:
            weights[f"{part}.mean"] = generator.normal(size=DIMS[part.kind]) / 100
    n_dims = sum(DIMS[part.kind] for part in parts)
    if n_axes:
        weights["head.axes"] = np.linalg.qr(generator.normal(size=(n_dims, n_axes)))[0].astype("f4")
    if classifier == LINEAR:
        shape = (n_axes or n_dims, len(CLASSES))
        weights["head.weight"] = generator.normal(size=shape).astype(np.float32)
        weights["head.bias"] = np.array([0.1, -0.2, 0.0], dtype=np.float32)
    else:
        network = build_network(CLASSIFIERS[classifier], n_channels, len(CLASSES))
        state = network.state_dict().items()
        weights |= {f"network.{key}": value.numpy() for key, value in state}
    sizes = {str(part): 64 for part in parts if KINDS[part.kind].module == "backbone"}
    return small_model(
        classifier=classifier,
        embedding=embedding,
        class_names=CLASSES,
        n_channels=n_channels,
        sizes=sizes,
        calibration=calibration,
        decision=type(small_model().decision)("balanced", np.array([1, 0.6, 0.8])),
        weights=weights,
    )


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(lambda: random_model("pixels:6", n_channels=1), id="pixels"),
        pytest.param(lambda: random_model("backbone"), id="backbone"),
        pytest.param(
            lambda: random_model("cnn-augmented+backbone+backbone-tuned+pixels", n_axes=16),
            id="joined",
        ),
        pytest.param(lambda: random_model("cnn+contrastive+backbone-tuned"), id="without axes"),
        pytest.param(
            lambda: random_model("autoencoder+neighbors+contrastive-tuned", n_channels=1),
            id="small networks",
        ),
        pytest.param(
            lambda: random_model("cnn", classifier="SimpleCNN", calibration=CURVED), id="cnn"
        ),
        pytest.param(
            lambda: random_model("contrastive", classifier="ResidualClassifier"), id="contrastive"
        ),
    ],
)
def test_the_graph_gives_what_the_classifier_gives(model, tmp_path):
    model = model()
    shape = (5, 40, 30) if model.n_channels == 1 else (5, 40, 30, 3)
    (images,) = open_new_images(np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8))
    embedder = ImageEmbedder.of(model, device="cpu")
    pixels, images, _ = embedder.read(images)
    expected = embedder.classify(pixels, images)

    export_model(model, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    given = {node.name: pixels[node.shape[1]] for node in session.get_inputs()}
    probabilities, labels = session.run(["probabilities", "label"], given)

    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    assert labels.tolist() == model.decision.apply(expected).tolist()
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["class_names"]) == list(CLASSES)


def test_safetensors_is_the_runs_own_file(tmp_path):
    run = small_run(tmp_path / "run")

    run.export(tmp_path / "copy" / "model.safetensors")

    copied = load_model(tmp_path / "copy" / "model.safetensors")
    np.testing.assert_array_equal(
        copied.weights["head.bias"], run.predictor.model.weights["head.bias"]
    )


def test_embedders_outside_the_run_cannot_be_exported(tmp_path):
    with pytest.raises(InputError, match=r"vectors of onnx:mine\.onnx, which is not a part"):
        export_model(small_model(embedding="onnx:mine.onnx"), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_the_command_says_where_the_file_is_and_refuses_other_kinds(tmp_path):
    small_run(tmp_path / "run")
    out = tmp_path / "model.onnx"

    done = CliRunner().invoke(app, ["export", str(tmp_path / "run"), str(out)])
    refused = CliRunner().invoke(app, ["export", str(tmp_path / "run"), str(tmp_path / "model.pt")])

    assert done.exit_code == 0
    assert f"Classifier: {out}" in done.stderr
    assert refused.exit_code == 1
    assert "write model.onnx or model.safetensors" in refused.stderr
