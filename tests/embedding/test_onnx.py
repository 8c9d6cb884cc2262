"""Features by ONNX models of every layout, against the same operations in PyTorch and NumPy."""

import numpy as np
import pytest
import torch
from onnx import TensorProto
from PIL import Image

from tests.embedding.small_models import kernel_of, write_onnx
from voisin.embedding.onnx import OnnxModel
from voisin.errors import InputError
from voisin.sources.arrays import ArrayReader
from voisin.sources.few_labels import draw_labels
from voisin.sources.opening import open_images
from voisin.types import ImageCollection

MEAN = np.array([0.485, 0.456, 0.406])
STD = np.array([0.229, 0.224, 0.225])


def collection(pixels):
    n = len(pixels)
    ids = np.array([f"{i:03}" for i in range(n)])
    return ImageCollection(
        "small", ArrayReader([pixels], "x"), np.full(n, -1), ("a",), ids, np.arange(n)
    )


def color(n_images=5, size=24):
    return np.random.default_rng(0).integers(0, 256, (n_images, size, size, 3), dtype=np.uint8)


def expected_features(path, values):
    """Convolve values of shape (n, height, width, channels), ReLU, average over the map."""
    kernel = torch.from_numpy(kernel_of(path).copy())
    images = torch.from_numpy(values.astype(np.float32).transpose(0, 3, 1, 2).copy())
    return torch.relu(torch.conv2d(images, kernel, padding=1)).mean(dim=(2, 3)).numpy()


@pytest.mark.parametrize("shape", [("N", 3, 24, 24), ("N", 24, 24, 3), ("N", "C", "H", "W")])
def test_channels_stand_where_the_model_wants_them_and_maps_are_averaged(tmp_path, shape):
    path, pixels = write_onnx(tmp_path / "net.onnx", shape), color()

    found = OnnxModel(path, size=24, device="cpu").embed(collection(pixels))

    expected = expected_features(path, (pixels / 255 - MEAN) / STD)
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "scale"),
    [
        ("imagenet", lambda p: (p / 255 - MEAN) / STD),
        ("-1..1", lambda p: p / 127.5 - 1),
        ("0..1", lambda p: p / 255),
        ("0..255", lambda p: p * 1.0),
    ],
)
def test_pixels_are_normalized_as_asked(tmp_path, name, scale):
    path, pixels = write_onnx(tmp_path / "net.onnx"), color()

    found = OnnxModel(path, size=24, normalization=name, device="cpu").embed(collection(pixels))

    np.testing.assert_allclose(found, expected_features(path, scale(pixels)), rtol=1e-4, atol=1e-4)


def test_gray_images_are_repeated_for_a_model_of_color(tmp_path):
    path, gray = write_onnx(tmp_path / "net.onnx"), color()[..., :1]
    model = OnnxModel(path, size=24, normalization="0..1", device="cpu")

    found = model.embed(collection(gray))

    expected = expected_features(path, np.repeat(gray / 255, 3, axis=-1))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_color_becomes_gray_for_a_model_of_one_channel(tmp_path):
    path, pixels = write_onnx(tmp_path / "net.onnx", ("N", 1, 24, 24)), color()
    gray = np.stack([np.asarray(Image.fromarray(image).convert("L")) for image in pixels])

    found = OnnxModel(path, normalization="0..1", device="cpu").embed(collection(pixels))

    expected = expected_features(path, gray[..., None] / 255)
    np.testing.assert_allclose(found, expected, atol=0.05)


def test_images_are_brought_to_the_models_own_size(tmp_path):
    path, pixels = write_onnx(tmp_path / "net.onnx", ("N", 3, 16, 16)), color()
    small = [Image.fromarray(img).resize((16, 16), Image.Resampling.BICUBIC) for img in pixels]
    model = OnnxModel(path, normalization="0..1", device="cpu")

    expected = expected_features(path, np.stack([np.asarray(img) for img in small]) / 255)
    np.testing.assert_allclose(model.embed(collection(pixels)), expected, atol=1e-4)
    assert model.input_size == 16


def test_a_model_of_any_size_gets_224_or_what_is_asked_for(tmp_path):
    path = write_onnx(tmp_path / "net.onnx")

    assert OnnxModel(path, device="cpu").input_size == 224
    assert OnnxModel(path, size=96, device="cpu").input_size == 96


def test_a_model_of_a_fixed_batch_gets_whole_batches(tmp_path):
    path, pixels = write_onnx(tmp_path / "net.onnx", (4, 3, 24, 24)), color(6)

    found = OnnxModel(path, normalization="0..1", device="cpu").embed(collection(pixels))

    np.testing.assert_allclose(found, expected_features(path, pixels / 255), atol=1e-4)


def test_a_model_of_half_precision_inputs_gets_half_precision(tmp_path):
    path = write_onnx(tmp_path / "net.onnx", dtype=TensorProto.FLOAT16)
    pixels = color()

    found = OnnxModel(path, size=24, normalization="0..1", device="cpu").embed(collection(pixels))

    np.testing.assert_allclose(found, expected_features(path, pixels / 255), atol=5e-3)


def test_of_several_outputs_the_flat_one_is_taken(tmp_path):
    path = write_onnx(tmp_path / "net.onnx", outputs=("map", "flat"))
    alone = write_onnx(tmp_path / "flat.onnx", outputs=("flat",))
    images = collection(color())

    both = [OnnxModel(p, size=24, device="cpu").embed(images) for p in (path, alone)]

    np.testing.assert_array_equal(*both)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"shape": ("N", 5, 24, 24)}, r"is not a model of images: it has 1 inputs \(input0: tens"),
        ({"shape": ("N", 3, 24, 32)}, "is not a model of images"),
        ({"inputs": 2}, r"it has 2 inputs \(input0: .*; input1: "),
        ({"dtype": TensorProto.INT64}, r"input0: tensor\(int64\) of shape \['N', 3, 'H', 'W'\]"),
    ],
)
def test_a_model_of_something_else_is_refused_and_its_inputs_named(tmp_path, options, words):
    path = write_onnx(tmp_path / "net.onnx", **options)
    with pytest.raises(InputError, match=words) as refused:
        OnnxModel(path, device="cpu")
    assert "\n" not in str(refused.value)


def test_a_size_that_the_model_does_not_take_is_refused(tmp_path):
    path = write_onnx(tmp_path / "net.onnx", ("N", 3, 24, 24))
    with pytest.raises(InputError, match=r"24 × 24 pixels alone, not `embedding_size=96`"):
        OnnxModel(path, size=96, device="cpu")


def test_a_file_that_is_not_there_or_no_model_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"none.onnx is not a file"):
        OnnxModel(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(InputError, match=r"text.onnx cannot be read as an ONNX model"):
        OnnxModel(tmp_path / "text.onnx")
    with pytest.raises(InputError, match="`onnx_normalization='zero'` is not known: choose one of"):
        OnnxModel(tmp_path / "text.onnx", normalization="zero")


def test_the_fingerprint_follows_weights_that_lie_beside(tmp_path):
    path = write_onnx(tmp_path / "net.onnx")
    before = OnnxModel(path, device="cpu").fingerprint()
    (tmp_path / "net.onnx_data").write_bytes(b"weights")

    assert OnnxModel(path, device="cpu").fingerprint() != before


@pytest.mark.data
def test_features_of_mobilenet_tell_skin_lesions_apart_better_than_chance(data_folder):
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.preprocessing import StandardScaler

    images = open_images(data_folder / "dermamnist.npz").in_split("train")
    drawn = draw_labels(images.labels, labels_per_class=29, random_state=0)
    images = images.take(np.flatnonzero(drawn >= 0))
    path = data_folder / "mobilenet_v2_imagenet_features.onnx"

    model = OnnxModel(path, size=96, normalization="-1..1", device="cpu")
    vectors = StandardScaler().fit_transform(model.embed(images))

    assert vectors.shape == (203, 1280)
    even = np.arange(203) % 2 == 0
    found = LogisticRegression(C=0.01, max_iter=500).fit(vectors[even], images.labels[even])
    score = balanced_accuracy_score(images.labels[~even], found.predict(vectors[~even]))
    assert score > 0.3  # chance is 1/7
