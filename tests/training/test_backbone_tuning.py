"""Fine-tuning the backbone: it learns, resumes, and gives the same on any number of cores."""

import numpy as np
import pytest
import torch

from voisin.embedding import inference
from voisin.embedding.networks.efficientnet import load_backbone
from voisin.errors import InputError
from voisin.training.backbone_tuning import BackboneTuning

SHORT = BackboneTuning(epochs=6, batch_size=20)


@pytest.fixture(scope="module")
def stripes():
    """Twenty noisy images of 32 pixels: stripes across, and stripes down."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 60, (20, 32, 32, 3))
    pixels[:10, ::4] += 180
    pixels[10:, :, ::4] += 180
    return pixels.astype(np.uint8), np.repeat([0, 1], 10)


def weights_of(network):
    return torch.cat([value.flatten().float() for value in network.state_dict().values()])


def tune(stripes, training=SHORT, **options):
    return training.fit(load_backbone(2), *stripes, device="cpu", **options)


def test_it_learns_what_it_is_shown(stripes):
    network = tune(stripes, BackboneTuning(epochs=12))

    with torch.inference_mode():
        scores = network(inference.to_tensor(stripes[0]))
    assert scores.argmax(1).tolist() == stripes[1].tolist()


def test_the_number_of_cores_changes_nothing(stripes, monkeypatch):
    networks = []
    for cores in (1, 3):
        monkeypatch.setattr(inference, "available_cores", lambda n=cores: n)
        networks.append(tune(stripes))

    assert torch.equal(weights_of(networks[0]), weights_of(networks[1]))


def test_another_random_state_gives_another_network(stripes):
    assert not torch.equal(
        weights_of(tune(stripes, random_state=0)), weights_of(tune(stripes, random_state=1))
    )


def test_an_interrupted_training_ends_as_if_it_had_not_been(stripes, tmp_path):
    def interrupt(task, done, total):
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(stripes, checkpoint=tmp_path / "t.pt", progress=interrupt)
    steps = []
    resumed = tune(
        stripes, checkpoint=tmp_path / "t.pt", progress=lambda task, done, total: steps.append(done)
    )

    assert steps == [6]
    assert torch.equal(weights_of(resumed), weights_of(tune(stripes)))


def test_normalization_keeps_what_was_learned_before(stripes):
    before, after = load_backbone(2).state_dict(), tune(stripes).state_dict()

    means = [name for name in before if name.endswith("running_mean")]
    assert means
    assert all(torch.equal(before[name], after[name]) for name in means)


def test_images_of_weight_0_are_left_out(stripes):
    pixels, labels = stripes
    kept = np.r_[0:5, 10:15]
    weights = np.zeros(20)
    weights[kept] = 1
    wrong = np.where(weights > 0, labels, 1 - labels)

    masked = tune((pixels, wrong), weights=weights)
    alone = tune((pixels[kept], labels[kept]))
    assert torch.equal(weights_of(masked), weights_of(alone))


@pytest.mark.parametrize(("setting", "value"), [("epochs", 0), ("orientation", "sideways")])
def test_settings_out_of_range_are_refused(setting, value):
    with pytest.raises(InputError, match=setting):
        BackboneTuning(**{setting: value})
