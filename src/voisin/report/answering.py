"""Questions about pictures that a page asks, to be answered by a click and saved as a table.

This module must not know why the images are asked about.
"""

import csv
import io
from dataclasses import dataclass
from typing import Any

from voisin.report.pictures import Picture, read_picture
from voisin.types import ImageCollection

_PICTURE_SIZE = 256  # pixels of the longer side, by eye: details are visible, and the page is quick


@dataclass(frozen=True, eq=False)
class Questions:
    """A table to be answered, and the pictures of its first rows.

    Attributes
    ----------
    file : str
        Name of the table, under which the answers are saved.
    text : str
        Its content as CSV; the first column is the id.
    csv_separator : str
    n_asked : int
        The rows that are asked about; those after them are saved as they are.
    answer_column : str
    class_names : tuple of str
    images : ImageCollection, optional
        The images asked about, in the order of the rows; None if there are no pictures of them.
    key : str
        Tells this page from others in the browser's storage.
    command : str
        What to do with the saved table.
    may_be_new : bool
        Whether a class that is not listed can be an answer.
    """

    file: str
    text: str
    csv_separator: str
    n_asked: int
    answer_column: str
    class_names: tuple[str, ...]
    images: ImageCollection | None
    key: str
    command: str
    may_be_new: bool = True

    @property
    def rows(self) -> list[list[str]]:
        """The rows of the table, without its header."""
        return self._lines[1:]

    @property
    def pictures(self) -> list[Picture | None]:
        """The picture of each image asked about; None if it cannot be read."""
        if self.images is None:
            return [None] * self.n_asked
        return [read_picture(self.images, row, _PICTURE_SIZE) for row in range(self.n_asked)]

    def as_dict(self) -> dict[str, Any]:
        """Return what the page's script needs."""
        columns = self._lines[0]
        return {
            "file": self.file,
            "columns": columns,
            "rows": self.rows,
            "n_asked": self.n_asked,
            "answer": columns.index(self.answer_column),
            "class_names": self.class_names,
            "separator": self.csv_separator,
            "key": f"voisin {self.key}",
        }

    @property
    def _lines(self) -> list[list[str]]:
        text = self.text.removeprefix("\ufeff")
        return list(csv.reader(io.StringIO(text), delimiter=self.csv_separator))
