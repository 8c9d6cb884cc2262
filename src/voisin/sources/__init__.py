"""Where images and labels come from: one file a kind, and what is read of them.

Names are loaded when first asked for, so that importing a summary does not load Pillow.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voisin.sources.few_labels import draw_labels, draw_test, read_label_file
    from voisin.sources.opening import open_images
    from voisin.sources.reading import ReadImages, load_picture, read_images
    from voisin.sources.summary import Summary, check_classes, summarize

_HOMES = {
    "ReadImages": "reading",
    "Summary": "summary",
    "check_classes": "summary",
    "draw_labels": "few_labels",
    "draw_test": "few_labels",
    "load_picture": "reading",
    "open_images": "opening",
    "read_images": "reading",
    "read_label_file": "few_labels",
    "summarize": "summary",
}

__all__ = [
    "ReadImages",
    "Summary",
    "check_classes",
    "draw_labels",
    "draw_test",
    "load_picture",
    "open_images",
    "read_images",
    "read_label_file",
    "summarize",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
