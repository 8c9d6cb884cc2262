"""Perceptual hashes, which are similar for copies of a picture of any size or compression.

A hash holds the signs of the lowest frequencies of the discrete cosine transform of a small gray
picture (Zauner 2010). Mirroring a picture flips the signs of its odd frequencies, and transposing
it transposes the frequencies: so the hashes of all eight turned and mirrored copies come from one
transform. Two hashes that differ in three bits at most agree in one of four bands of 16 bits
(Norouzi, Punjani & Fleet 2012): only pictures that share a band are compared. This module must not
know vectors, files or names.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from voisin.errors import InputError
from voisin.parallel import blocks, compiled, workers
from voisin.types import Pixels, Progress, no_progress

Hashes: TypeAlias = NDArray[np.uint64]  # (n_images, 8)
Whole: TypeAlias = NDArray[np.int64]

SIDE = 32
"""Pixels per side of the pictures that are hashed, by convention (Zauner 2010)."""

_MAX_BITS = 3  # in which hashes of copies may differ; must be below the number of bands
_KEPT = 8  # frequencies per direction, by convention: 64 bits with the constant frequency
_BANDS, _WIDTH = 4, 16  # number of bands and bits per band: 64 bits in all
_ROWS = 2_048  # pictures per task, chosen by hand: a few tasks for each thread
# Most partners of a picture per band, chosen by hand: without a limit, all pairs of thousands of
# copies would fill the memory.
_MAX_PARTNERS = 20
_GRAY = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # luminance by ITU-R BT.601
_TASK = "Comparing pictures"


def hash_pictures(pixels: Pixels) -> Hashes:
    """Hash each picture in its eight turned and mirrored forms.

    Parameters
    ----------
    pixels : array of shape (n_images, 32, 32, channels)

    Returns
    -------
    array of shape (n_images, 8), uint64
        In the order of `turn_pictures`.

    Raises
    ------
    InputError
        If the pictures have another size.

    Examples
    --------
    >>> picture = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 1), dtype=np.uint8)
    >>> hashes, mirrored = hash_pictures(picture), hash_pictures(picture[:, :, ::-1])
    >>> bool(hashes[0, 1] == mirrored[0, 0])
    True
    """
    if pixels.ndim != 4 or pixels.shape[1:3] != (SIDE, SIDE):
        message = f"pixels has shape {pixels.shape}: pass (n_images, {SIDE}, {SIDE}, channels)."
        raise InputError(message)
    angles = np.outer(np.arange(_KEPT), np.arange(SIDE) + 0.5) * np.pi / SIDE
    cosines = np.cos(angles).astype(np.float32)  # rows of the transform, lowest frequency first
    down, across = np.divmod(np.arange(_KEPT**2), _KEPT)
    rising = np.argsort(down + across, kind="stable")
    dealt = rising.reshape(_WIDTH, _BANDS).T.ravel()  # each band gets low and high frequencies
    odd = np.where(np.arange(_KEPT) % 2, -1, 1).astype(np.float32)
    parts = [np.empty((0, 8), dtype=np.uint64)]
    for rows in blocks(len(pixels), _ROWS):
        low = cosines @ to_gray(pixels[rows]) @ cosines.T
        copies = [low, low * odd, low * odd[:, None], low * odd * odd[:, None]]
        copies += [copy.transpose(0, 2, 1) for copy in copies]
        bits = np.stack([copy.reshape(len(low), -1)[:, dealt] > 0 for copy in copies], axis=1)
        parts.append(np.packbits(bits, axis=2, bitorder="little").view(np.uint64)[..., 0])
    return np.concatenate(parts)


def to_gray(pixels: Pixels) -> NDArray[np.float32]:
    """Return the brightness of each pixel minus the mean of its picture."""
    gray = pixels.astype(np.float32)
    gray = gray @ _GRAY if pixels.shape[3] == 3 else gray[..., 0]
    return np.asarray(gray - gray.mean(axis=(1, 2), keepdims=True))


def turn_pictures(gray: NDArray[np.float32], turn: int) -> NDArray[np.float32]:
    """Turn square pictures: 1 mirrors, 2 flips upside down, 3 does both; 4 to 7 also transpose.

    Examples
    --------
    >>> turn_pictures(np.array([[[1, 2], [3, 4]]], dtype=np.float32), 5).tolist()
    [[[2.0, 4.0], [1.0, 3.0]]]
    """
    gray = gray[:, :, ::-1] if turn & 1 else gray
    gray = gray[:, ::-1] if turn & 2 else gray
    return gray.transpose(0, 2, 1) if turn & 4 else gray


def find_similar_hashes(
    hashes: Hashes, *, progress: Progress = no_progress
) -> tuple[Whole, Whole, NDArray[np.int64]]:
    """Find pairs of pictures whose hashes differ in at most three bits in any of the eight forms.

    All pairs are found; of a picture with very many copies, at least the next twenty.

    Parameters
    ----------
    hashes : array of shape (n_images, 8)
        As `hash_pictures` returns them.
    progress : callable, optional

    Returns
    -------
    pairs : array of shape (n_pairs, 2)
        Positions in each pair, the lower one first; each pair occurs once, in rising order.
    turns : array of shape (n_pairs,)
        The turn that makes the first picture most like the second.
    bits : array of shape (n_pairs,)
        Number of bits in which the hashes then differ.

    Examples
    --------
    >>> find_similar_hashes(np.zeros((2, 8), dtype=np.uint64))
    (array([[0, 1]]), array([0]), array([0]))
    """
    own = np.ascontiguousarray(hashes[:, 0])
    every = np.ascontiguousarray(hashes)
    parts: list[Whole] = [np.empty((0, 4), dtype=np.int64)]
    tasks = [(band, rows) for band in range(_BANDS) for rows in blocks(len(own), _ROWS)]
    bands: list[tuple[Whole, Whole]] = []  # pictures sorted by 16 bits, and where each value starts
    for band in range(_BANDS):
        values = (own >> np.uint64(_WIDTH * band)) & np.uint64(2**_WIDTH - 1)
        order = np.argsort(values, kind="stable")
        every_value = np.arange(2**_WIDTH + 1, dtype=np.uint64)
        bands.append((order, np.searchsorted(values[order], every_value)))

    def work(task: tuple[int, slice]) -> None:
        band, rows = task
        order, starts = bands[band]
        out = np.empty((0, 4), dtype=np.int64)
        count = _write_pairs(own, every, order, starts, band, rows.start, rows.stop, out)
        out = np.empty((count, 4), dtype=np.int64)
        _write_pairs(own, every, order, starts, band, rows.start, rows.stop, out)
        parts.append(out)

    with workers() as pool:
        pool.each(work, tasks, lambda done, total: progress(_TASK, done, total))
    rows = np.concatenate(parts)
    rows = rows[np.lexsort((rows[:, 2], rows[:, 3], rows[:, 1], rows[:, 0]))]
    once = np.ones(len(rows), dtype=bool)
    once[1:] = (rows[1:, :2] != rows[:-1, :2]).any(axis=1)
    return rows[once, :2], rows[once, 2], rows[once, 3]


@compiled
def _write_pairs(
    own: Hashes,
    every: Hashes,
    order: Whole,
    starts: Whole,
    band: int,
    start: int,
    stop: int,
    out: Whole,
) -> int:
    """Write (i, j > i, turn, bits) for i in ``[start, stop)`` while `out` has room; count them."""
    count = 0
    for i in range(start, stop):
        until = count + _MAX_PARTNERS
        for turn in range(8):
            mine = every[i, turn]
            value = (mine >> np.uint64(16 * band)) & np.uint64(0xFFFF)
            for place in range(starts[np.int64(value)], starts[np.int64(value) + 1]):
                j = order[place]
                if j <= i or count >= until:
                    continue
                rest, bits = own[j] ^ mine, 0
                while rest != np.uint64(0) and bits <= _MAX_BITS:
                    rest &= rest - np.uint64(1)
                    bits += 1
                if bits <= _MAX_BITS:
                    if count < len(out):
                        out[count, 0] = i
                        out[count, 1] = j
                        out[count, 2] = turn
                        out[count, 3] = bits
                    count += 1
    return count
