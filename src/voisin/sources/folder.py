"""Images in a folder: a sub-folder a class, perhaps below ``train``, ``val`` and ``test``.

Images that lie loose, or below ``unlabeled``, have no label. Hidden files, files that are no
images, folders of this program's own projects and links that lead back to where they lie are
passed over.
"""

import os
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from voisin.errors import InputError, InputWarning
from voisin.sources.classes import SPLITS, encode_labels, name_splits, sort_class_names
from voisin.sources.collecting import collect_images
from voisin.sources.decoding import IMAGE_SUFFIXES
from voisin.sources.files import FileReader
from voisin.sources.kinds import OpeningOptions, Source, SourceKind
from voisin.types import ImageCollection

_UNLABELED = ("unlabeled", "unlabelled")
_OTHER_PICTURES = {".heic", ".heif", ".avif", ".dcm", ".dng", ".cr2", ".nef", ".psd", ".svg"}
_OF_A_PROJECT = {"voisin.toml", ".voisin.lock"}


def _is_folder(source: Source) -> bool:
    return Path(source).is_dir()


def _open_folder(source: Source, options: OpeningOptions) -> ImageCollection:  # noqa: ARG001
    folder = Path(source)
    passed_over: Counter[str] = Counter()
    found = sorted(_walk(folder, passed_over), key=lambda path: (path.casefold(), path))
    _warn_of(passed_over, folder)
    paths = [path for path in found if not path.endswith("/")]
    if not paths:
        message = (
            f"{folder} holds no image: put images in a sub-folder a class "
            f"({', '.join(IMAGE_SUFFIXES)})."
        )
        raise InputError(message)
    has_splits = _has_splits(folder, paths)
    class_level = 2 if has_splits else 1
    classes = [
        _class_of(path, has_splits)
        for path in found
        if not path.endswith("/") or path.count("/") == class_level
    ]
    labels, class_names = encode_labels(
        [_class_of(path, has_splits) for path in paths], sort_class_names(filter(None, classes))
    )
    splits = [path.split("/")[0] if "/" in path else "" for path in paths]
    return collect_images(
        folder.resolve().name,
        FileReader(folder, tuple(paths)),
        ids=paths,
        labels=labels,
        class_names=class_names,
        splits=name_splits(_known_split(split) for split in splits) if has_splits else None,
    )


def _walk(folder: Path, passed_over: Counter[str]) -> Iterator[str]:
    """Find images as POSIX paths relative to the folder, and empty folders, which end in '/'.

    Pictures of kinds that are not read are counted by suffix in `passed_over`.
    """
    waiting = [(folder, PurePosixPath(), frozenset[tuple[int, int]]())]
    while waiting:
        here, relative, above = waiting.pop()
        identity = here.stat()
        if (identity.st_dev, identity.st_ino) in above:
            continue
        above |= {(identity.st_dev, identity.st_ino)}
        with os.scandir(here) as entries:
            inside = list(entries)
        if relative.parts and any(entry.name in _OF_A_PROJECT for entry in inside):
            continue
        visible = [entry for entry in inside if not entry.name.startswith(".")]
        if not visible and relative.parts:
            yield f"{relative}/"
        for entry in visible:
            if entry.is_dir():
                waiting.append((Path(entry.path), relative / entry.name, above))
            elif _is_image(entry):
                yield str(relative / entry.name)
            elif (suffix := PurePosixPath(entry.name).suffix.lower()) in _OTHER_PICTURES:
                passed_over[suffix] += 1


def _warn_of(passed_over: Counter[str], folder: Path) -> None:
    if passed_over:
        kinds = ", ".join(f"{suffix} {count}" for suffix, count in sorted(passed_over.items()))
        message = (
            f"{passed_over.total()} pictures in {folder} are of kinds that are not read "
            f"({kinds}): convert them to PNG or JPEG to have them in."
        )
        warnings.warn(message, InputWarning, stacklevel=4)


def _is_image(entry: os.DirEntry[str]) -> bool:
    # A link to a file that is gone is listed as unreadable; pipes and sockets would block.
    is_file = entry.is_file() or entry.is_symlink()
    return is_file and entry.name.lower().endswith(IMAGE_SUFFIXES)


def _has_splits(folder: Path, paths: list[str]) -> bool:
    """Whether every sub-folder with images, ``unlabeled`` aside, is named as a split."""
    first = {path.split("/")[0] for path in paths if "/" in path}
    named = sorted(name for name in first if name.lower() in SPLITS)
    others = sorted(first - set(named) - {name for name in first if name.lower() in _UNLABELED})
    if named and others:
        message = (
            f"{', '.join(named)} in {folder} could be splits, but {others[0]} lies beside: "
            "all are taken as classes."
        )
        warnings.warn(message, InputWarning, stacklevel=4)
    return bool(named) and not others


def _class_of(path: str, has_splits: bool) -> str:  # noqa: FBT001
    """Name of the class of a path, empty where it has none."""
    folders = path.split("/")[:-1]
    if has_splits:
        folders = folders[1:] if folders and folders[0].lower() in SPLITS else []
    return "" if not folders or folders[0].lower() in _UNLABELED else folders[0]


def _known_split(name: str) -> str:
    return name if name.lower() in SPLITS else ""


FOLDER = SourceKind(
    description="a folder with a sub-folder of images a class",
    recognizes=_is_folder,
    open=_open_folder,
)
