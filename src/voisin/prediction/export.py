"""Export the classifier of a run as one file: ONNX, or safetensors."""

from collections.abc import Callable, Mapping
from pathlib import Path

from voisin.errors import InputError
from voisin.prediction.model import Model, save_model
from voisin.prediction.predictions import check_suffix
from voisin.validation import check_installed


def export_model(model: Model, path: Path) -> Path:
    """Write the classifier in the format that the suffix names; raises as `Run.export` does."""
    suffix = check_suffix(path, tuple(FORMATS))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        FORMATS[suffix](model, path)
    except OSError as error:
        message = f"{path} cannot be written ({error.strerror}): pass another file."
        raise InputError(message) from error
    return path


def _export_onnx(model: Model, path: Path) -> None:
    check_installed("Export to ONNX", ["torch", "onnx"], "export")
    from voisin.prediction.onnx_graph import export_onnx

    export_onnx(model, path)


# By suffix.
FORMATS: Mapping[str, Callable[[Model, Path], None]] = {
    ".onnx": _export_onnx,
    ".safetensors": lambda model, path: save_model(path, model),
}
