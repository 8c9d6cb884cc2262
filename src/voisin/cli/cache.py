"""``voisin cache``: which vectors are kept for later runs, and how to remove them."""

import json
import sys
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from voisin.cli.options import AsJson
from voisin.cli.screen import show_line, show_table


def cache_command(
    clear: Annotated[bool, typer.Option("--clear", help="Remove all vectors and pixels.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say which vectors of images are kept for later runs of all projects, or remove them."""
    from voisin.embedding.vector_cache import VectorCache

    cache = VectorCache()
    if clear:
        before = cache.n_bytes
        cache.clear()
        show_line(f"Removed {(before - cache.n_bytes) / 1e6:,.1f} MB.")
    kept = cache.contents()
    if as_json:
        document = {
            "path": str(cache.path),
            "n_bytes": cache.n_bytes,
            "kept": [asdict(kind) for kind in kept],
        }
        sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=1) + "\n")
    if not kept:
        show_line(f"No vectors are kept in {cache.path}.")
        return
    rows = [
        (
            kind.name,
            f"{kind.n_images:,}",
            f"{kind.n_bytes / 1e6:,.1f} MB",
            f"{datetime.fromtimestamp(kind.last_used):%Y-%m-%d %H:%M}",
        )
        for kind in kept
    ]
    show_table("Kept for later runs", ("", "images", "size", "last used"), rows)
    show_line(
        f"{cache.path} takes {cache.n_bytes / 1e6:,.1f} MB of at most {cache.size:g} GB "
        "(VOISIN_CACHE_SIZE); what was used longest ago goes first."
    )
