"""Tables for programs and for spreadsheets: the same rows as Parquet and as CSV."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from voisin.writing import write_atomically


def write_table(folder: Path, name: str, columns: Mapping[str, Sequence[Any]]) -> None:
    """Write ``name.parquet`` and ``name.csv``, each whole or not at all.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_table(folder, "found", {"id": ["a", "b"], "score": [0.5, 1.0]})
    >>> (folder / "found.csv").read_text().split()
    ['"id","score"', '"a",0.5', '"b",1']
    """
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    table = pa.table(dict(columns))
    with write_atomically(folder / f"{name}.parquet") as partial:
        pa.parquet.write_table(table, partial)
    with write_atomically(folder / f"{name}.csv") as partial:
        pa.csv.write_csv(table, partial)
