"""Fingerprints of pictures that survive another size or compression; it knows pixels alone.

The signs of the lowest frequencies of the discrete cosine transform of a small gray picture (Zauner
2010). Mirroring a picture flips the signs of its odd frequencies and transposing it transposes
them, so that the fingerprints of all eight turned and mirrored copies come from one transform. Two
fingerprints that differ in three bits at most agree in one of four bands of 16 bits (Norouzi,
Punjani & Fleet 2012): only pictures that share a band are compared.
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
"""Pixels a side of the pictures that are hashed."""

MOST_BITS = 3
"""In how many bits the fingerprints of copies may differ."""

_KEPT = 8  # frequencies each way: 64 bits, the constant one among them
_BANDS, _WIDTH = 4, 16
_ROWS = 2_048  # of a task
_MOST_PARTNERS = 20  # of a picture in a band: of thousands of copies, pairs would fill the memory
_GRAY = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_TASK = "Comparing pictures"


def perceptual_hashes(pixels: Pixels) -> Hashes:
    """Hash pictures as they are, and turned and mirrored.

    Parameters
    ----------
    pixels : array of shape (n_images, 32, 32, channels)

    Returns
    -------
    array of shape (n_images, 8), uint64
        In the order of `turned`.

    Raises
    ------
    InputError
        If the pictures are of another size.

    Examples
    --------
    >>> picture = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 1), dtype=np.uint8)
    >>> found, mirrored = perceptual_hashes(picture), perceptual_hashes(picture[:, :, ::-1])
    >>> bool(found[0, 1] == mirrored[0, 0])
    True
    """
    if pixels.ndim != 4 or pixels.shape[1:3] != (SIDE, SIDE):
        message = f"pixels has shape {pixels.shape}: pass (n_images, {SIDE}, {SIDE}, channels)."
        raise InputError(message)
    parts = [_hash_block(to_gray(pixels[rows])) for rows in blocks(len(pixels), _ROWS)]
    return np.concatenate(parts) if parts else np.empty((0, 8), dtype=np.uint64)


def to_gray(pixels: Pixels) -> NDArray[np.float32]:
    """Take the brightness of each pixel, less the picture's mean."""
    gray = pixels.astype(np.float32)
    gray = gray @ _GRAY if pixels.shape[3] == 3 else gray[..., 0]
    return np.asarray(gray - gray.mean(axis=(1, 2), keepdims=True))


def turned(gray: NDArray[np.float32], turn: int) -> NDArray[np.float32]:
    """Turn square pictures: 1 mirrors, 2 puts upside down, 3 does both; 4 to 7 also transpose.

    Examples
    --------
    >>> turned(np.array([[[1, 2], [3, 4]]], dtype=np.float32), 5).tolist()
    [[[2.0, 4.0], [1.0, 3.0]]]
    """
    gray = gray[:, :, ::-1] if turn & 1 else gray
    gray = gray[:, ::-1] if turn & 2 else gray
    return gray.transpose(0, 2, 1) if turn & 4 else gray


def hash_pairs(
    hashes: Hashes, *, progress: Progress = no_progress
) -> tuple[Whole, Whole, NDArray[np.int64]]:
    """Find pairs of pictures whose fingerprints differ in three bits at most, at some turn.

    All of them, but of a picture with very many copies the next twenty at least.

    Parameters
    ----------
    hashes : array of shape (n_images, 8)
        As `perceptual_hashes` gives them.
    progress : callable, optional

    Returns
    -------
    pairs : array of shape (n_pairs, 2)
        Positions, the lower first; each pair once, in rising order.
    turns : array of shape (n_pairs,)
        The turn of the first that makes it most like the second.
    bits : array of shape (n_pairs,)
        In how many bits they then differ.

    Examples
    --------
    >>> hash_pairs(np.zeros((2, 8), dtype=np.uint64))
    (array([[0, 1]]), array([0]), array([0]))
    """
    own = np.ascontiguousarray(hashes[:, 0])
    every = np.ascontiguousarray(hashes)
    found: list[Whole] = [np.empty((0, 4), dtype=np.int64)]
    tasks = [(band, rows) for band in range(_BANDS) for rows in blocks(len(own), _ROWS)]
    bands = [_by_band(own, band) for band in range(_BANDS)]

    def work(task: tuple[int, slice]) -> None:
        band, rows = task
        order, starts = bands[band]
        out = np.empty((0, 4), dtype=np.int64)
        count = _near(own, every, order, starts, band, rows.start, rows.stop, out)
        out = np.empty((count, 4), dtype=np.int64)
        _near(own, every, order, starts, band, rows.start, rows.stop, out)
        found.append(out)

    with workers() as crew:
        crew.each(work, tasks, lambda done, total: progress(_TASK, done, total))
    rows = np.concatenate(found)
    rows = rows[np.lexsort((rows[:, 2], rows[:, 3], rows[:, 1], rows[:, 0]))]
    once = np.ones(len(rows), dtype=bool)
    once[1:] = (rows[1:, :2] != rows[:-1, :2]).any(axis=1)
    return rows[once, :2], rows[once, 2], rows[once, 3]


def _hash_block(gray: NDArray[np.float32]) -> Hashes:
    waves = _cosines()
    low = waves @ gray @ waves.T
    odd = np.where(np.arange(_KEPT) % 2, -1, 1).astype(np.float32)
    copies = [low, low * odd, low * odd[:, None], low * odd * odd[:, None]]
    copies += [copy.transpose(0, 2, 1) for copy in copies]
    bits = np.stack([copy.reshape(len(low), -1)[:, _deal()] > 0 for copy in copies], axis=1)
    return np.packbits(bits, axis=2, bitorder="little").view(np.uint64)[..., 0]


def _cosines() -> NDArray[np.float32]:
    """Rows of the discrete cosine transform, lowest frequency first."""
    angles = np.outer(np.arange(_KEPT), np.arange(SIDE) + 0.5) * np.pi / SIDE
    return np.cos(angles).astype(np.float32)


def _deal() -> Whole:
    """Deal the frequencies out to the bands, so that each gets low and high ones."""
    down, across = np.divmod(np.arange(_KEPT**2), _KEPT)
    rising = np.argsort(down + across, kind="stable")
    return rising.reshape(_WIDTH, _BANDS).T.ravel()


def _by_band(own: Hashes, band: int) -> tuple[Whole, Whole]:
    """Order the pictures by 16 bits of their fingerprints; say where each value starts."""
    values = (own >> np.uint64(_WIDTH * band)) & np.uint64(2**_WIDTH - 1)
    order = np.argsort(values, kind="stable")
    return order, np.searchsorted(values[order], np.arange(2**_WIDTH + 1, dtype=np.uint64))


@compiled
def _near(
    own: Hashes,
    every: Hashes,
    order: Whole,
    starts: Whole,
    band: int,
    start: int,
    stop: int,
    out: Whole,
) -> int:
    """Write (i, j > i, turn, bits) for i in ``[start, stop)``, as far as there is room; count."""
    count = 0
    for i in range(start, stop):
        until = count + _MOST_PARTNERS
        for turn in range(8):
            mine = every[i, turn]
            value = (mine >> np.uint64(16 * band)) & np.uint64(0xFFFF)
            for place in range(starts[np.int64(value)], starts[np.int64(value) + 1]):
                j = order[place]
                if j <= i or count >= until:
                    continue
                rest, bits = own[j] ^ mine, 0
                while rest != np.uint64(0) and bits <= MOST_BITS:
                    rest &= rest - np.uint64(1)
                    bits += 1
                if bits <= MOST_BITS:
                    if count < len(out):
                        out[count, 0] = i
                        out[count, 1] = j
                        out[count, 2] = turn
                        out[count, 3] = bits
                    count += 1
    return count
