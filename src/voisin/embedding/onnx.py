"""``onnx``: features by any ONNX model of images, through onnxruntime.

The images are resized to the model's square, normalized as set, and laid out as its input
needs. A model of one channel gets color images as gray; one of three channels gets gray images
repeated three times. The first output with two axes is used, else the first output. Feature maps
(n, channels, height, width) are averaged over height and width, tokens (n, tokens, dims) over
tokens.
"""

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voisin.embedding.registry import EmbedderOptions, embed_by_batch, fill_batch
from voisin.embedding.specification import NORMALIZATIONS
from voisin.embedding.weights import digest_files, first_line
from voisin.errors import InputError
from voisin.sources.reading import read_images
from voisin.types import Embeddings, ImageCollection, Pixels, Progress, no_progress
from voisin.validation import check_one_of

_BATCH_SIZE = 32  # if the model takes any number; by hand: 20 MB of images of 224 × 224
_DEFAULT_SIZE = 224  # if the model takes any size; usual for models trained on ImageNet
_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}  # by onnxruntime's names
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, with which Pillow turns color to gray


@dataclass(frozen=True)
class ImageInput:
    """The shape and type of images that a model takes.

    Attributes
    ----------
    name : str
    dtype : type
    channels_first : bool
    n_channels : int
        1 or 3.
    size : int, optional
        Pixels per side; None if the model takes any size.
    batch_size : int, optional
        None if the model takes any number.
    """

    name: str
    dtype: type
    channels_first: bool
    n_channels: int
    size: int | None
    batch_size: int | None


class OnnxModel:
    """Embeds images with an ONNX model of the user.

    Parameters
    ----------
    path : Path
    size : int, optional
        Pixels per side; by default the model's own, or 224 if it takes any size.
    normalization : {"imagenet", "-1..1", "0..1", "0..255"}, default="imagenet"
    device : str, default="auto"
        CUDA is used if onnxruntime supports it.

    Raises
    ------
    InputError
        If there is no such file, it is not a model of images, or it takes another size.
    """

    def __init__(
        self,
        path: Path,
        *,
        size: int | None = None,
        normalization: str = "imagenet",
        device: str = "auto",
    ) -> None:
        check_one_of("onnx_normalization", normalization, NORMALIZATIONS)
        self._path = path
        self._normalization = normalization
        self._session = _open_session(path, device)
        self._input = find_image_input(path, self._session.get_inputs())
        outputs = self._session.get_outputs()
        self._output = next((out for out in outputs if len(out.shape) == 2), outputs[0]).name
        if self._input.size is not None and size not in (None, self._input.size):
            message = (
                f"{path} takes images of {self._input.size} × {self._input.size} pixels alone, "
                f"not `embedding_size={size}`: leave that out."
            )
            raise InputError(message)
        self._size = self._input.size or size or _DEFAULT_SIZE

    @property
    def input_size(self) -> int:
        """Pixels per side of the model's input."""
        return self._size

    def fingerprint(self) -> str:
        """Digest of the model's files, and the settings."""
        files = [
            path for path in self._path.parent.iterdir() if path.name.startswith(self._path.name)
        ]  # weights may lie beside, as in model.onnx_data
        settings = f"{self._size} {self._normalization} {version('onnxruntime')}"
        return f"onnx {settings} {self._session.get_providers()} {digest_files(files)}"

    def embed(self, images: ImageCollection, *, progress: Progress = no_progress) -> Embeddings:
        """Give each image the model's features.

        Raises
        ------
        InputError
            If the model cannot be run on these images, or gives values that are not finite.
        """
        return embed_by_batch(
            images,
            lambda batch: self._run(read_images(batch, size=self._size, max_unreadable=0).pixels),
            batch_size=self._input.batch_size or _BATCH_SIZE,
            name=f"onnx ({self._path.name})",
            progress=progress,
        )

    def _run(self, pixels: Pixels) -> NDArray[np.float32]:
        batch = lay_out(pixels, self._input, self._normalization)
        batch = fill_batch(batch, self._input.batch_size or _BATCH_SIZE)
        try:
            (output,) = self._session.run([self._output], {self._input.name: batch})
        except Exception as error:  # onnxruntime's own errors share no public class
            message = (
                f"{self._path} cannot be run on images of {self._size} × {self._size} pixels "
                f"({first_line(error)}): pass another `embedding_size`."
            )
            raise InputError(message) from error
        return pool(np.asarray(output), channels_first=self._input.channels_first)[: len(pixels)]


def lay_out(pixels: Pixels, image_input: ImageInput, normalization: str) -> NDArray[Any]:
    """Turn pixels of shape (n, size, size, channels) into the input that a model takes."""
    if image_input.n_channels == 1 and pixels.shape[-1] == 3:
        pixels = np.round(pixels @ _LUMA).astype(np.uint8)[..., None]
    if image_input.n_channels == 3 and pixels.shape[-1] == 1:
        pixels = np.repeat(pixels, 3, axis=-1)
    values: NDArray[Any] = normalize(pixels, normalization).astype(image_input.dtype)
    if image_input.channels_first:
        values = np.ascontiguousarray(values.transpose(0, 3, 1, 2))
    return values


def normalize(pixels: Pixels, name: str) -> NDArray[np.float32]:
    """Scale pixels of shape (..., channels), as `NORMALIZATIONS` says.

    Gray pixels are scaled by the mean over red, green and blue.

    Examples
    --------
    >>> normalize(np.array([[[0], [255]]], dtype=np.uint8), "-1..1").ravel().tolist()
    [-1.0, 1.0]
    """
    mean, std = (np.array(values, dtype=np.float32) for values in NORMALIZATIONS[name])
    if pixels.shape[-1] == 1:
        mean, std = mean.mean(keepdims=True), std.mean(keepdims=True)
    scaled: NDArray[np.float32] = (pixels.astype(np.float32) / np.float32(255) - mean) / std
    return scaled


def pool(output: NDArray[Any], *, channels_first: bool) -> NDArray[np.float32]:
    """Turn a model's output into one vector per image.

    Examples
    --------
    >>> pool(np.arange(8.0).reshape(1, 2, 2, 2), channels_first=True).tolist()
    [[1.5, 5.5]]
    """
    values: NDArray[np.float32] = output.astype(np.float32)
    if values.ndim == 4:
        values = values.mean(axis=(2, 3) if channels_first else (1, 2))
    elif values.ndim == 3:
        values = values.mean(axis=1)
    return values.reshape(len(values), -1)


def find_image_input(path: Path, inputs: Any) -> ImageInput:
    """Find out which shape and type of images a model takes.

    If the file does not say which axis holds the channels, it is taken to be the first after
    the images.

    Raises
    ------
    InputError
        Unless the model has exactly one input, of images; the message lists its inputs.
    """
    if len(inputs) == 1 and inputs[0].type in _TYPES and len(inputs[0].shape) == 4:
        batch_size, *axes = (n if isinstance(n, int) else None for n in inputs[0].shape)
        channels_first = axes[0] in (1, 3) or axes[2] not in (1, 3)
        n_channels, *sides = axes if channels_first else [axes[2], *axes[:2]]
        if n_channels in (1, 3, None) and (None in sides or sides[0] == sides[1]):
            size = next((side for side in sides if side is not None), None)
            name, dtype = inputs[0].name, _TYPES[inputs[0].type]
            return ImageInput(name, dtype, channels_first, n_channels or 3, size, batch_size)
    listed = "; ".join(f"{node.name}: {node.type} of shape {node.shape}" for node in inputs)
    message = (
        f"{path} is not a model of images: it has {len(inputs)} inputs ({listed}), but one of "
        "float32 and shape (n, 3, size, size) or (n, size, size, 3) is needed, or with 1 channel."
    )
    raise InputError(message)


def _open_session(path: Path, device: str) -> Any:
    import onnxruntime

    if not path.is_file():
        message = f"{path} is not a file: pass the path of an ONNX model (.onnx)."
        raise InputError(message)
    providers = ["CPUExecutionProvider"]
    cuda = "CUDAExecutionProvider"
    if device != "cpu" and cuda in onnxruntime.get_available_providers():
        providers.insert(0, cuda)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only: it would write warnings to the screen
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # onnxruntime's own errors share no public class
        message = f"{path} cannot be read as an ONNX model ({first_line(error)}): export it again."
        raise InputError(message) from error


def make(argument: str, options: EmbedderOptions) -> OnnxModel:
    """Make the embedder; the argument is the model's file."""
    return OnnxModel(
        Path(argument).expanduser(),
        size=options.size,
        normalization=options.onnx_normalization,
        device=options.device,
    )
