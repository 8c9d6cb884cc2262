"""What every embedder promises, whatever its kind."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.embedding.small_models import write_onnx, write_resnet
from voisin.embedding.networks.autoencoder import Autoencoder
from voisin.embedding.networks.efficientnet import load_backbone
from voisin.embedding.networks.perceptron import Perceptron
from voisin.embedding.networks.residual_network import ResidualClassifier, ResidualNetwork
from voisin.embedding.networks.simple_cnn import SimpleCNN
from voisin.embedding.registry import EmbedderOptions, make_embedder
from voisin.embedding.specification import KINDS, Part, parse_embedding
from voisin.errors import InputError, MissingDependencyError
from voisin.sources.opening import open_images
from voisin.types import LearningEmbedder

N_IMAGES = 70  # over two batches of 32


@pytest.fixture(scope="module")
def source():
    return open_images("digits").take(np.arange(N_IMAGES))


def network(kind, random_state=0):
    torch.manual_seed(random_state)
    return NETWORKS[KINDS[kind].network]()


def save_vectors(path, source, random_state=0):
    rng = np.random.default_rng(random_state)
    np.save(path, rng.normal(size=(len(source), 5)))
    return path


def another_backbone():
    network = load_backbone(10)
    with torch.no_grad():
        network.layers[-1].convolution.weight.mul_(1 + 0.1 * torch.rand(1280, 1, 1, 1))
    return network


NETWORKS = {
    "": lambda: None,
    "backbone": load_backbone,
    "backbone-tuned": lambda: another_backbone(),
    "expert": lambda: SimpleCNN(1, 10),
    "augmented": lambda: SimpleCNN(1, 10),
    "simclr": lambda: ResidualNetwork(1),
    "fine-tuned": lambda: ResidualClassifier(1, 10),
    "vae": lambda: Autoencoder(1),
    "neighbor-contrastive": lambda: Perceptron(1),
}
MAKERS = {
    "backbone": lambda folder, source: "",
    "backbone-tuned": lambda folder, source: "",
    "cnn": lambda folder, source: "",
    "cnn-augmented": lambda folder, source: "",
    "contrastive": lambda folder, source: "",
    "contrastive-tuned": lambda folder, source: "",
    "autoencoder": lambda folder, source: "",
    "neighbors": lambda folder, source: "",
    "pixels": lambda folder, source: "12",
    "pretrained": lambda folder, source: write_resnet(folder / "resnet"),
    "onnx": lambda folder, source: write_onnx(folder / "net.onnx"),
    "vectors": lambda folder, source: save_vectors(folder / "own.npy", source),
}


@pytest.fixture(params=list(MAKERS), scope="module")
def part(request, tmp_path_factory, source):
    folder = tmp_path_factory.mktemp(request.param)
    return Part(request.param, str(MAKERS[request.param](folder, source)))


def options_for(source, **changes):
    options = EmbedderOptions(source.ids, size=None, device="cpu")
    return replace(options, **changes)


def make(part, source, scratch, **changes):
    """Make an embedder; one that learns is fitted on all images, without their labels."""
    changes = {"network": network(part.kind), **changes}
    embedder = make_embedder(part, options_for(source, **changes))
    if isinstance(embedder, LearningEmbedder):
        unlabeled = replace(source, labels=np.full(len(source), -1))
        return embedder.fit(unlabeled, scratch=scratch)
    return embedder


@pytest.fixture
def embedder(part, source, tmp_path):
    return make(part, source, tmp_path)


def test_every_kind_is_tested_here():
    assert set(MAKERS) == set(KINDS)


def test_there_is_one_finite_float32_row_an_image(embedder, source):
    vectors = embedder.embed(source)

    assert vectors.dtype == np.float32
    assert vectors.ndim == 2
    assert len(vectors) == N_IMAGES
    assert np.isfinite(vectors).all()
    assert len(np.unique(vectors, axis=0)) == N_IMAGES


def test_rows_follow_the_images_in_any_order(embedder, source):
    vectors = embedder.embed(source)
    order = np.random.default_rng(1).permutation(N_IMAGES)

    np.testing.assert_allclose(
        embedder.embed(source.take(order)), vectors[order], rtol=1e-4, atol=1e-4
    )


def test_an_image_has_the_same_vector_whatever_the_batch(embedder, source):
    vectors = embedder.embed(source)

    for rows in (slice(0, 1), slice(31, 33), slice(40, N_IMAGES)):
        few = source.take(np.arange(N_IMAGES)[rows])
        np.testing.assert_allclose(embedder.embed(few), vectors[rows], rtol=1e-4, atol=1e-4)


def test_labels_do_not_matter(part, embedder, source, tmp_path):
    other = replace(source, labels=(source.labels + 3) % 10)

    np.testing.assert_array_equal(make(part, other, tmp_path).embed(other), embedder.embed(source))


def test_progress_reaches_its_end(embedder, source):
    seen = []
    embedder.embed(source, progress=lambda *update: seen.append(update))

    assert {total for _, _, total in seen} == {N_IMAGES}
    assert seen[-1][1] == N_IMAGES
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)


def test_the_fingerprint_stays_while_settings_and_weights_do(part, source, tmp_path):
    first = make(part, source, tmp_path).fingerprint()

    assert make(part, source, tmp_path).fingerprint() == first


def test_the_fingerprint_changes_with_settings_or_weights(part, source, tmp_path):
    first = options_for(source, network=network(part.kind))
    before = make_embedder(part, first).fingerprint()
    if KINDS[part.kind].network and part.kind != "backbone":  # whose weights are always the same
        after = make_embedder(part, options_for(source, network=network(part.kind, 1)))
    elif part.kind == "pixels":
        after = make_embedder(Part("pixels", "11"), options_for(source))
    elif part.kind == "vectors":
        path = save_vectors(tmp_path / "own.npy", source, random_state=1)
        after = make_embedder(Part("vectors", str(path)), options_for(source))
    else:
        after = make_embedder(part, options_for(source, size=96))
    if part.kind == "pretrained":
        torch.manual_seed(1)
        other = write_resnet(tmp_path / "resnet")
        others = make_embedder(Part("pretrained", str(other)), options_for(source))
        assert others.fingerprint() != before
    if part.kind == "onnx":
        scaled = make_embedder(part, options_for(source, onnx_normalization="0..1"))
        assert scaled.fingerprint() != before

    assert after.fingerprint() != before


@pytest.mark.parametrize("kind", [kind for kind in KINDS if KINDS[kind].libraries])
def test_a_missing_extra_is_named_with_the_command_that_installs_it(kind, monkeypatch, source):
    library, options = KINDS[kind].libraries[-1], options_for(source)
    monkeypatch.setitem(sys.modules, library, None)

    with pytest.raises(MissingDependencyError) as refused:
        make_embedder(Part(kind, "x"), options)

    assert str(refused.value) == (
        f"The embedder '{kind}' needs {library}: pip install 'voisin[{KINDS[kind].extra}]'"
    )


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("cnn", ["cnn"]),
        ("cnn+pixels:32", ["cnn", "pixels:32"]),
        ("onnx:a+b.onnx+cnn", ["onnx:a+b.onnx", "cnn"]),
        ("pretrained:facebook/dinov2-small + vectors:C:\\v.npy", None),
    ],
)
def test_a_specification_is_split_at_the_plus_signs_between_embedders(text, parts):
    expected = parts or ["pretrained:facebook/dinov2-small", "vectors:C:\\v.npy"]

    assert [str(part) for part in parse_embedding(text)] == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "resnet",
            "'resnet' is no embedder: choose among backbone, backbone-tuned, cnn, "
            "cnn-augmented, contrastive, "
            "contrastive-tuned, autoencoder, neighbors, pixels[:<number of components>], "
            "pretrained:<hub id or folder>, onnx:<file.onnx>, vectors:<file.npy or file.parquet>, "
            "or several joined by '+'.",
        ),
        ("", "'' is no embedder"),
        ("cnn+", "'' is no embedder"),
        ("cnn:big", "'cnn:big' says more than cnn takes: write cnn."),
        ("onnx", "'onnx' lacks what it is made from: write onnx:<file.onnx>."),
        ("cnn+pixels+cnn", "names 'cnn' twice"),
    ],
)
def test_a_specification_that_names_no_embedder_is_refused(text, words):
    with pytest.raises(InputError) as refused:
        parse_embedding(text)

    assert words in str(refused.value)
