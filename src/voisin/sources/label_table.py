"""Read tables of labels as what people answered: anybody's tables, and those that voisin writes.

==================== ================================ ==========================================
table                recognized by the columns        a row is an answer if
==================== ================================ ==========================================
checks, certified    ``answer``                       that column is not empty
disagreements        ``answers``, ``answer``          that column is not empty; it settles
labels of a run      ``label_name``, ``source``,      a person changed its label, or the label
                     ``confidence``                   was given to the run: a row as the run
                                                      wrote it is a proposal
suggestions          ``current``, ``reason``,         ``label`` is not empty, and is not what the
                     ``label``                        run started from
any other            ``label``, or the one chosen     its label is not empty
==================== ================================ ==========================================

This module must not know where answers are kept, nor how several raters are brought together.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from pathlib import Path, PurePosixPath

from voisin.errors import InputError
from voisin.sources.classes import (
    find_class,
    fold_name,
    means_unknown,
    name_classes,
    normalize_name,
    strip_whole_floats,
    warn_of_unknown,
)
from voisin.sources.table import (
    PATH_COLUMNS,
    TABLE_SUFFIXES,
    guess_label_column,
    pick_column,
    read_columns,
)
from voisin.types import CLEARED, LABEL, REJECT, SKIP, UNSURE, LabelEvent
from voisin.validation import did_you_mean, list_some

EMPTY = ""  # kind of an event that stands for an empty cell: the image was shown, and not answered
# What people write for each kind of answer, by hand, also in French; the pages write the first.
_WORDS = {
    REJECT: ("none of these", "none of them", "no class", "reject", "rejected", "aucune"),
    UNSURE: ("unsure", "not sure", "uncertain", "unknown", "unk", "?", "incertain"),
    SKIP: ("skip", "skipped"),
    CLEARED: ("undo",),
}
_KINDS = {word: kind for kind, words in _WORDS.items() for word in words}
_ANSWER_COLUMNS = ("answer", "expert")  # the second is that of older versions
_RATER_COLUMNS = ("rater", "annotator", "who", "labeler")
_DRAWN_COLUMNS = ("drawn", "strategy")
_OF_RUN = {"label_name", "source", "confidence"}
_OF_SUGGESTIONS = {"current", "reason", "label"}
_TYPO = 0.85  # similarity of names, by hand: `melanona` and `cats` are, `type 2` and `male` are not
_ROUNDED = 6e-5  # a table has four digits of a probability


@dataclass(frozen=True, eq=False)
class KnownImages:
    """The images that a table may speak of, and what a run says of them.

    Attributes
    ----------
    ids : sequence of str
    class_names : tuple of str
    paths : mapping of str to str
        From the path of an image's file to its id, where ids are no paths.
    given : mapping of str to str
        The class of each image whose label the run started from.
    found : mapping of str to (str, float)
        The class that the run proposes for the other images, and its probability.
    run : str
        Fingerprint of the run.
    """

    ids: Sequence[str]
    class_names: tuple[str, ...]
    paths: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    found: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    run: str = ""


def read_label_table(
    path: str | Path,
    known: KnownImages,
    *,
    rater: str = "",
    id_column: str | None = None,
    label_column: str | None = None,
    new_class: Iterable[str] = (),
) -> list[LabelEvent]:
    r"""Read what people answered in a table, row by row.

    Parameters
    ----------
    path : str or Path
        A CSV, TSV or Parquet file.
    known : KnownImages
        An image is looked up by its id as it is written; then without spaces around it and a
        leading ``./``, and with ``/`` for backslashes (``é`` may be one letter or two); then by the
        path of its file, by the end of a path, and by the name of its file if no other image has
        it. A class that is not known is new, but not if it looks like a typing error.
    rater : str
        Who answered, where no column ``rater`` says it. Without either, an image with different
        answers was answered by several raters: "", " (2)", " (3)" ...
    id_column, label_column : str, optional
        Columns of a table that is not voisin's; by default id (or path), and label (or answer).
    new_class : iterable of str
        Classes that are new, although they look like typing errors.

    Returns
    -------
    list of LabelEvent
        An empty cell has the kind `EMPTY`.

    Raises
    ------
    InputError
        If the file or a column does not exist, an image is not known, or a class looks like a
        typing error; the message says which exist.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "labels.csv"
    >>> _ = path.write_text("id,label\nb.png,Cat\na.png,unsure\n")
    >>> events = read_label_table(path, KnownImages(["a.png", "b.png"], ("cat", "dog")))
    >>> [(event.image, event.answer) for event in events]
    [('b.png', 'cat'), ('a.png', 'unsure')]
    """
    path = Path(path)
    _check_table(path)
    columns = read_columns(path, strip=False)
    values, images = _find_images(path, columns, known, id_column)
    answers = pick_column(columns, "answer", None, _ANSWER_COLUMNS)
    texts: Sequence[str | None]
    if label_column is not None:
        texts = pick_column(columns, "label", label_column, ()) or []
    elif answers is not None:
        texts = answers
    elif set(columns) >= _OF_RUN:
        texts = _edited(columns, images, known)
    else:
        texts = pick_column(columns, "label", None, ["label"]) or _refuse(path, columns, known)
        if set(columns) >= _OF_SUGGESTIONS:
            texts = [
                None if text and find_class(text, [known.given.get(image or "", "")]) == 0 else text
                for image, text in zip(images, texts, strict=True)
            ]
    answered = zip(values, images, texts, strict=True)
    _refuse_unknown(path, [value for value, image, text in answered if text and not image], known)
    kept = [row for row, text in enumerate(texts) if text is not None and images[row]]
    said = _read_answers(
        path,
        [texts[row] or "" for row in kept],
        known.class_names,
        none_is_reject=texts is answers,
        new_class=tuple(new_class),
    )
    raters = pick_column(columns, "rater", None, _RATER_COLUMNS) or [""] * len(images)
    drawn = pick_column(columns, "drawn", None, _DRAWN_COLUMNS) or [""] * len(images)
    events = []
    for row, (kind, label) in zip(kept, said, strict=True):
        image = images[row] or ""
        proposal, probability = known.found.get(image, ("", None))
        event = LabelEvent(
            image,
            kind,
            label,
            raters[row].strip() or rater,
            str(path.resolve()),
            proposal,
            probability,
            known.run,
            drawn[row].strip(),
            settles=texts is answers and "answers" in columns,
        )
        events.append(event)
    return _tell_raters_apart(events, named=any(name.strip() for name in raters))


def _check_table(path: Path) -> None:
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        message = f"{path} {what}: pass a table with the columns id and label."
        raise InputError(message)
    if path.suffix.lower() not in TABLE_SUFFIXES:
        message = f"{path} is no table: pass a {', '.join(TABLE_SUFFIXES)} file with id and label."
        raise InputError(message)


def _refuse(path: Path, columns: Mapping[str, list[str]], known: KnownImages) -> list[str]:
    guess = guess_label_column(columns, known.class_names)
    hint = f"; did you mean {guess!r}? Name it by `label_column`" if guess else ""
    message = f"{path} has no column 'label'{hint}: the columns are {list_some(columns)}."
    raise InputError(message)


def _find_images(
    path: Path, columns: Mapping[str, list[str]], known: KnownImages, id_column: str | None
) -> tuple[list[str], list[str | None]]:
    """Return the text that names the image of each row, and its id; None if there is no such."""
    values = pick_column(columns, "id", id_column, ["id", *PATH_COLUMNS])
    if values is None:
        message = f"{path} has the columns {list_some(columns)}: it needs id or path, and label."
        raise InputError(message)
    ids = set(known.ids)
    written = {unicodedata.normalize("NFC", key): id_ for key, id_ in known.paths.items()}
    written |= {unicodedata.normalize("NFC", id_): id_ for id_ in ids}
    by_name = _by_name(known)

    def find(value: str) -> str | None:
        if value in ids:
            return value
        regular = value.strip().replace("\\", "/").removeprefix("./")
        regular = unicodedata.normalize("NFC", regular)
        parts = regular.split("/")
        ends = ("/".join(parts[start:]) for start in range(len(parts)))
        found = next((written[end] for end in ends if end in written), None)
        named = by_name.get(parts[-1], set())
        return found or (next(iter(named)) if len(named) == 1 else None)

    return values, [find(value) for value in values]


def _by_name(known: KnownImages) -> dict[str, set[str]]:
    """Map the name of a file, with and without its suffix, to the images that have it."""
    by_name: dict[str, set[str]] = {}
    for key, id_ in [*known.paths.items(), *((id_, id_) for id_ in known.ids)]:
        path = PurePosixPath(unicodedata.normalize("NFC", key))
        for name in (path.name, path.stem):
            by_name.setdefault(name, set()).add(id_)
    return by_name


def _refuse_unknown(path: Path, values: Sequence[str], known: KnownImages) -> None:
    if values:
        first = values[0].strip()
        several = _by_name(known).get(PurePosixPath(first).name, ())
        hint = f" {len(several)} images have this name: write their paths." if several else ""
        message = (
            f"Not among the {len(known.ids)} images: {len(values)} of the ids in {path}, first "
            f"{first!r}. Ids look like {known.ids[0]}.{hint or did_you_mean(first, known.ids)}"
        )
        raise InputError(message)


def _edited(
    columns: Mapping[str, list[str]], images: Sequence[str | None], known: KnownImages
) -> list[str | None]:
    """Return the labels in a table of a run's labels that a person wrote; None for proposals.

    A row says its label twice, as a number and as a name: where these differ, a person changed
    one of them. Where they agree, but the run found another label with this very probability, a
    person changed both; with another probability, the row is of another run.
    """
    prefix = "probability_"
    classes = [name.removeprefix(prefix) for name in columns if name.startswith(prefix)]
    numbers = columns.get("label") or [""] * len(images)
    others = (columns[name] for name in ("label_name", "source", "confidence"))
    rows = zip(images, numbers, *others, strict=True)
    texts: list[str | None] = []
    for image, number, name, source, confidence in rows:
        proposal, probability = known.found.get(image or "", ("", math.nan))
        of_number = _class_of_number(number, classes, proposal)
        if fold_name(name) != fold_name(of_number):
            is_number_new = bool(proposal) and fold_name(name) == fold_name(proposal)
            texts.append(of_number if is_number_new else name)
        elif source.strip() == "given":
            texts.append(None if known.given.get(image or "") == normalize_name(name) else name)
        else:
            of_this_run = abs(_to_float(confidence) - probability) < _ROUNDED
            is_new = of_this_run and fold_name(name) != fold_name(proposal)
            texts.append(name if is_new else None)
    return texts


def _class_of_number(number: str, classes: Sequence[str], otherwise: str) -> str:
    """Return the name of the class of a number; empty for -1, `otherwise` if it is no number."""
    found = re.fullmatch(r"(-?[0-9]+)([.,]0+)?", number.strip())
    if not found or int(found[1]) >= len(classes):
        return otherwise
    return classes[int(found[1])] if int(found[1]) >= 0 else ""


def _to_float(text: str) -> float:
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return math.nan


def _read_answers(
    path: Path,
    texts: Sequence[str],
    class_names: tuple[str, ...],
    *,
    none_is_reject: bool,
    new_class: tuple[str, ...],
) -> Iterator[tuple[str, str]]:
    """Return kind and class of each text; refuse new classes that look like typing errors."""
    written = Counter(strip_whole_floats(map(normalize_name, texts)))
    classes = list(class_names)
    if not classes:  # so that -1 and 1 can be classes
        classes = [name for name in name_classes(written) if fold_name(name) not in _KINDS]
    kinds = dict(_KINDS, none=REJECT) if none_is_reject else _KINDS
    meanings: dict[str, tuple[str, str]] = {}
    unknown: dict[str, int] = {}
    for text, count in written.most_common():
        class_ = find_class(text, classes) if text else None
        if class_ is not None:
            meanings[text] = LABEL, classes[class_]
        elif fold_name(text) in kinds:
            meanings[text] = kinds[fold_name(text)], ""
        elif means_unknown(text):
            meanings[text] = EMPTY, ""
            unknown |= {text: count} if text else {}
        else:
            known = [name for name in classes if name not in new_class]
            similar = None if text in new_class else _find_typo(text, known)
            if similar:
                rows = "1 row" if count == 1 else f"{count} rows"
                message = (
                    f"{path}: {text!r} ({rows}) is no class; did you mean {similar}? Correct it, "
                    f"or pass `new_class={text!r}` if it is a class of its own."
                )
                raise InputError(message)
            classes.append(text)
            meanings[text] = LABEL, text
    warn_of_unknown(unknown)
    return (meanings[text] for text in strip_whole_floats(map(normalize_name, texts)))


def _find_typo(name: str, classes: Iterable[str]) -> str | None:
    """Return the class that a name is a typing error of; names that differ in numbers are none."""

    def likeness(class_: str) -> float:
        if re.findall("[0-9]+", name) != re.findall("[0-9]+", class_):
            return 0.0
        return SequenceMatcher(None, fold_name(name), fold_name(class_)).ratio()

    best = max(classes, key=likeness, default=None)
    return best if best is not None and likeness(best) >= _TYPO else None


def _tell_raters_apart(events: Sequence[LabelEvent], *, named: bool) -> list[LabelEvent]:
    """Give the raters of an image with different answers numbers, if no column names them."""
    if named:
        return list(events)
    said: dict[str, list[tuple[str, str]]] = {}
    numbered = []
    for event in events:
        answers = said.setdefault(event.image, [])
        answer = event.kind, event.label
        if event.kind != EMPTY and answer not in answers:
            answers.append(answer)
        place = answers.index(answer) if answer in answers else 0
        numbered.append(replace(event, rater=f"{event.rater} ({place + 1})") if place else event)
    return numbered
