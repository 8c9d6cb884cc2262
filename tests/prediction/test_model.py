"""The file of a run's classifier."""

import numpy as np
import pytest

from voisin.calibration.decision import Decision
from voisin.calibration.scaling import Calibration, Curve
from voisin.errors import ProjectError
from voisin.prediction.model import LINEAR, Model, load_model, save_model


def small_model(**changes):
    generator = np.random.default_rng(0)
    values = {
        "classifier": LINEAR,
        "embedding": "backbone+pixels",
        "class_names": ("chat", "été"),
        "n_channels": 3,
        "sizes": {"backbone": 96},
        "calibration": Calibration(1.5, np.array([1.0, 2.0]), np.array([0.25, 0.75])),
        "decision": Decision("balanced", np.array([1.0, 0.5])),
        "weights": {
            "head.weight": generator.normal(size=(5, 2)).astype(np.float32),
            "head.bias": np.zeros(2, dtype=np.float32),
            "backbone.mean": np.ones(3),
            "backbone.layers.0.weight": np.arange(6.0).reshape(2, 3).T,  # columns lie together
            "backbone.layers.0.count": np.array(3),
            "backbone-tuned.fc.weight": np.zeros(1, dtype=np.float32),
            "pixels.mean": np.zeros(2),
        },
        **changes,
    }
    return Model(**values)


def test_a_model_is_read_back_as_it_was(tmp_path):
    curve = Curve(np.array([0.1, 0.9]), np.array([0.0, 1.0]))
    calibration = Calibration(2.0, np.ones(2), np.array([0.5, 0.5]), (None, curve), np.zeros(2))
    model = small_model(calibration=calibration)

    save_model(tmp_path / "model.safetensors", model)
    read = load_model(tmp_path / "model.safetensors")

    rows = np.array([[0.2, 0.8], [0.7, 0.3]])
    np.testing.assert_array_equal(read.calibration.apply(rows), calibration.apply(rows))
    assert read.decision.apply(rows).tolist() == model.decision.apply(rows).tolist()
    assert (read.class_names, read.sizes) == (model.class_names, model.sizes)
    assert read.weights.keys() == model.weights.keys()
    for name, value in model.weights.items():
        np.testing.assert_array_equal(read.weights[name], value)
    assert (tmp_path / "model.safetensors").stat().st_mode & 0o044 == 0o044  # not for one alone


def test_its_probabilities_are_the_calibrated_ones_of_the_linear_layer():
    model = small_model()
    vectors = np.random.default_rng(1).normal(size=(4, 5)).astype(np.float32)

    found = model.classify(vectors)

    odds = np.exp(vectors @ model.weights["head.weight"])
    stated = odds / odds.sum(axis=1, keepdims=True)
    expected = np.array([0.25, 1.5]) * stated ** (1 / 1.5)
    np.testing.assert_allclose(found, expected / expected.sum(axis=1, keepdims=True), atol=1e-6)


def test_weights_are_found_under_the_whole_name_of_an_embedder():
    assert small_model().weights_of("backbone").keys() == {
        "mean",
        "layers.0.weight",
        "layers.0.count",
    }


def test_several_embedders_are_joined_and_a_single_one_is_not():
    assert len(small_model().combination.means) == 2
    assert small_model(embedding="backbone").combination is None


def test_a_file_that_is_no_model_is_refused_in_a_line(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"no model")

    with pytest.raises(ProjectError, match=r"model\.safetensors cannot be used .* run again"):
        load_model(tmp_path / "model.safetensors")
