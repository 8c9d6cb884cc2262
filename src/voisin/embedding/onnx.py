"""``onnx``: features by any ONNX model of images, through onnxruntime.

The images are squashed to the model's square, normalized as asked, and laid out as its input
says; a model of one channel sees gray, one of three sees gray images three times. Of its outputs
the first with two axes is taken, else the first. Feature maps (n, channels, height, width) are
averaged over height and width, tokens (n, tokens, dims) over tokens.
"""

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voisin.embedding.by_batch import embed_by_batch
from voisin.embedding.file_digest import digest_of_files
from voisin.embedding.normalization import NORMALIZATIONS, normalize
from voisin.embedding.registry import EmbedderOptions
from voisin.errors import InputError
from voisin.sources.reading import read_images
from voisin.types import Embeddings, ImageCollection, Pixels, Progress, no_progress
from voisin.validation import check_one_of

_BATCH_SIZE = 32
_DEFAULT_SIZE = 224  # where the model takes any
_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as Pillow turns color to gray


@dataclass(frozen=True)
class ImageInput:
    """How a model wants its images.

    Attributes
    ----------
    name : str
    dtype : type
    channels_first : bool
    n_channels : int
        1 or 3.
    size : int, optional
        Pixels a side; None where the model takes any.
    batch_size : int, optional
        None where the model takes any.
    """

    name: str
    dtype: type
    channels_first: bool
    n_channels: int
    size: int | None
    batch_size: int | None


class OnnxModel:
    """Embeds by a model that was trained elsewhere.

    Parameters
    ----------
    path : Path
    size : int, optional
        Pixels a side; by default the model's own, or 224 where it takes any.
    normalization : {"imagenet", "-1..1", "0..1", "0..255"}, default="imagenet"
    device : str, default="auto"
        CUDA is used where onnxruntime has it.

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
        self._session = _open(path, device)
        self._input = find_image_input(path, self._session.get_inputs())
        self._output = _choose_output(self._session.get_outputs())
        self._size = _choose_size(path, self._input, size)

    @property
    def input_size(self) -> int:
        """Pixels a side of the model's input."""
        return self._size

    def fingerprint(self) -> str:
        """Digest of the model's files, and the settings."""
        files = [
            path for path in self._path.parent.iterdir() if path.name.startswith(self._path.name)
        ]  # weights may lie beside, as in model.onnx_data
        settings = f"{self._size} {self._normalization} {version('onnxruntime')}"
        return f"onnx {settings} {digest_of_files(files)}"

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
        if self._input.batch_size is not None:
            missing = self._input.batch_size - len(batch)
            batch = np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)])
        try:
            (output,) = self._session.run([self._output], {self._input.name: batch})
        except Exception as error:  # onnxruntime's own errors share no public class
            message = (
                f"{self._path} cannot be run on images of {self._size} × {self._size} pixels "
                f"({_first_line(error)}): pass another embedding_size."
            )
            raise InputError(message) from error
        return pool(np.asarray(output), channels_first=self._input.channels_first)[: len(pixels)]


def lay_out(pixels: Pixels, wanted: ImageInput, normalization: str) -> NDArray[Any]:
    """Turn pixels of shape (n, size, size, channels) into the input that a model wants."""
    if wanted.n_channels == 1 and pixels.shape[-1] == 3:
        pixels = np.round(pixels @ _LUMA).astype(np.uint8)[..., None]
    if wanted.n_channels == 3 and pixels.shape[-1] == 1:
        pixels = np.repeat(pixels, 3, axis=-1)
    values: NDArray[Any] = normalize(pixels, normalization).astype(wanted.dtype)
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2)) if wanted.channels_first else values


def pool(output: NDArray[Any], *, channels_first: bool) -> NDArray[np.float32]:
    """Turn a model's output into one vector an image.

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
    """Find out how a model wants its images.

    Where the file leaves the axis of the channels open, they stand first.

    Raises
    ------
    InputError
        If the model has not exactly one input of images; the line says which it has.
    """
    if len(inputs) == 1 and inputs[0].type in _TYPES and len(inputs[0].shape) == 4:
        n_images, *rest = (one if isinstance(one, int) else None for one in inputs[0].shape)
        channels_first = rest[0] in (1, 3) or rest[2] not in (1, 3)
        n_channels, *sides = rest if channels_first else [rest[2], *rest[:2]]
        if n_channels in (1, 3, None) and (None in sides or sides[0] == sides[1]):
            size = next((side for side in sides if side is not None), None)
            dtype = _TYPES[inputs[0].type]
            return ImageInput(
                inputs[0].name, dtype, channels_first, n_channels or 3, size, n_images
            )
    there = "; ".join(f"{one.name}: {one.type} of shape {one.shape}" for one in inputs)
    message = (
        f"{path} is not a model of images: it has {len(inputs)} inputs ({there}), but one of "
        "float32 and shape (n, 3, size, size) or (n, size, size, 3) is needed, or with 1 channel."
    )
    raise InputError(message)


def _open(path: Path, device: str) -> Any:
    import onnxruntime

    if not path.is_file():
        message = f"{path} is not a file: pass the path of an ONNX model (.onnx)."
        raise InputError(message)
    providers = ["CPUExecutionProvider"]
    cuda = "CUDAExecutionProvider"
    if device != "cpu" and cuda in onnxruntime.get_available_providers():
        providers.insert(0, cuda)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors alone: it would write warnings to the screen
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # onnxruntime's own errors share no public class
        message = f"{path} cannot be read as an ONNX model ({_first_line(error)}): export it again."
        raise InputError(message) from error


def _choose_output(outputs: Any) -> str:
    flat = [one.name for one in outputs if len(one.shape) == 2]
    return str((flat or [outputs[0].name])[0])


def _choose_size(path: Path, wanted: ImageInput, size: int | None) -> int:
    if wanted.size is None:
        return size or _DEFAULT_SIZE
    if size not in (None, wanted.size):
        message = (
            f"{path} takes images of {wanted.size} × {wanted.size} pixels alone, "
            f"not embedding_size={size}: leave that out."
        )
        raise InputError(message)
    return wanted.size


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].strip()


def make(argument: str, options: EmbedderOptions) -> OnnxModel:
    """Make the embedder; the argument is the model's file."""
    return OnnxModel(
        Path(argument).expanduser(),
        size=options.size,
        normalization=options.onnx_normalization,
        device=options.device,
    )
