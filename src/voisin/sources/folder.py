"""Open a folder of images: one sub-folder per class, optionally in ``train``, ``val``, ``test``.

Images directly in the folder, or below ``unlabeled`` or another of `UNKNOWN_WORDS`, have no label.
Hidden files, files that are not images, folders of the system, sub-folders with a voisin project,
and links that lead back to a folder above them are left out.
"""

import os
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from voisin.errors import InputError, InputWarning
from voisin.sources.classes import (
    SPLITS,
    encode_labels,
    means_unknown,
    name_classes,
    name_splits,
)
from voisin.sources.collection import OpeningOptions, Source, SourceKind, collect_images
from voisin.sources.decoding import IMAGE_SUFFIXES, FileReader, looks_like_picture
from voisin.types import ImageCollection
from voisin.validation import list_some

# Formats of pictures that voisin cannot decode (of phones, cameras, medical scanners, microscopes,
# drawings), listed by hand. A warning counts such files, and pictures without a known suffix.
_UNDECODED_SUFFIXES = {
    ".heic", ".heif", ".hif", ".avif", ".jxl", ".tga", ".exr", ".ico", ".psd", ".svg", ".eps",
    ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".srw", ".pef", ".dcm",
    ".dicom", ".nii", ".nrrd", ".mha", ".svs", ".ndpi", ".mrxs", ".scn", ".czi", ".lif",
    ".vsi",
}  # fmt: skip
_TEXT_SUFFIXES = {".txt", ".csv", ".json", ".xml"}  # often beside each picture: not opened to see
# Systems put them among pictures: archives of macOS, thumbnails of Synology, the bin of Windows.
_SYSTEM_FOLDERS = {"__MACOSX", "@eaDir", "$RECYCLE.BIN"}
_PROJECT_FILES = {"voisin.toml", ".voisin.lock"}  # voisin writes them into every project


class FolderSource(SourceKind):
    """A folder of image files."""

    description = "a folder with a sub-folder of images for each class"

    def recognizes(self, source: Source) -> bool:
        """Whether the source is an existing folder."""
        return Path(source).is_dir()

    def open(self, source: Source, options: OpeningOptions) -> ImageCollection:  # noqa: ARG002
        """Make a collection of the images below a folder."""
        folder = Path(source)
        undecoded: Counter[str] = Counter()
        entries = sorted(_walk(folder, undecoded), key=lambda path: (path.casefold(), path))
        if undecoded:
            suffixes = list_some(f"{suffix} {count}" for suffix, count in sorted(undecoded.items()))
            message = (
                f"Pictures in {folder} that are not read: {undecoded.total()} ({suffixes}). "
                "Convert them to PNG or JPEG, or give them such a suffix, to include them."
            )
            warnings.warn(message, InputWarning, stacklevel=3)
        paths = [path for path in entries if not path.endswith("/")]
        if not paths:
            message = (
                f"{folder} holds no image: put images in a sub-folder for each class "
                f"({list_some(IMAGE_SUFFIXES, 8)})."
            )
            raise InputError(message)
        top_folders = [path.split("/")[0] if "/" in path else "" for path in paths]
        splits = sorted({name for name in top_folders if name.lower() in SPLITS})
        others = sorted(
            {name for name in top_folders if name.lower() not in SPLITS and not means_unknown(name)}
        )
        if splits and others:
            message = (
                f"{', '.join(splits)} in {folder} could be splits, but {others[0]} is not one: "
                "all are taken as classes."
            )
            warnings.warn(message, InputWarning, stacklevel=3)
        has_splits = bool(splits) and not others
        class_level = 2 if has_splits else 1  # an empty folder at this level is an empty class
        classes = [
            _class_of(path, has_splits=has_splits)
            for path in entries
            if not path.endswith("/") or path.count("/") == class_level
        ]
        labels, class_names = encode_labels(
            [_class_of(path, has_splits=has_splits) for path in paths],
            name_classes(classes),
        )
        split_texts = [name if name.lower() in SPLITS else "" for name in top_folders]
        return collect_images(
            folder.resolve().name,
            FileReader(folder, tuple(paths)),
            ids=paths,
            labels=labels,
            class_names=class_names,
            splits=name_splits(split_texts) if has_splits else None,
        )


def _walk(folder: Path, undecoded: Counter[str]) -> Iterator[str]:
    """Find images as POSIX paths relative to the folder, and empty folders, which end in '/'.

    Pictures that are not read are counted by suffix in `undecoded`.
    """
    waiting = [(folder, PurePosixPath(), frozenset[tuple[int, int]]())]
    while waiting:
        here, relative, above = waiting.pop()
        status = here.stat()
        if (status.st_dev, status.st_ino) in above:
            continue
        above |= {(status.st_dev, status.st_ino)}
        with os.scandir(here) as iterator:
            entries = list(iterator)
        if relative.parts and any(entry.name in _PROJECT_FILES for entry in entries):
            continue
        visible = [
            entry
            for entry in entries
            if not entry.name.startswith(".") and entry.name not in _SYSTEM_FOLDERS
        ]
        if not visible and relative.parts:
            yield f"{relative}/"
        for entry in visible:
            suffix = PurePosixPath(entry.name).suffix.lower()
            if entry.is_dir():
                waiting.append((Path(entry.path), relative / entry.name, above))
            elif entry.name.lower().endswith(IMAGE_SUFFIXES):
                # A link to a missing file is kept, and later listed as unreadable; pipes and
                # sockets are left out, since reading them would block.
                if entry.is_file() or entry.is_symlink():
                    yield str(relative / entry.name)
            elif suffix in _UNDECODED_SUFFIXES or (
                suffix not in _TEXT_SUFFIXES
                and entry.is_file()
                and looks_like_picture(Path(entry.path))
            ):
                undecoded[suffix or "no suffix"] += 1


def _class_of(path: str, *, has_splits: bool) -> str:
    """Return the name of the folder that tells the class in a path; empty if there is none."""
    folders = path.split("/")[:-1]
    if has_splits:
        folders = folders[1:] if folders and folders[0].lower() in SPLITS else []
    return folders[0] if folders else ""
