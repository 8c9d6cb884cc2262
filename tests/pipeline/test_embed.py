"""Which vectors a run works on, and when they are computed again."""

from functools import partial

import numpy as np
import pytest
import torch

from tests.embedding.small_models import write_onnx
from voisin import open_images, read_images, run
from voisin.embedding.combination import learn_combination
from voisin.embedding.inference import embed
from voisin.embedding.networks.simple_cnn import SimpleCNN, load_simple_cnn
from voisin.embedding.pixels import PixelPCA
from voisin.errors import DownloadError, InputError, InputWarning, MissingDependencyError
from voisin.pipeline import networks
from voisin.training import fine_tuning
from voisin.training import neighbor_contrastive as neighbor_teaching
from voisin.training import simclr as self_teaching
from voisin.training.fine_tuning import FineTuning
from voisin.training.neighbor_contrastive import NeighborContrastiveTraining
from voisin.training.simclr import SimCLR

QUICK = {"epochs": 1, "retraining_epochs": 1, "ceiling": False, "device": "cpu"}


@pytest.fixture(scope="module")
def images():
    return open_images("digits").take(np.arange(0, 1797, 9))  # 160 to train on, 40 to test on


@pytest.fixture(scope="module")
def expert(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("expert") / "expert.pth"
    torch.save(SimpleCNN(1, 10).state_dict(), path)
    return path


@pytest.fixture(scope="module")
def vectors(tmp_path_factory, images):
    path = tmp_path_factory.mktemp("vectors") / "own.npy"
    np.save(path, np.random.default_rng(0).normal(size=(len(images), 6)))
    return path


@pytest.fixture
def run_with(images, expert, tmp_path):
    """Run, and give the lines that name a stage of embeddings."""

    def start(embedding, **options):
        lines = []
        run(
            images,
            tmp_path / "out",
            labels_per_class=2,
            expert_network=expert,
            embedding=embedding,
            log=lines.append,
            **{**QUICK, **options},
        )
        return {
            line.split()[0]: line.endswith("reused") for line in lines if "  embeddings" in line
        }

    return start


def cached(folder, stage):
    """Read a stage's arrays; those of the folds are of the same stage, and come later."""
    places = [path for path in (folder / "out" / "cache").iterdir() if path.name[:-21] == stage]
    place = min(places, key=lambda path: path.stat().st_mtime_ns)
    return [np.load(place / f"{part}.npy") for part in ("pool", "test")]


def in_order(images, split):
    images = images.in_split(split)
    return images.take(np.argsort(images.ids))


def test_the_expert_alone_gives_its_features_as_they_are(run_with, images, expert, tmp_path):
    assert run_with("cnn") == {"embeddings-cnn": False}

    network = load_simple_cnn(expert, 1, 10)
    for found, split in zip(cached(tmp_path, "embeddings-cnn"), ("train", "test"), strict=True):
        pixels = read_images(in_order(images, split)).pixels
        np.testing.assert_array_equal(found, embed(network, pixels))


def test_own_vectors_follow_the_order_of_the_source(run_with, images, vectors, tmp_path):
    run_with(f"vectors:{vectors}")

    rows = dict(zip(images.ids, np.load(vectors), strict=True))
    for found, split in zip(cached(tmp_path, "embeddings-vectors"), ("train", "test"), strict=True):
        expected = [rows[name] for name in in_order(images, split).ids]
        np.testing.assert_array_equal(found, np.array(expected, dtype=np.float32))


def test_several_are_joined_and_centered_by_the_pool(run_with, vectors, tmp_path):
    stages = run_with(f"cnn+pixels:8+vectors:{vectors}")

    assert list(stages) == [
        "embeddings-cnn",
        "embeddings-pixels",
        "embeddings-vectors",
        "embeddings",
    ]
    parts = [cached(tmp_path, name) for name in list(stages)[:3]]
    pools, tests = zip(*parts, strict=True)
    joined = learn_combination(pools)
    for found, wanted in zip(cached(tmp_path, "embeddings"), (pools, tests), strict=True):
        np.testing.assert_array_equal(found, joined.apply(wanted))


def test_only_the_part_that_changed_is_computed_again(run_with, vectors, tmp_path):
    model = write_onnx(tmp_path / "net.onnx")
    assert not any(run_with(f"onnx:{model}+vectors:{vectors}", embedding_size=96).values())

    assert run_with(f"onnx:{model}+vectors:{vectors}", embedding_size=97) == {
        "embeddings-onnx": False,
        "embeddings-vectors": True,
        "embeddings": False,
    }
    assert all(run_with(f"onnx:{model}+vectors:{vectors}", embedding_size=96).values())


def test_images_that_look_alike_at_28_pixels_alone_are_embedded_again(expert, tmp_path):
    model, lines = write_onnx(tmp_path / "net.onnx"), []
    pixels = np.full((60, 56, 56), 128, dtype=np.uint8)
    np.savez(tmp_path / "one.npz", images=pixels, labels=np.arange(60) % 2)
    pixels[:, 20, 20] = 129  # lost in rounding when the image is made smaller
    np.savez(tmp_path / "two.npz", images=pixels, labels=np.arange(60) % 2)
    for name in ("one", "two"):
        found = open_images(tmp_path / f"{name}.npz")
        assert set(read_images(found).pixels.flat) == {128}
        with pytest.warns(InputWarning, match="All vectors are alike"):
            run(
                found,
                tmp_path / "out",
                labels_per_class=2,
                embedding=f"onnx:{model}",
                embedding_size=96,
                log=lines.append,
                **QUICK,
            )

    assert not any(line.endswith("reused") for line in lines if "embeddings-onnx" in line)


def test_an_embedder_learns_from_the_pool_without_any_label(run_with, images, monkeypatch):
    seen = []
    fit = PixelPCA.fit

    def watched(self, pool, **options):
        seen.append(pool)
        return fit(self, pool, **options)

    monkeypatch.setattr(PixelPCA, "fit", watched)
    run_with("pixels:4")

    (pool,) = seen
    assert set(pool.labels) == {-1}
    assert sorted(pool.ids) == sorted(images.in_split("train").ids)


def shorten(monkeypatch, training):
    def short(*settings, **options):
        return training(*settings, **{**options, "epochs": 1})

    monkeypatch.setattr(fine_tuning, training.__name__, short)


@pytest.fixture
def short_lessons(monkeypatch):
    shorten(monkeypatch, FineTuning)
    monkeypatch.setattr(networks, "_DISTILLING_EPOCHS", 1)
    monkeypatch.setattr(self_teaching, "SimCLR", partial(SimCLR, steps=1))
    monkeypatch.setattr(
        neighbor_teaching,
        "NeighborContrastiveTraining",
        partial(NeighborContrastiveTraining, steps=1),
    )


def trained(lines):
    """Tell of each network whether it was there already, whenever it was asked for."""
    told = [(line.split()[0], line.endswith("reused")) for line in lines if "  network-" in line]
    return {name: all(reused for one, reused in told if one == name) for name, _ in told}


def run_kinds(images, folder, expert, embedding, **options):
    lines = []
    run(
        images.take(np.arange(0, len(images), 3)),
        folder / "out",
        expert_network=expert,
        embedding=embedding,
        log=lines.append,
        **{**QUICK, "labels_per_class": 2, **options},
    )
    return trained(lines)


def test_networks_are_trained_for_the_embedders_that_look_through_them(
    images, expert, tmp_path, short_lessons
):
    kinds = "cnn-augmented+contrastive+contrastive-tuned+autoencoder+neighbors"
    found = run_kinds(images, tmp_path, expert, kinds, orientation="fixed")

    assert found == {
        "network-augmented": False,
        "network-simclr": False,
        "network-fine-tuned": False,
        "network-vae": False,
        "network-neighbor-contrastive": False,
    }
    widths = {
        path.name[:-21]: np.load(path / "pool.npy").shape[1]
        for path in (tmp_path / "out" / "cache").glob("embeddings*")
    }
    assert widths == {
        "embeddings-cnn-augmented": 1568,
        "embeddings-contrastive": 896,
        "embeddings-contrastive-tuned": 896,
        "embeddings-autoencoder": 20,
        "embeddings-neighbors": 64,
        "embeddings": 256,
    }


@pytest.mark.slow
def test_other_labels_teach_other_networks_but_not_the_one_that_teaches_itself(
    images, expert, tmp_path, short_lessons
):
    kinds = "cnn-augmented+contrastive-tuned+neighbors"
    run_kinds(images, tmp_path, expert, kinds)

    assert run_kinds(images, tmp_path, expert, kinds, labels_per_class=3) == {
        "network-augmented": False,
        "network-simclr": True,
        "network-fine-tuned": False,
        "network-neighbor-contrastive": True,
    }
    assert all(run_kinds(images, tmp_path, expert, kinds).values())
    assert not any(run_kinds(images, tmp_path, expert, kinds, orientation="fixed").values())


def test_networks_see_the_few_labels_alone(images, expert, tmp_path, short_lessons, monkeypatch):
    seen = []
    fit = FineTuning.fit

    def watched(self, network, pixels, labels, **options):
        seen.append((len(pixels), sorted(labels) if labels.ndim == 1 else labels.shape))
        return fit(self, network, pixels, labels, **options)

    monkeypatch.setattr(FineTuning, "fit", watched)
    run_kinds(images, tmp_path, expert, "cnn-augmented+contrastive-tuned")

    *of_labels, of_found = seen
    assert of_labels[:2] == [(20, sorted(list(range(10)) * 2))] * 2
    assert all(count < 20 for count, _ in of_labels[2:])  # of folds
    assert of_found[0] > 20  # the retrained network's, of what was found for each image
    assert of_found[1] == (of_found[0], 10)


def test_without_test_images_there_are_no_rows_of_them(images, tmp_path, expert):
    pool = images.in_split("train")
    pool.labels[100:] = -1
    run(pool, tmp_path / "out", expert_network=expert, embedding="cnn+pixels:4", **QUICK)

    assert cached(tmp_path, "embeddings")[1].shape == (0, 256)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"embedding": "resnet"},
            "'resnet' is no embedder: choose among backbone, backbone-tuned, ",
        ),
        (
            {"embedding": "cnn", "embedding_size": 96},
            "is for backbone, backbone-tuned, onnx, pretrained",
        ),
        ({"embedding": "onnx:x.onnx", "embedding_size": 95}, "`embedding_size=95` is too small"),
        ({"orientation": "sideways"}, "`orientation='sideways'` is not known"),
        ({"onnx_normalization": "none"}, "`onnx_normalization='none'` is not known"),
    ],
)
def test_settings_that_make_no_sense_are_refused_before_a_folder_is_made(
    images, tmp_path, options, words
):
    with pytest.raises(InputError, match=words):
        run(images, tmp_path / "out", labels_per_class=2, **options)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("embedding", "words"),
    [
        ("cnn+onnx:none.onnx", "none.onnx is not a file"),
        ("vectors:none.npy", "none.npy is not a file"),
        ("pretrained:./none", "none is not a folder"),
        ("pixels:many", "pixels:many is not a number of components"),
    ],
)
def test_what_is_missing_is_said_before_any_image_is_read(
    images, tmp_path, expert, embedding, words
):
    lines = []
    with pytest.raises(InputError, match=words):
        run(
            images,
            tmp_path / "out",
            labels_per_class=2,
            embedding=embedding,
            log=lines.append,
            **QUICK,
        )
    assert not any(line.startswith("  read") for line in lines)


@pytest.mark.parametrize(
    ("fetch", "words"),
    [
        ("never", r"is not on this machine .*: pass `fetch='once'`"),
        ("once", "could not be fetched"),
    ],
)
def test_a_run_downloads_a_model_only_if_asked(images, tmp_path, monkeypatch, fetch, words):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    settings = {"embedding": "pretrained:nobody/none", "fetch": fetch, **QUICK}
    with pytest.raises(DownloadError, match=words):
        run(images, tmp_path / "out", labels_per_class=2, **settings)


def test_a_missing_extra_is_said_before_any_image_is_read(images, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    lines = []
    with pytest.raises(MissingDependencyError, match=r"pip install 'voisin\[onnx\]'"):
        run(
            images,
            tmp_path / "out",
            labels_per_class=2,
            embedding="onnx:x.onnx",
            log=lines.append,
            **QUICK,
        )
    assert not any(line.startswith("  read") for line in lines)
