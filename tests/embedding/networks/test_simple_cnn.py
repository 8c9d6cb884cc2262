"""SimpleCNN is the notebook's network, and its files load as weights alone."""

import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from voisin.embedding.inference import embed, predict, to_tensor
from voisin.embedding.networks.simple_cnn import SimpleCNN, load_simple_cnn
from voisin.errors import InputError

KEYS_OF_THE_NOTEBOOK = [
    "layer1.0.weight",
    "layer1.0.bias",
    "layer1.1.weight",
    "layer1.1.bias",
    "layer1.1.running_mean",
    "layer1.1.running_var",
    "layer1.1.num_batches_tracked",
    "layer2.0.weight",
    "layer2.0.bias",
    "layer2.1.weight",
    "layer2.1.bias",
    "layer2.1.running_mean",
    "layer2.1.running_var",
    "layer2.1.num_batches_tracked",
    "fc.weight",
    "fc.bias",
]


def random_pixels(n_images=5, channels=3):
    return np.random.default_rng(0).integers(0, 256, (n_images, 28, 28, channels), dtype=np.uint8)


def test_state_dict_has_the_keys_of_the_notebook():
    assert list(SimpleCNN(3, 7).state_dict()) == KEYS_OF_THE_NOTEBOOK


def test_features_and_scores_follow_the_notebooks_layers():
    network = SimpleCNN(3, 7).eval()
    images = to_tensor(random_pixels())
    x = images
    for block in (network.layer1, network.layer2):
        conv, norm = block[0], block[1]
        x = nn.functional.conv2d(x, conv.weight, conv.bias, padding=1)
        scale = norm.weight / torch.sqrt(norm.running_var + 1e-5)
        x = (x - norm.running_mean[:, None, None]) * scale[:, None, None]
        x = nn.functional.max_pool2d(torch.relu(x + norm.bias[:, None, None]), 2)
    x = x.reshape(5, 1568)

    torch.testing.assert_close(network.features(images), x)
    torch.testing.assert_close(network(images), x @ network.fc.weight.T + network.fc.bias)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_survive_saving_and_loading(tmp_path, suffix):
    network, path = SimpleCNN(3, 7).eval(), tmp_path / f"expert{suffix}"
    if suffix == ".pth":
        torch.save(network.state_dict(), path)
    else:
        save_file(network.state_dict(), path)

    pixels = random_pixels()
    np.testing.assert_array_equal(
        embed(load_simple_cnn(path, 3, 7), pixels), embed(network, pixels)
    )


def test_a_mismatch_says_which_key_and_shape(tmp_path):
    path = tmp_path / "expert.pth"
    torch.save(SimpleCNN(3, 7).state_dict(), path)
    with pytest.raises(InputError, match=r"fc.weight has shape \(7, 1568\), expected \(9, 1568\)"):
        load_simple_cnn(path, 3, 9)
    with pytest.raises(InputError, match=r"layer1.0.weight has shape \(16, 3, 3, 3\)"):
        load_simple_cnn(path, 1, 7)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state: state.pop("fc.bias"), "fc.bias is missing"),
        (lambda state: state.update(head=torch.zeros(1)), "head is not one of its keys"),
    ],
)
def test_a_missing_or_unknown_key_is_named(tmp_path, change, words):
    state, path = SimpleCNN(3, 7).state_dict(), tmp_path / "expert.pth"
    change(state)
    torch.save(state, path)
    with pytest.raises(InputError, match=words):
        load_simple_cnn(path, 3, 7)


class Intruder:
    def __reduce__(self):
        return (pytest.fail, ("code of the file was run",))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_with_code_or_damage_is_refused_without_running_it(tmp_path, suffix):
    path = tmp_path / f"expert{suffix}"
    path.write_bytes(pickle.dumps(Intruder()))
    with pytest.raises(InputError, match=r"is damaged, or holds more than weights, .*: save"):
        load_simple_cnn(path, 3, 7)


def test_a_missing_file_and_a_foreign_object_are_refused(tmp_path):
    with pytest.raises(InputError, match="is not a file"):
        load_simple_cnn(tmp_path / "none.pth", 3, 7)
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(InputError, match="holds no state dict"):
        load_simple_cnn(tmp_path / "list.pth", 3, 7)


def test_pixels_are_scaled_as_the_notebook_does():
    pixels = np.zeros((1, 1, 2, 1), dtype=np.uint8)
    pixels[0, 0, 1, 0] = 255
    assert to_tensor(pixels).flatten().tolist() == [-1.0, 1.0]


def test_predictions_are_distributions_and_do_not_depend_on_the_batch():
    network, pixels = SimpleCNN(1, 4).eval(), random_pixels(600, channels=1)
    all_at_once = predict(network, pixels)

    np.testing.assert_allclose(all_at_once.sum(axis=1), 1)
    np.testing.assert_allclose(predict(network, pixels[500:]), all_at_once[500:], atol=1e-6)
    with torch.no_grad():
        expected = torch.softmax(network(to_tensor(pixels)).double(), dim=1).numpy()
    np.testing.assert_allclose(all_at_once, expected, atol=1e-6)


def test_embeddings_are_1568_float32_values_and_progress_reaches_the_end():
    seen = []
    vectors = embed(
        SimpleCNN(1, 4), random_pixels(600, 1), progress=lambda *update: seen.append(update)
    )
    assert vectors.shape == (600, 1568)
    assert vectors.dtype == np.float32
    assert seen == [("Embedding images", 512, 600), ("Embedding images", 600, 600)]


def test_no_images_give_no_rows():
    assert predict(SimpleCNN(1, 4), random_pixels(0, 1)).shape == (0, 4)


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(InputError, match=r"`device='tpu'` is not there: this machine has .*cpu"):
        predict(SimpleCNN(1, 4), random_pixels(1, 1), device="tpu")


def test_outputs_are_put_in_the_order_of_the_images_classes(tmp_path):
    network, path = SimpleCNN(1, 3).eval(), tmp_path / "model.safetensors"
    save_file(network.state_dict(), path, {"voisin": '{"class_names": ["cat", "dog", "emu"]}'})
    pixels = random_pixels(channels=1)

    turned = load_simple_cnn(path, 1, 3, ("emu", "cat", "dog"))

    expected = predict(network, pixels)[:, [2, 0, 1]]
    np.testing.assert_allclose(predict(turned, pixels), expected, atol=1e-7)
    with pytest.raises(InputError, match="trained on the classes cat, dog, emu, but"):
        load_simple_cnn(path, 1, 3, ("cat", "dog", "fox"))
