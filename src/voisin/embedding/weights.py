"""The files of a Hugging Face model: in a local folder, or fetched from the hub one by one.

Only settings and safetensors weights are fetched: never code, never pickles.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from voisin.errors import DownloadError, InputError
from voisin.types import Progress

SETTINGS = ("config.json", "preprocessor_config.json")
WEIGHTS = "model.safetensors"
_INDEX = "model.safetensors.index.json"  # of weights in several files
_NEEDED = f"{', '.join(SETTINGS)} and {WEIGHTS}"


def find_model(source: str, progress: Progress) -> Path:
    """Return the folder of a model, fetched if need be.

    Parameters
    ----------
    source : str
        A local folder, or the id of a model of the hub, such as ``facebook/dinov2-small``. What
        the hub's own cache holds is not fetched again, and ``HF_HUB_OFFLINE=1`` fetches nothing.
    progress : callable

    Raises
    ------
    InputError
        If a local folder lacks a file, or there is no such folder.
    DownloadError
        If the model cannot be fetched; the line says which files to bring.
    """
    folder = Path(source).expanduser()
    if folder.is_dir():
        _check_folder(folder)
        return folder
    if source.startswith((".", "/", "~")) or source.count("/") > 1 or "\\" in source:
        message = f"{source} is not a folder: pass one with {_NEEDED}, or the id of a hub's model."
        raise InputError(message)
    return _fetch(source, progress)


def weight_files(folder: Path) -> list[Path]:
    """List the files that a model is made of: its settings and weights."""
    index = folder / _INDEX
    if (folder / WEIGHTS).is_file() or not index.is_file():
        names = {WEIGHTS}
    else:
        names = {_INDEX, *_shards(index)}
    return [folder / name for name in sorted({*SETTINGS, *names})]


def _check_folder(folder: Path) -> None:
    missing = [path.name for path in weight_files(folder) if not path.is_file()]
    if missing:
        message = (
            f"{folder} lacks {', '.join(missing)}: copy {_NEEDED} of one model of the hub into it "
            "(weights of another format than safetensors are not read)."
        )
        raise InputError(message)


def _fetch(source: str, progress: Progress) -> Path:
    from huggingface_hub.errors import (
        EntryNotFoundError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
    )

    try:
        with _silent_hub():
            return _fetch_files(source, progress)
    except (LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        raise DownloadError(_advice(source, "the hub cannot be reached")) from error
    except EntryNotFoundError as error:
        raise DownloadError(_advice(source, f"it lacks one of {_NEEDED}")) from error
    except (OSError, HFValidationError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].strip()
        raise DownloadError(_advice(source, reason)) from error


def _fetch_files(source: str, progress: Progress) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    def fetch(name: str) -> Path:
        return Path(hf_hub_download(source, name, tqdm_class=_bar_class(name, progress)))

    for name in SETTINGS:
        found = fetch(name)
    try:
        fetch(WEIGHTS)
    except LocalEntryNotFoundError:
        raise
    except EntryNotFoundError:
        for shard in _shards(fetch(_INDEX)):
            fetch(shard)
    return found.parent


def _shards(index: Path) -> list[str]:
    names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    return sorted(name for name in names if Path(name).suffix == ".safetensors")


def _advice(source: str, reason: str) -> str:
    return (
        f"The model {source!r} could not be fetched ({reason}): where there is internet, download "
        f"its {_NEEDED} into one folder, bring that here, and pass pretrained:path/to/folder."
    )


def _bar_class(name: str, progress: Progress) -> Any:
    """Make a class of progress bars that tells our callback instead of the screen."""
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
def _silent_hub() -> Iterator[None]:
    """Keep the hub's warnings off the screen: what goes wrong is raised."""
    from huggingface_hub.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)
