"""The line that says which pretrained model is better than the installed backbone."""

import pytest

from voisin.embedding import better_backbones
from voisin.embedding.better_backbones import describe_better_backbone

FILES = ("config.json", "preprocessor_config.json", "model.safetensors")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def keep(cache, model, files=FILES):
    """Lay the files of a model where the hub's client keeps them."""
    folder = cache / f"models--{model.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0" * 40)
    snapshot = folder / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    for name in files:
        (snapshot / name).write_text("{}")


@pytest.mark.usefixtures("cache")
def test_without_any_on_disk_it_says_how_to_fetch_the_smallest():
    assert describe_better_backbone() == (
        "A better backbone could be had: --fetch once --embedding "
        "pretrained:facebook/dinov2-small (slower; of ImageNet's images 81.1 % right, 75.1 % by "
        "the installed one)"
    )


def test_the_best_that_is_complete_on_disk_is_named(cache):
    keep(cache, "facebook/dinov2-small")
    keep(cache, "facebook/dinov2-base")
    keep(cache, "facebook/dinov2-large", FILES[:2])

    assert describe_better_backbone().startswith(
        "A better backbone is on this machine: --embedding pretrained:facebook/dinov2-base "
        "(slower; of ImageNet's images 84.5 % right"
    )


def test_without_the_extra_it_says_to_install_it_first(cache, monkeypatch):
    keep(cache, "facebook/dinov2-small")
    monkeypatch.setattr(better_backbones, "find_spec", lambda name: name != "transformers" or None)

    assert "could be had: pip install 'voisin[pretrained]', then --fetch once --emb" in (
        describe_better_backbone()
    )
