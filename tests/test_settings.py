"""A setting is written once: its field carries default, check, help and heading."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

import voisin
from voisin.errors import InputError
from voisin.settings import HEADINGS, Settings

EVERY = fields(Settings)


@pytest.mark.parametrize("setting", EVERY, ids=lambda setting: setting.name)
def test_every_setting_has_a_help_text_a_heading_and_a_command(setting):
    assert setting.metadata["help"].endswith(".")
    assert len(setting.metadata["help"]) > 30  # a sentence, not a note
    assert setting.metadata["heading"] in HEADINGS
    assert "run" in setting.metadata["commands"]


@pytest.mark.parametrize("setting", EVERY, ids=lambda setting: setting.name)
def test_the_docstring_states_default_and_help_text_of_every_setting(setting):
    documented = " ".join(voisin.Settings.__doc__.split())
    assert " ".join(setting.metadata["help"].split()) in documented
    (line,) = [x for x in Settings.__doc__.splitlines() if x.startswith(f"{setting.name} : ")]
    default = f'"{setting.default}"' if isinstance(setting.default, str) else setting.default
    assert line.endswith("optional" if default is None else f"default={default}")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("labels_per_class", 0, "`labels_per_class=0` is too small: pass 1 or more"),
        ("labels", np.zeros(9), r"`labels` is a ndarray: pass the path of a table \(id, label\)"),
        ("expert_network", 3, "`expert_network` is a int: pass the path of a file of weights"),
        ("random_state", -1, "`random_state=-1` is too small: pass 0 or more"),
        ("random_state", 2**32, r"`random_state=4294967296` is outside \[0, 4.29497e\+09\]"),
        ("test_share", 0.95, r"`test_share=0.95` is outside \[0, 0.9\]"),
        ("epochs", 0, "`epochs=0` is too small"),
        ("threshold", 1.5, r"`threshold=1.5` is outside \[0, 1\]"),
        ("quota", 0, "`quota=0` is too small"),
        ("rounds", 1.5, "`rounds=1.5` is no whole number"),
        ("embedding", "resnet", "'resnet' is no embedder: choose among backbone"),
        ("embedding_size", 95, "`embedding_size=95` is too small: pass 96 or more"),
        ("onnx_normalization", "mean", "`onnx_normalization='mean'` is not known: choose one of"),
        (
            "orientation",
            "tilted",
            "`orientation='tilted'` is not known: choose one of auto, any, upright",
        ),
        ("n_neighbors", True, "`n_neighbors=True` is no whole number"),
        (
            "metric",
            "manhattan",
            "`metric='manhattan'` is not known: choose one of cosine, euclidean",
        ),
        ("method", "magic", "`method='magic'` is not known: choose one of auto"),
        ("alpha", 1, r"`alpha=1` is outside \(0, 1\)"),
        ("loop_rounds", -1, "`loop_rounds=-1` is too small"),
        ("retraining_epochs", 0, "`retraining_epochs=0` is too small"),
        ("max_unreadable", -0.1, r"`max_unreadable=-0.1` is outside \[0, 1\]"),
    ],
)
def test_a_value_out_of_range_is_refused(name, value, message):
    with pytest.raises(InputError, match=message):
        Settings(**{name: value})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"labels_per_class": 5, "labels": Path("few.csv")},
            r"`labels_per_class=5` and `labels=few\.csv` are both given: pass one of them",
        ),
        (
            {"embedding": "pixels", "embedding_size": 96},
            "`embedding_size=96` is for backbone, backbone-tuned, onnx, pretrained, "
            "and `embedding='pixels'` has none",
        ),
        (
            {"embedding": "pixels", "loop_rounds": 1},
            "`embedding='pixels'` has none that learns from labels",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        Settings(**settings)


def test_paths_may_be_texts_and_are_texts_again_in_the_dictionary():
    settings = Settings(labels="few.csv", expert_network=Path("own.pth"))
    assert settings.labels == (Path("few.csv"),)
    written = settings.as_dict()
    assert (written["labels"], written["expert_network"]) == (["few.csv"], "own.pth")
    assert Settings(labels=["a.csv", Path("b.csv")]).as_dict()["labels"] == ["a.csv", "b.csv"]
    assert Settings(labels=[]).labels is None
    assert written.keys() == {setting.name for setting in EVERY}


def test_the_recipe_of_the_chapter_sets_what_is_not_set_otherwise():
    chapter = Settings(recipe="chapter", method="poisson")

    assert (chapter.embedding, chapter.method, chapter.decide) == ("cnn", "poisson", "likeliest")
    assert Settings().embedding == "auto"
