"""Files of weights: fetch a model from the Hugging Face hub, digest files, and read them.

Only settings and safetensors weights are fetched, never code or pickles; and a file of weights is
read without running code from it. ``onnx`` imports this module too, so PyTorch, safetensors and
huggingface_hub must be imported inside functions alone.
"""

import hashlib
import json
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from voisin.errors import DownloadError, InputError
from voisin.types import Progress

# Names of files, as Hugging Face transformers writes them.
SETTINGS = ("config.json", "preprocessor_config.json")
WEIGHTS = "model.safetensors"
_INDEX = "model.safetensors.index.json"  # lists the files of weights that are split
_NEEDED = f"{', '.join(SETTINGS)} and {WEIGHTS}"  # as errors name them


def find_model(source: str, fetch: str, progress: Progress) -> Path:
    """Return the folder of a model; download it if that is asked for.

    Parameters
    ----------
    source : str
        A local folder, or the id of a model of the hub, such as ``facebook/dinov2-small``.
    fetch : {"never", "once", "always"}
        Whether a model of the hub is downloaded: not at all; if the hub's cache on this machine
        lacks it; or also if the hub has a newer version than the cache. Without a connection,
        ``always`` takes what the cache has.
    progress : callable

    Raises
    ------
    InputError
        If there is no such folder, or a file is missing in it.
    DownloadError
        If the model is not there, and cannot or must not be fetched; the message says which files
        to bring.
    """
    folder = Path(source).expanduser()
    if folder.is_dir():
        missing = [path.name for path in list_model_files(folder) if not path.is_file()]
        if missing:
            message = (
                f"{folder} lacks {', '.join(missing)}: copy {_NEEDED} of one model of the hub into "
                "it (weights of another format than safetensors are not read)."
            )
            raise InputError(message)
        return folder
    if source.startswith((".", "/", "~")) or source.count("/") > 1 or "\\" in source:
        message = f"{source} is not a folder: pass one with {_NEEDED}, or the id of a hub's model."
        raise InputError(message)
    from huggingface_hub import constants

    cached = None if fetch == "always" else find_cached_model(source)
    if cached is not None:
        return cached
    if fetch == "never":
        absent = f"is not on this machine (looked in {constants.HF_HUB_CACHE})"
        raise DownloadError(_advise(source, f"{absent}: pass `fetch='once'` to download it"))
    return _fetch(source, progress)


def find_cached_model(source: str) -> Path | None:
    """Return the folder of the hub's cache that has all files of a model; None if one is missing.

    Parameters
    ----------
    source : str
        Id of a model of the hub.
    """
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        settings = try_to_load_from_cache(source, SETTINGS[0])
    except HFValidationError:  # no model can have this name
        return None
    if not isinstance(settings, str):
        return None
    folder = Path(settings).parent
    return folder if all(path.is_file() for path in list_model_files(folder)) else None


def list_model_files(folder: Path) -> list[Path]:
    """List the files that a model is made of: its settings and weights."""
    index = folder / _INDEX
    if (folder / WEIGHTS).is_file() or not index.is_file():
        names = {WEIGHTS}
    else:
        names = {_INDEX, *_list_shards(index)}
    return [folder / name for name in sorted({*SETTINGS, *names})]


def digest_files(paths: Iterable[Path]) -> str:
    """Return the SHA-256 over the names and contents of files."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.name}\0{content}\0".encode())
    return digest.hexdigest()


def load_weights(path: Path) -> Any:
    """Load a file of ``torch.save`` or safetensors: only tensors and plain values, never code.

    Raises
    ------
    InputError
        If the file is damaged, or would need code to be run.
    """
    import torch
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns about files that it did not write
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of damaged files, torch raises ten kinds that share no class
        message = (
            f"{path} is damaged, or holds more than weights, which could run foreign code: "
            "save them with torch.save(network.state_dict(), path), or as safetensors."
        )
        raise InputError(message) from error


def read_class_names(path: Path) -> Sequence[str]:
    """Read the names of a network's outputs, which voisin writes into its own safetensors files.

    Return an empty tuple if the file has none.
    """
    from safetensors import safe_open

    if path.suffix != ".safetensors":
        return ()
    with safe_open(path, "pt") as file:
        metadata = file.metadata() or {}
    try:
        return tuple(str(name) for name in json.loads(metadata["voisin"])["class_names"])
    except (ValueError, KeyError, TypeError):
        return ()


def first_line(error: Exception) -> str:
    """Return the first line of a library's error, or its kind, to quote in a one-line message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].strip()


def _fetch(source: str, progress: Progress) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
    )

    def fetch(name: str) -> Path:
        return Path(hf_hub_download(source, name, tqdm_class=_make_bar_class(name, progress)))

    try:
        with _silence_hub():
            for name in SETTINGS:
                path = fetch(name)
            try:
                fetch(WEIGHTS)
            except LocalEntryNotFoundError:  # a kind of EntryNotFoundError: no connection
                raise
            except EntryNotFoundError:
                for shard in _list_shards(fetch(_INDEX)):
                    fetch(shard)
    except (LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        raise DownloadError(
            _advise(source, "could not be fetched: the hub cannot be reached")
        ) from error
    except EntryNotFoundError as error:
        raise DownloadError(
            _advise(source, f"could not be fetched: it lacks one of {_NEEDED}")
        ) from error
    except (OSError, HFValidationError) as error:
        raise DownloadError(
            _advise(source, f"could not be fetched: {first_line(error)}")
        ) from error
    return path.parent


def _list_shards(index: Path) -> list[str]:
    names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    return sorted(name for name in names if Path(name).suffix == ".safetensors")


def _advise(source: str, problem: str) -> str:
    return (
        f"The model {source!r} {problem}. Or bring it: where there is internet, download its "
        f"{_NEEDED} into one folder, copy that here, and pass pretrained:path/to/folder."
    )


def _make_bar_class(name: str, progress: Progress) -> Any:
    """Make a class of progress bars that call `progress` and write nothing to the screen."""
    from tqdm import tqdm

    class Bar(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs.pop("name", None)
            self._total = kwargs.get("total")
            self._done = int(kwargs.get("initial") or 0)
            super().__init__(*args, **{**kwargs, "disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            self._done += int(n or 0)
            if self._total:
                progress(f"Downloading {name}", min(self._done, self._total), self._total)
            return None

    return Bar


@contextmanager
def _silence_hub() -> Iterator[None]:
    """Keep the hub's warnings off the screen; its errors are raised anyway."""
    from huggingface_hub.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
