"""Tiny models of every kind, randomly initialized and saved during the test."""

import json

import numpy as np
import onnx
from onnx import TensorProto, helper


def write_onnx(path, shape=("N", 3, "H", "W"), outputs=("map",), dtype=TensorProto.FLOAT, inputs=1):
    """Write a convolution with ReLU of 4 channels; gives its map, and flat the map's mean."""
    channels = shape[3] if shape[3] in (1, 3) else shape[1]
    channels = channels if isinstance(channels, int) else 3
    first = shape[3] not in (1, 3)
    kernel = np.random.default_rng(0).normal(size=(4, channels, 3, 3)).astype(np.float32)
    names = [f"input{number}" for number in range(inputs)]
    nodes = [
        helper.make_node("Cast", [names[0]], ["float"], to=TensorProto.FLOAT),
        helper.make_node(
            "Transpose", ["float"], ["x"], perm=[0, 1, 2, 3] if first else [0, 3, 1, 2]
        ),
        helper.make_node("Conv", ["x", "kernel"], ["y"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["y"], ["z"]),
        helper.make_node("Transpose", ["z"], ["map"], perm=[0, 1, 2, 3] if first else [0, 2, 3, 1]),
        helper.make_node("GlobalAveragePool", ["z"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
    ]
    ranks = {"map": ["N", "a", "b", "c"], "flat": ["N", 4]}
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info(name, dtype, shape) for name in names],
        [helper.make_tensor_value_info(o, TensorProto.FLOAT, ranks[o]) for o in outputs],
        [helper.make_tensor("kernel", TensorProto.FLOAT, kernel.shape, kernel.ravel())],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)
    return path


def kernel_of(path):
    return onnx.numpy_helper.to_array(onnx.load(path).graph.initializer[0])


_TOKENS = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "image_size": 64,
    "patch_size": 16,
}
_NORMAL = {"image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.25, 0.3]}


def write_resnet(folder):
    from transformers import ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 12], depths=[1, 1], layer_type="basic")
    settings = {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 64}}
    return _save(folder, ResNetForImageClassification(config), {**settings, "crop_pct": 0.875})


def write_vit(folder):
    from transformers import ViTConfig, ViTForImageClassification

    settings = {"feature_extractor_type": "ViTFeatureExtractor", "size": 64}  # as older files are
    return _save(folder, ViTForImageClassification(ViTConfig(**_TOKENS)), settings)


def write_dinov2(folder):
    from transformers import Dinov2Config, Dinov2Model

    config = Dinov2Config(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=56, patch_size=14
    )
    settings = {"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 64}}
    return _save(folder, Dinov2Model(config), {**settings, "crop_size": _square(56)})


def write_clip(folder):
    from transformers import CLIPConfig, CLIPModel

    ids = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}
    vision = {**_TOKENS, "projection_dim": 10}
    texts = {**_TOKENS, "vocab_size": 50, "num_hidden_layers": 1, **ids}
    config = CLIPConfig(text_config=texts, vision_config=vision, projection_dim=10)
    settings = {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 64}}
    return _save(folder, CLIPModel(config), {**settings, "crop_size": _square(64)})


def write_swin(folder):
    from transformers import SwinConfig, SwinModel

    config = SwinConfig(
        image_size=64, patch_size=4, embed_dim=8, depths=[1, 1], num_heads=[2, 2], window_size=4
    )
    settings = {"image_processor_type": "ViTImageProcessor", "size": _square(64)}
    return _save(folder, SwinModel(config), settings)


def _square(size):
    return {"height": size, "width": size}


def _save(folder, model, processor):
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    settings = {"do_normalize": True, "do_rescale": True, "do_resize": True, "resample": 3}
    document = {**settings, **_NORMAL, **processor}
    (folder / "preprocessor_config.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


MODELS = {
    "resnet": write_resnet,
    "vit": write_vit,
    "dinov2": write_dinov2,
    "clip": write_clip,
    "swin": write_swin,
}
