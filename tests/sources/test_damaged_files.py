"""Files that are cut off, overwritten, encrypted or packed unusually: one line, no raw error."""

import io
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.sources.small import random_pixels, write_folder
from voisin.embedding.precomputed import read_npy, read_parquet
from voisin.errors import InputError
from voisin.sources.label_table import KnownImages, read_label_table
from voisin.sources.opening import open_images
from voisin.sources.reading import read_images

IDS = np.array([f"{number}.png" for number in range(8)])


def npz_bytes(method):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for key, array in {"images": random_pixels(8, 5, 5), "labels": np.arange(8) % 2}.items():
            with archive.open(f"{key}.npy", "w") as member:
                np.lib.format.write_array(member, array)
    return file.getvalue()


def npy_bytes():
    file = io.BytesIO()
    np.save(file, np.random.default_rng(0).normal(size=(8, 3)))
    return file.getvalue()


def parquet_bytes():
    columns = {"path": IDS, "id": IDS, "label": list("abababab"), "vector": [[1.0, 2.0]] * 8}
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


FILES = {
    "stored.npz": npz_bytes(zipfile.ZIP_STORED),
    "deflated.npz": npz_bytes(zipfile.ZIP_DEFLATED),
    "bzip2.npz": npz_bytes(zipfile.ZIP_BZIP2),
    "lzma.npz": npz_bytes(zipfile.ZIP_LZMA),
    "vectors.npy": npy_bytes(),
    "table.parquet": parquet_bytes(),
    "table.csv": b"path,label\n" + b"".join(f"{id_},é\n".encode() for id_ in IDS),
}


def read(path, images):
    if path.suffix == ".npy":
        read_npy(path, IDS)
        return
    read_images(open_images(path))
    if path.suffix != ".npz":
        read_label_table(path, KnownImages(images.ids.tolist(), images.class_names))
    if path.suffix == ".parquet":
        read_parquet(path, IDS)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_read_or_refused_in_one_line(tmp_path, name):
    images = open_images(write_folder(tmp_path, *IDS))
    path, whole = tmp_path / name, FILES[name]
    path.write_bytes(whole)
    read(path, images)
    rng = np.random.default_rng(0)

    for trial in range(150):
        content = bytearray(whole)
        if trial % 3 == 0:
            content = content[: int(rng.integers(len(content)))]
        elif trial % 3 == 1:
            for at in rng.integers(len(content), size=3).tolist():
                content[at] = int(rng.integers(256))
        else:
            at = int(rng.integers(len(content)))
            content[at : at + int(rng.integers(20))] = rng.bytes(int(rng.integers(20)))
        path.write_bytes(content)
        said = ""
        try:
            read(path, images)
        except InputError as error:
            said = str(error)
        except Exception as error:
            raise AssertionError(bytes(content)) from error
        assert "\n" not in said


@pytest.mark.parametrize(
    ("local", "central", "value"),
    [(8, 10, 9), (6, 8, 1), (4, 6, 99)],
    ids=["deflate64", "password", "version"],
)
def test_an_npz_that_cannot_be_unpacked_says_how_to_write_it(tmp_path, local, central, value):
    content = bytearray(FILES["stored.npz"])
    for mark, offset in ((b"PK\x03\x04", local), (b"PK\x01\x02", central)):
        at = content.find(mark)
        while at >= 0:
            content[at + offset] = value
            at = content.find(mark, at + 4)
    path = tmp_path / "x.npz"
    path.write_bytes(content)

    with pytest.raises(InputError, match=r"x\.npz.* with numpy\.savez_compressed\.$"):
        open_images(path)


def test_a_name_of_a_parquet_column_that_is_no_text_is_damage(tmp_path):
    path = tmp_path / "x.parquet"
    path.write_bytes(FILES["table.parquet"].replace(b"path", b"\xffath"))

    for reader in (open_images, lambda file: read_parquet(file, IDS)):
        with pytest.raises(InputError, match="is no Parquet file, or damaged"):
            reader(path)
