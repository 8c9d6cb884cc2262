"""``vectors``: precomputed vectors of the user, from ``.npy`` or Parquet.

It finds vectors by the ids of images, and must not read the images.
"""

import hashlib
import unicodedata
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voisin.embedding.registry import EmbedderOptions
from voisin.errors import InputError, InputWarning
from voisin.types import Embeddings, ImageCollection, Names, Progress, no_progress
from voisin.validation import check_finite_rows, list_some, refuse_damage

_LABELS = {"label", "labels", "class", "target"}  # columns of such names are hardly dimensions
_N_NAMED = 3  # ids that an error names, so that it stays one line
_SAMPLE = 1_000  # rows looked at for lost digits, by hand
_LOST = 0.01  # largest rounding of float32 as a share of a dimension's spread, by hand
_BLOCK = 4096  # rows read at a time for the digest, chosen by hand: a file may exceed memory


class PrecomputedVectors:
    """Looks up the vector that the user computed for the id of each image.

    Parameters
    ----------
    ids : array of shape (n_vectors,)
    vectors : array of shape (n_vectors, n_dims)
    name : str
        Name of the file, for error messages.
    """

    def __init__(self, ids: Names, vectors: NDArray[Any], name: str) -> None:
        self._rows = {id_: row for row, id_ in enumerate(ids.tolist())}
        self._ids = ids
        self._vectors = vectors
        self._name = name

    @property
    def input_size(self) -> None:
        """None, because it reads no image."""
        return

    def fingerprint(self) -> str:
        """Return a digest of ids and vectors."""
        digest = hashlib.sha256("\0".join(self._ids.tolist()).encode())
        for start in range(0, len(self._vectors), _BLOCK):
            digest.update(np.ascontiguousarray(self._vectors[start : start + _BLOCK]).tobytes())
        return f"vectors {self._vectors.dtype} {self._vectors.shape} {digest.hexdigest()}"

    def embed(self, images: ImageCollection, *, progress: Progress = no_progress) -> Embeddings:
        """Return the vector of each image, as float32.

        Raises
        ------
        InputError
            If an image has no vector, or a vector is not finite.
        """
        if missing := [id_ for id_ in images.ids.tolist() if id_ not in self._rows]:
            _refuse_ids(self._name, missing, [])
        rows = [self._rows[id_] for id_ in images.ids.tolist()]
        vectors = _to_float32(self._name, self._vectors[rows])
        check_finite_rows(self._name, vectors, rows)
        progress(f"Embedding: {self._name}", len(images), len(images))
        return vectors


def read_npy(path: Path, source_ids: Names) -> PrecomputedVectors:
    """Open vectors whose rows are in the order of the source's images; they stay on disk.

    Raises
    ------
    InputError
        If the file is damaged or would need code to be run, is no matrix of numbers, or has
        another count of rows than the source has images.
    """
    message = f"{path} cannot be read as an array of numbers: save it with np.save(path, array)."
    with refuse_damage(message):
        vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    is_matrix = isinstance(vectors, np.ndarray) and vectors.ndim == 2 and vectors.shape[1] > 0
    if not is_matrix or vectors.dtype.kind not in "fiu":
        shape, dtype = getattr(vectors, "shape", "several arrays"), getattr(vectors, "dtype", "")
        message = f"{path} holds {shape} {dtype}: save one matrix of numbers, one row per image."
        raise InputError(message)
    if len(vectors) != len(source_ids):
        message = (
            f"{path} has {len(vectors)} rows, but the source has {len(source_ids)} images: save "
            "one row per image in the source's order, or Parquet with the columns id and vector."
        )
        raise InputError(message)
    return PrecomputedVectors(source_ids, vectors, path.name)


def read_parquet(path: Path, source_ids: Names) -> PrecomputedVectors:
    """Read a column ``id``, and a column of lists ``vector`` or one numeric column per dimension.

    The index of a data frame is no dimension. If names end in numbers, as ``e0`` and ``e1`` do, the
    dimensions are the columns of the most frequent name; an `InputWarning` lists the others.

    Raises
    ------
    InputError
        If the file is damaged, has no such columns, an id twice, or other ids than the source; if
        some numeric columns may be labels, being whole numbers, and names do not tell.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with refuse_damage(f"{path} is no Parquet file, or damaged or encrypted: write it again."):
        table = pq.read_table(path)
        names = table.column_names
    if "id" not in names:
        message = f"{path} has no column 'id', but {list_some(names)}."
        raise InputError(message)
    with refuse_damage(f"{path}: the column 'id' cannot be read as text: save it as text."):
        texts = table["id"].cast(pa.string()).to_pylist()
    # An é may be one character or two: in names of files, systems differ.
    known = {unicodedata.normalize("NFC", id_): id_ for id_ in source_ids.tolist()}
    known |= {id_: id_ for id_ in source_ids.tolist()}
    ids = np.array(
        [
            known.get(text, known.get(unicodedata.normalize("NFC", str(text)), text))
            for text in texts
        ],
        dtype=str,
    )
    unique, counts = np.unique(ids, return_counts=True)
    if len(unique) < len(ids):
        message = f"{path} has {str(unique[counts > 1][0])!r} twice: keep one vector per image."
        raise InputError(message)
    missing = np.setdiff1d(source_ids, ids).tolist()
    unknown = np.setdiff1d(ids, source_ids).tolist()
    if missing or unknown:
        _refuse_ids(str(path), missing, unknown)
    return PrecomputedVectors(ids, _read_matrix(path, table), path.name)


def _refuse_ids(name: str, missing: list[str], unknown: list[str]) -> None:
    lacks = f"lacks the vectors of {len(missing)} images ({_name_some(missing)})" if missing else ""
    has = f"has {len(unknown)} ids that no image has ({_name_some(unknown)})" if unknown else ""
    both = " and ".join(part for part in (lacks, has) if part)
    message = f"{name} {both}: write exactly one row for each image of the source."
    raise InputError(message)


def _name_some(ids: list[str]) -> str:
    return ", ".join(ids[:_N_NAMED]) + (", ..." if len(ids) > _N_NAMED else "")


def _pick_dimensions(path: Path, table: Any) -> list[str]:
    """Choose the numeric columns that are dimensions of the vectors."""
    import pyarrow as pa
    from pyarrow.types import is_floating

    index = (table.schema.pandas_metadata or {}).get("index_columns", [])
    no_dimension = {"id", *(name for name in index if isinstance(name, str))}
    columns = zip(table.column_names, table.columns, strict=True)
    kinds = {name: column.type for name, column in columns if name not in no_dimension}
    numeric = [n for n, kind in kinds.items() if pa.types.is_integer(kind) or is_floating(kind)]
    doubtful = {n for n in numeric if n.lower() in _LABELS or not is_floating(kinds[n])}
    if not numeric:
        message = f"{path} has neither a column of lists 'vector' nor numeric columns."
        raise InputError(message)
    stems = {name: name.rstrip("0123456789") for name in numeric}
    numbered = Counter(stem for name, stem in stems.items() if stem != name)
    (stem, count), *_ = numbered.most_common(1) or [("", 0)]
    dimensions = [name for name in numeric if stems[name] == stem != name] if count > 1 else numeric
    if 0 < len(doubtful & {*dimensions}) < len(dimensions):
        message = (
            f"{path}: {list_some(sorted(doubtful), _N_NAMED)} may be labels, not dimensions, by "
            "their names or as whole numbers: leave them out, or name dimensions like e0, e1, e2."
        )
        raise InputError(message)
    if left_out := [name for name in numeric if name not in dimensions]:
        message = (
            f"{path}: the vectors have {len(dimensions)} dimensions, {dimensions[0]} to "
            f"{dimensions[-1]}; left out: {list_some(left_out)}."
        )
        warnings.warn(message, InputWarning, stacklevel=4)
    return dimensions


def _to_float32(name: str, vectors: NDArray[Any]) -> NDArray[np.float32]:
    """Convert vectors to float32; warn if their differences are lost beside their size."""
    sample = vectors[:: max(1, len(vectors) // _SAMPLE)].astype(np.float64)
    with np.errstate(invalid="ignore"):  # of infinite values, which are refused later
        spread, largest = sample.std(axis=0), abs(sample).max(axis=0, initial=0)
    lost = (spread > 0) & (np.finfo(np.float32).eps * largest > _LOST * spread)
    if vectors.dtype.itemsize > np.dtype(np.float32).itemsize and lost.any():
        column = int(lost.argmax())
        message = (
            f"{name}: dimension {column} reaches {largest[column]:.3g}, but its values differ by "
            f"about {spread[column]:.3g}, which float32 loses: subtract the mean of each dimension."
        )
        warnings.warn(message, InputWarning, stacklevel=2)
    return vectors.astype(np.float32)


def _read_matrix(path: Path, table: Any) -> NDArray[np.float32]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if "vector" not in table.column_names:
        dimensions = _pick_dimensions(path, table)
        columns = [_to_float32(name, table[name].to_numpy()[:, None]) for name in dimensions]
        return np.hstack(columns)
    column = table["vector"].combine_chunks()
    try:
        lengths = set(pc.list_value_length(column).to_pylist())
        values = pc.list_flatten(column).to_numpy(zero_copy_only=False)
    except (pa.ArrowException, ValueError, TypeError) as error:
        message = f"{path}: the column 'vector' is {column.type}: write lists of numbers."
        raise InputError(message) from error
    if len(lengths) != 1 or None in lengths:
        message = f"{path}: the vectors have different lengths ({sorted(map(str, lengths))[:5]})."
        raise InputError(message)
    return _to_float32(path.name, values.reshape(len(column), -1))


def make(argument: str, options: EmbedderOptions) -> PrecomputedVectors:
    """Make the embedder; the argument is the file of the vectors."""
    readers = {".npy": read_npy, ".parquet": read_parquet}
    path = Path(argument).expanduser()
    if path.suffix.lower() not in readers:
        message = f"vectors:{argument} is neither .npy nor .parquet: save the vectors as one."
        raise InputError(message)
    if not path.is_file():
        message = f"{path} is not a file: pass the path of your vectors (.npy or .parquet)."
        raise InputError(message)
    return readers[path.suffix.lower()](path, options.source_ids)
