"""Write files beside and rename them, so that a crash leaves the old or the new, never half."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial"


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """Give a path to write to; it takes the place of `path` if the block ends well.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "figures.txt"
    >>> with write_atomically(target) as partial:
    ...     _ = partial.write_text("0.83")
    >>> target.read_text()
    '0.83'
    """
    partial = path.with_name(f"{path.name}{PARTIAL}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
