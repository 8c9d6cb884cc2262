"""Features by models of Hugging Face, tiny and random, from a folder or from a local hub."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from tests.embedding.small_models import MODELS, write_dinov2, write_resnet, write_vit
from voisin.embedding.pretrained import Pretrained
from voisin.errors import DownloadError, InputError
from voisin.sources.opening import open_images

IMAGES = 3


@pytest.fixture(scope="module")
def images():
    return open_images("digits").take(np.arange(IMAGES))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    parent = tmp_path_factory.mktemp("models")
    return {name: write(parent / name) for name, write in MODELS.items()}


def pixel_values(images, resized, cropped, resample=Image.Resampling.BICUBIC):
    """What processors do, by hand: resize, cut out the center, scale, normalize."""
    margin = (resized - cropped) // 2
    values = []
    for position in images.positions:
        picture = images.reader.load(int(position)).convert("RGB")
        picture = picture.resize((resized, resized), resample)
        box = (margin, margin, margin + cropped, margin + cropped)
        values.append(np.asarray(picture.crop(box)) / 255)
    scaled = (np.stack(values) - [0.4, 0.5, 0.6]) / [0.2, 0.25, 0.3]
    return torch.from_numpy(scaled.transpose(0, 3, 1, 2)).float()


def reference(name, folder, values):
    import transformers

    with torch.inference_mode():
        if name == "clip":
            tower = transformers.CLIPVisionModelWithProjection.from_pretrained(folder).eval()
            return tower(values).image_embeds.numpy()
        model = transformers.AutoModel.from_pretrained(folder).eval()
        output = model(values)
        if name in ("vit", "dinov2"):
            return output.last_hidden_state[:, 0].numpy()
        return output.pooler_output.flatten(1).numpy()


@pytest.mark.parametrize(
    ("name", "resized", "cropped", "n_dims"),
    [
        ("resnet", 73, 64, 12),  # 64 / 0.875 = 73, of which the center
        ("vit", 64, 64, 16),
        ("dinov2", 64, 56, 16),
        ("clip", 64, 64, 10),
        ("swin", 64, 64, 16),
    ],
)
def test_features_are_the_models_own_of_the_images_that_its_processor_makes(
    folders, images, name, resized, cropped, n_dims
):
    found = Pretrained(str(folders[name]), device="cpu").embed(images)

    expected = reference(name, folders[name], pixel_values(images, resized, cropped))
    assert found.shape == (IMAGES, n_dims)
    np.testing.assert_allclose(found, expected, atol=0.02, rtol=0.02)


@pytest.mark.parametrize("name", MODELS)
def test_the_model_gets_as_many_pixels_as_asked(folders, images, name):
    embedder = Pretrained(str(folders[name]), size=112, device="cpu")
    seen = []
    hook = torch.nn.modules.module.register_module_forward_pre_hook(
        lambda module, inputs: seen.extend(
            value.shape for value in inputs if isinstance(value, torch.Tensor) and value.ndim == 4
        )
    )
    try:
        embedder.embed(images)
    finally:
        hook.remove()

    assert seen[0][1:] == (3, 112, 112)


def test_loading_and_embedding_write_nothing_to_the_screen(folders, images, capfd):
    Pretrained(str(folders["vit"]), device="cpu").embed(images)

    assert capfd.readouterr() == ("", "")


def without_file(folder, name):
    (folder / name).unlink()


def without_weights(folder):
    path = folder / "model.safetensors"
    weights = load_file(path)
    weights.pop(next(name for name in weights if "encoder" in name))
    save_file(weights, path, metadata={"format": "pt"})


def of_another_shape(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"mlp_ratio": 2}))


def as_text_model(folder):
    config = {"model_type": "bert", "architectures": ["BertModel"]}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "preprocessor_config.json").write_text("{}")


def with_code(folder):
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoModel": "code.Own", "AutoConfig": "code.C"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "code.py").write_text("raise SystemExit('code of the model was run')")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda folder: without_file(folder, "config.json"), r"lacks config.json: copy config"),
        (
            lambda folder: without_file(folder, "preprocessor_config.json"),
            r"lacks preprocessor_config.json: copy config.json, preprocessor_config.json and model",
        ),
        (lambda folder: without_file(folder, "model.safetensors"), r"lacks model.safetensors"),
        (without_weights, r"1 weights are missing or of another shape, such as encoder"),
        (of_another_shape, r"6 weights are missing or of another shape, such as encoder"),
        (as_text_model, "is not a vision model that can be used here"),
        (with_code, "cannot be loaded"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_in_one_line(tmp_path, change, words):
    folder = write_dinov2(tmp_path / "model")
    change(folder)
    with pytest.raises(InputError, match=words) as refused:
        Pretrained(str(folder), device="cpu")
    assert "\n" not in str(refused.value)


def test_weights_in_a_pickle_are_not_read(tmp_path):
    folder = write_resnet(tmp_path / "model")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match="another format than safetensors are not read"):
        Pretrained(str(folder), device="cpu")


def test_weights_in_several_files_are_read(tmp_path, images):
    folder = write_vit(tmp_path / "model")
    expected = Pretrained(str(folder), device="cpu").embed(images)
    weights = load_file(folder / "model.safetensors")
    names = sorted(weights)
    parts = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, of_file in parts.items():
        save_file({name: weights[name] for name in of_file}, folder / file, {"format": "pt"})
    where = {name: file for file, of_file in parts.items() for name in of_file}
    index = {"metadata": {}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "model.safetensors").unlink()

    split = Pretrained(str(folder), device="cpu")
    before = split.fingerprint()
    np.testing.assert_allclose(split.embed(images), expected, atol=1e-6)
    with (folder / "b.safetensors").open("ab") as file:
        file.write(b" ")
    assert split.fingerprint() != before


@pytest.mark.parametrize("source", ["./none", "/no/such/folder", "~/none", "a/b/c"])
def test_a_folder_that_is_not_there_is_not_looked_for_on_the_hub(source):
    with pytest.raises(InputError, match=r"is not a folder: pass one with config.json, prep"):
        Pretrained(source, device="cpu")


class Hub(BaseHTTPRequestHandler):
    """Serves the files of one folder as the model ``someone/small``."""

    protocol_version = "HTTP/1.1"
    asked: list[str]

    def do_HEAD(self):
        self.answer(with_body=False)

    def do_GET(self):
        self.answer(with_body=True)

    def answer(self, *, with_body):
        repository, _, name = self.path.split("?")[0].lstrip("/").partition("/resolve/main/")
        path = self.server.folder / name
        known = repository == "someone/small"
        content = path.read_bytes() if known and name and path.is_file() else b""
        self.send_response(200 if content else 404)
        if not content:
            self.send_header("X-Error-Code", "EntryNotFound" if known else "RepoNotFound")
        self.send_header("X-Repo-Commit", self.server.commit)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.server.asked.append(name or self.path)
        if with_body:
            self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(tmp_path, monkeypatch, folders):
    """A hub on this machine, and an empty cache."""
    from huggingface_hub import constants

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.folder, server.asked, server.commit = folders["resnet"], [], "0" * 40
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    path = constants.HUGGINGFACE_CO_URL_TEMPLATE.removeprefix(constants.ENDPOINT)
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + path)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    server.cache = tmp_path / "hub"
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def fetched(fetch="once", **options):
    return Pretrained("someone/small", device="cpu", fetch=fetch, **options)


def test_a_model_of_the_hub_is_fetched_once_with_progress(hub, folders, images, capfd):
    seen = []
    model = fetched(progress=lambda *update: seen.append(update))
    size = (folders["resnet"] / "model.safetensors").stat().st_size

    assert ("Downloading model.safetensors", size, size) in seen
    np.testing.assert_array_equal(
        model.embed(images), Pretrained(str(folders["resnet"]), device="cpu").embed(images)
    )
    files = [name for name in hub.asked if not name.startswith("/api/")]
    assert set(files) == {"config.json", "preprocessor_config.json", "model.safetensors"}
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("fetch", ["never", "once"])
def test_what_was_fetched_is_found_again_without_asking_the_hub(hub, images, fetch):
    before = fetched().embed(images)
    hub.asked.clear()

    np.testing.assert_array_equal(fetched(fetch).embed(images), before)
    assert hub.asked == []


def test_a_newer_version_is_fetched_only_by_always(hub, folders, images):
    before = fetched().embed(images)
    hub.folder, hub.commit = folders["vit"], "1" * 40

    np.testing.assert_array_equal(fetched("once").embed(images), before)
    np.testing.assert_array_equal(
        fetched("always").embed(images), Pretrained(str(folders["vit"]), device="cpu").embed(images)
    )


def test_without_a_connection_always_takes_what_was_fetched(hub, images, monkeypatch):
    from huggingface_hub import constants

    before = fetched().embed(images)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)

    np.testing.assert_array_equal(fetched("always").embed(images), before)


def test_nothing_is_fetched_unless_asked_for(hub, tmp_path):
    with pytest.raises(DownloadError) as refused:
        Pretrained("someone/small", device="cpu")

    assert str(refused.value) == (
        f"The model 'someone/small' is not on this machine (looked in {tmp_path / 'hub'}): pass "
        "`fetch='once'` to download it. Or bring it: where there is internet, download its "
        "config.json, preprocessor_config.json and model.safetensors into one folder, copy that "
        "here, and pass pretrained:path/to/folder."
    )
    assert hub.asked == []


def test_half_of_a_model_is_not_taken_for_all_of_it(hub):
    fetched()
    weights = next(hub.cache.rglob("model.safetensors"))
    weights.unlink()
    with pytest.raises(DownloadError, match=r"is not on this machine .* pass `fetch='once'`"):
        fetched("never")
    fetched("once")
    assert weights.is_file()


def test_offline_the_error_names_the_files_to_bring_and_where_to(hub, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(DownloadError) as refused:
        fetched()

    assert str(refused.value) == (
        "The model 'someone/small' could not be fetched: the hub cannot be reached. Or bring it: "
        "where there is internet, download its config.json, preprocessor_config.json and "
        "model.safetensors into one folder, copy that here, and pass pretrained:path/to/folder."
    )
    assert hub.asked == []


def test_a_model_that_the_hub_does_not_have_is_a_download_error(hub):
    with pytest.raises(DownloadError, match=r"'nobody/none' could not be fetched: .* bring it"):
        Pretrained("nobody/none", device="cpu", fetch="once")


def test_a_model_without_safetensors_is_a_download_error(hub, tmp_path):
    hub.folder = tmp_path
    write_resnet(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(DownloadError, match=r"it lacks one of config.json, .*safetensors"):
        fetched()
    assert "pytorch_model.bin" not in hub.asked


@pytest.mark.parametrize("fetch", ["never", "once"])
def test_what_is_no_name_of_a_model_is_a_download_error(fetch):
    with pytest.raises(DownloadError, match=r"'a b' (is not on|could not be fetched)"):
        Pretrained("a b", device="cpu", fetch=fetch)
