"""``pretrained``: features by a vision model of Hugging Face transformers.

Each image goes through the model's own processor (the Pillow one), then the model. Of what the
model gives, the vector is, by the first rule that fits:

1. a model of images and texts, such as CLIP: the image's projection into their shared space
   (``image_embeds``);
2. a model with a class token, such as ViT and DINOv2: the class token of the last layer;
3. a model with a pooled output, such as ResNet, ConvNeXT and Swin: that (``pooler_output``);
4. any other: the mean of the last layer over tokens, or over height and width.

Weights come from safetensors alone, and no code of a model is ever run.
"""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from voisin.embedding.inference import choose_device, describe_rounding
from voisin.embedding.registry import EmbedderOptions, embed_by_batch, fill_batch
from voisin.embedding.weights import digest_files, find_model, first_line, list_model_files
from voisin.errors import InputError
from voisin.types import Embeddings, ImageCollection, Progress, no_progress

_BATCH_SIZE = 32  # chosen by hand: more take more memory, fewer leave a GPU idle
_CLASS_TOKENS = ("cls_token", "class_embedding")  # as transformers names their weights


class Pretrained:
    """Embeds images with a model of Hugging Face, in half precision on a GPU.

    Parameters
    ----------
    source : str
        Local folder, or id of a model of the hub.
    size : int, optional
        Pixels per side of the images that the model gets; by default as its processor says.
    device : str, default="auto"
    fetch : {"never", "once", "always"}, default="never"
        When the model may be downloaded; see `voisin.embedding.weights.find_model`.
    progress : callable, optional
        Called during the download.

    Raises
    ------
    InputError
        If it is no vision model, its weights do not fit, or it takes no images of this size.
    DownloadError
        If the model is not on this machine, and cannot or must not be fetched.
    """

    def __init__(
        self,
        source: str,
        *,
        size: int | None = None,
        device: str = "auto",
        fetch: str = "never",
        progress: Progress = no_progress,
    ) -> None:
        self._source = source
        self._size = size
        self._device = choose_device(device)
        self._folder = find_model(source, fetch, progress)
        with _silence_transformers():
            self._processor, self._model = _load(source, self._folder)
        self._dtype = torch.float16 if self._device.type == "cuda" else torch.float32
        self._model.to(self._device, self._dtype).eval()
        self._sizes = {} if size is None else _choose_sizes(self._processor, size)
        self._try_out()

    @property
    def input_size(self) -> None:
        """None, because the model's processor resizes each image."""
        return

    def fingerprint(self) -> str:
        """Return a digest of the model's files, and the settings."""
        digest = digest_files(list_model_files(self._folder))
        rounding = f"{self._dtype} {describe_rounding(self._device)}"
        return f"pretrained {self._size} {rounding} {version('transformers')} {digest}"

    def embed(self, images: ImageCollection, *, progress: Progress = no_progress) -> Embeddings:
        """Return the model's features of each image.

        Raises
        ------
        InputError
            If the model gives values that are not finite.
        """

        def embed_batch(batch: ImageCollection) -> NDArray[np.float32]:
            positions = fill_batch(batch.positions, _BATCH_SIZE)
            pictures = {i: batch.reader.load(i) for i in batch.positions.tolist()}
            return self._run([pictures[i] for i in positions.tolist()])[: len(batch)]

        return embed_by_batch(
            images,
            embed_batch,
            batch_size=_BATCH_SIZE,
            name=f"pretrained ({Path(self._source).name})",
            progress=progress,
        )

    @torch.inference_mode()
    def _run(self, pictures: list[Image.Image]) -> NDArray[np.float32]:
        pictures = [picture.convert("RGB") for picture in pictures]
        inputs = self._processor(images=pictures, return_tensors="pt", **self._sizes)
        pixels = inputs["pixel_values"].to(self._device, self._dtype)
        return extract_vectors(self._model, pixels).float().cpu().numpy()

    def _try_out(self) -> None:
        """Run the model once, to find out early whether it takes images of this size."""
        try:
            self._run([Image.new("RGB", (32, 32))])
        except (ValueError, RuntimeError, TypeError) as error:
            size = (
                "of its own size" if self._size is None else f"with `embedding_size={self._size}`"
            )
            message = (
                f"{self._source} does not run on images {size} ({first_line(error)}): "
                "pass another `embedding_size` or model."
            )
            raise InputError(message) from error


def extract_vectors(model: Any, pixels: torch.Tensor) -> torch.Tensor:
    """Return one vector per image, by the rules of this module."""
    if hasattr(model.config, "vision_config") and hasattr(model.config, "text_config"):
        output = model.get_image_features(pixels, **_allow_interpolation(model.get_image_features))
        return getattr(output, "pooler_output", output).flatten(1)
    output = model(pixel_values=pixels, **_allow_interpolation(model.forward))
    if _has_class_token(model):
        return output.last_hidden_state[:, 0]
    if getattr(output, "pooler_output", None) is not None:
        return output.pooler_output.flatten(1)
    last = output.last_hidden_state
    return last.mean(dim=(2, 3)) if last.ndim == 4 else last.mean(dim=1)


def _has_class_token(model: Any) -> bool:
    embeddings = getattr(model, "embeddings", None)
    return any(getattr(embeddings, name, None) is not None for name in _CLASS_TOKENS)


def _allow_interpolation(function: Any) -> dict[str, bool]:
    """Return the option that interpolates position embeddings, if the model has it."""
    name = "interpolate_pos_encoding"
    return {name: True} if name in inspect.signature(function).parameters else {}


def _load(source: str, folder: Path) -> tuple[Any, Any]:
    """Load the processor and the model of a folder."""
    from transformers import AutoImageProcessor, AutoModel

    try:
        processor = AutoImageProcessor.from_pretrained(
            folder, backend="pil", trust_remote_code=False, local_files_only=True
        )
    except (ValueError, OSError, ImportError) as error:
        message = (
            f"{source} is not a vision model that can be used here ({first_line(error)}): "
            "pass one whose preprocessor_config.json names an image processor of transformers."
        )
        raise InputError(message) from error
    try:
        model, report = AutoModel.from_pretrained(
            folder,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are refused below, by name
        )
    except (ValueError, OSError, RuntimeError, KeyError) as error:
        message = f"{source} cannot be loaded ({first_line(error)}): fetch its files again."
        raise InputError(message) from error
    unset = sorted({*report["missing_keys"], *(key[0] for key in report["mismatched_keys"])})
    if _has_class_token(model):  # then the pooling layer is not used, and may lack weights
        unset = [name for name in unset if not name.startswith("pooler.")]
    if unset:
        message = (
            f"{source}: {len(unset)} weights are missing or of another shape, such as {unset[0]}: "
            "its config.json and its weights do not belong together."
        )
        raise InputError(message)
    return processor, model


def _choose_sizes(processor: Any, size: int) -> dict[str, dict[str, int]]:
    """Return the processor's options that give the model images of `size` pixels per side.

    A crop keeps its share of the image.
    """
    square = {"height": size, "width": size}
    resized = dict(processor.size or {})
    shorter = resized.get("shortest_edge")
    crop = dict(getattr(processor, "crop_size", None) or {})
    if not shorter:
        return {"size": square, "crop_size": square} if crop else {"size": square}
    if not (crop and getattr(processor, "do_center_crop", False)):
        return {"size": {"shortest_edge": size}}
    share = shorter / min(crop["height"], crop["width"])
    return {"size": {"shortest_edge": round(size * share)}, "crop_size": square}


@contextmanager
def _silence_transformers() -> Iterator[None]:
    """Keep reports and progress bars off the screen; errors are raised anyway."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def make(argument: str, options: EmbedderOptions) -> Pretrained:
    """Make the embedder; the argument is a local folder or the id of a model."""
    return Pretrained(
        argument,
        size=options.size,
        device=options.device,
        fetch=options.fetch,
        progress=options.progress,
    )
