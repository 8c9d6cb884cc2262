"""What annotators said of images: ``labels.sqlite``, a store to which events are only added.

An event that `append` has accepted survives a crash and a power cut: the database is in WAL mode
with ``synchronous=FULL``, so a commit returns when it is on the disk. Several processes may read
and append at once. Nothing is changed or removed: triggers refuse it, and taking an answer back is
an event, too. This module must not know images, tables or runs.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path

from voisin.errors import InputError, ProjectError
from voisin.types import AT_RANDOM, CLEARED, KINDS_OF_ANSWER, LABEL, SKIP, UNDO, UNSURE, LabelEvent
from voisin.validation import check_one_of

STORE = "labels.sqlite"
DISAGREEMENTS = "disagreements.csv"  # the table in which they can be settled
_FORMAT = 1  # of the table, kept as the database's `user_version`
_WAIT = 30  # seconds for another process to finish its append; an append takes milliseconds
_COLUMNS = tuple(own.name for own in fields(LabelEvent))
_NAMES = ", ".join(f'"{name}"' for name in _COLUMNS)
_TABLE = (
    """CREATE TABLE events (
    image TEXT NOT NULL, kind TEXT NOT NULL, label TEXT NOT NULL, rater TEXT NOT NULL,
    source TEXT NOT NULL, proposal TEXT NOT NULL, probability REAL, run TEXT NOT NULL,
    drawn TEXT NOT NULL, settles INTEGER NOT NULL, number INTEGER PRIMARY KEY AUTOINCREMENT,
    batch INTEGER NOT NULL, "when" TEXT NOT NULL, undoes INTEGER NOT NULL)""",
    """CREATE TRIGGER events_stay BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'label events are never removed'); END""",
    """CREATE TRIGGER events_do_not_change BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'label events are never changed'); END""",
    f"PRAGMA user_version={_FORMAT}",
)


@dataclass(frozen=True)
class Agreement:
    """What all raters together say of the images.

    Attributes
    ----------
    answers : dict of str to LabelEvent
        By image, the last of the answers that agree: a class, ``reject`` or ``unsure``.
    disagreements : dict of str to tuple of LabelEvent
        By image, the last answer of each rater, where classes or rejections differ.
    at_random : set of str
        The images that were drawn at random to be asked about, and answered.
    """

    answers: dict[str, LabelEvent]
    disagreements: dict[str, tuple[LabelEvent, ...]]
    at_random: set[str] = field(default_factory=set)

    @property
    def labels(self) -> dict[str, str]:
        """The name of the class of each image on which there is agreement."""
        return {image: one.label for image, one in self.answers.items() if one.kind == LABEL}

    def of_kind(self, kind: str) -> list[str]:
        """Return the images whose answer is of a kind."""
        return [image for image, one in self.answers.items() if one.kind == kind]


def agree(events: Iterable[LabelEvent]) -> Agreement:
    """Find what the events, oldest first, say of each image.

    - An event that a later one undoes does not count.
    - Of each rater, the last answer counts; ``cleared`` takes it back, ``skip`` leaves it.
    - An answer that settles replaces all earlier ones, whoever gave them.
    - ``unsure`` contradicts nobody. Where the other answers differ, there is no label.

    Examples
    --------
    >>> said = [LabelEvent("a", LABEL, "cat", "Ann"), LabelEvent("a", LABEL, "dog", "Ben")]
    >>> agree(said).labels, list(agree(said).disagreements)
    ({}, ['a'])
    >>> agree([*said, LabelEvent("a", LABEL, "cat", "Ben")]).labels
    {'a': 'cat'}
    """
    events = tuple(events)
    undone = {event.undoes for event in events if event.kind == UNDO}
    standing: dict[str, dict[str, LabelEvent]] = {}
    agreement = Agreement({}, {})
    for event in events:
        if event.kind in (UNDO, SKIP) or (event.number and event.number in undone):
            continue
        by_rater = standing.setdefault(event.image, {})
        if event.settles:
            by_rater.clear()
        by_rater.pop(event.rater, None)  # so that the last answer comes last
        if event.kind != CLEARED:
            by_rater[event.rater] = event
            if event.drawn == AT_RANDOM:
                agreement.at_random.add(event.image)
    for image, by_rater in standing.items():
        said = tuple(by_rater.values())
        sure = [event for event in said if event.kind != UNSURE]
        if len({(event.kind, event.label) for event in sure}) > 1:
            agreement.disagreements[image] = said
        elif said:
            agreement.answers[image] = (sure or said)[-1]
    return agreement


class LabelEvents:
    """The label events of a project.

    Parameters
    ----------
    folder : Path
        Folder of the project; the file ``labels.sqlite`` in it is made by the first `append`.

    Raises
    ------
    ProjectError
        If the file is damaged, foreign, or of another version; it is left as it is.

    Examples
    --------
    >>> import tempfile
    >>> store = LabelEvents(Path(tempfile.mkdtemp()))
    >>> _ = store.append([LabelEvent("a.png", LABEL, "cat", rater="Ann")])
    >>> store.current()["a.png"].label
    'cat'
    >>> store.undo()
    1
    >>> store.current()
    {}
    """

    def __init__(self, folder: Path) -> None:
        self.path = Path(folder) / STORE
        if self.path.exists():
            with self._connected() as database:
                problem = database.execute("PRAGMA integrity_check").fetchone()[0]
                if problem != "ok":
                    raise sqlite3.DatabaseError(problem)
                database.execute(f"SELECT {_NAMES} FROM events LIMIT 1")

    def append(self, events: Iterable[LabelEvent]) -> int:
        """Store events in their order, all or none; when it returns, they are on the disk.

        Numbers, time and batch of the events are set here. Returns the number of the batch.

        Raises
        ------
        InputError
            If an event has no image, or its kind is unknown, or does not fit its label.
        """
        events = list(events)
        for event in events:
            check_one_of("kind", event.kind, KINDS_OF_ANSWER)
            if not event.image or (event.kind == LABEL) != bool(event.label):
                message = f"{event} needs an image, and a label if and only if its kind is label."
                raise InputError(message)
        with self._connected() as database:
            database.execute("BEGIN IMMEDIATE")
            return _insert(database, events)

    def events(self) -> tuple[LabelEvent, ...]:
        """Return all events, oldest first."""
        if not self.path.exists():
            return ()
        with self._connected() as database:
            return _select(database)

    def agreement(self) -> Agreement:
        """Return what all raters together say; see `agree`."""
        return agree(self.events())

    def current(self) -> dict[str, LabelEvent]:
        """Return the answer that counts for each image; none where raters disagree."""
        return self.agreement().answers

    def disagreements(self) -> dict[str, tuple[LabelEvent, ...]]:
        """Return the answer of each rater for the images on which they disagree."""
        return self.agreement().disagreements

    def undo(self, *, rater: str | None = None) -> int:
        """Take back the last batch that still counts, of one rater or of all; undo more by calls.

        Returns the number of events taken back; 0 if there is nothing left to take back.
        """
        if not self.path.exists():
            return 0
        with self._connected() as database:
            database.execute("BEGIN IMMEDIATE")  # before reading, so that no batch comes between
            events = _select(database)
            undone = {event.undoes for event in events}
            left = [
                event
                for event in events
                if event.kind != UNDO
                and event.number not in undone
                and rater in (None, event.rater)
            ]
            last = [event for event in left if event.batch == left[-1].batch]
            _insert(
                database,
                [
                    LabelEvent(event.image, UNDO, rater=event.rater, undoes=event.number)
                    for event in last
                ],
            )
            return len(last)

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """Open the database, made if it is absent; commit at the end, or roll back."""
        try:
            with closing(sqlite3.connect(self.path, timeout=_WAIT, isolation_level=None)) as base:
                _make_table(base)  # before the next line, which would change a foreign file
                base.execute("PRAGMA journal_mode=WAL")
                base.execute("PRAGMA synchronous=FULL")
                try:
                    yield base
                    if base.in_transaction:
                        base.execute("COMMIT")
                finally:
                    if base.in_transaction:
                        base.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            message = f"{self.path} cannot be read or written ({error}): nothing was stored."
            raise ProjectError(message) from error
        except sqlite3.Error as error:
            message = (
                f"{self.path} cannot be used ({error}); it was left as it is, and holds the labels "
                "that people gave: put back a copy of it, or move it away to begin anew."
            )
            raise ProjectError(message) from error


def _make_table(database: sqlite3.Connection) -> None:
    """Make the table in a new database; refuse one that another version or program made."""
    if _version(database) == _FORMAT:
        return
    database.execute("BEGIN IMMEDIATE")
    if _version(database) == _FORMAT:  # another process made it meanwhile
        database.execute("COMMIT")
        return
    (n_tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if n_tables:
        message = "it was made by another program or another version of voisin"
        raise sqlite3.DatabaseError(message)
    for statement in _TABLE:
        database.execute(statement)
    database.execute("COMMIT")


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _insert(database: sqlite3.Connection, events: Sequence[LabelEvent]) -> int:
    """Insert events as one batch, and return its number."""
    newest = database.execute("SELECT batch FROM events ORDER BY number DESC LIMIT 1").fetchone()
    last = newest[0] if newest else 0
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    rows = [asdict(replace(event, batch=last + 1, when=now)) | {"number": None} for event in events]
    places = ", ".join(f":{name}" for name in _COLUMNS)
    database.executemany(f"INSERT INTO events ({_NAMES}) VALUES ({places})", rows)
    return int(last) + 1


def _select(database: sqlite3.Connection) -> tuple[LabelEvent, ...]:
    rows = database.execute(f"SELECT {_NAMES} FROM events ORDER BY number")
    events = (LabelEvent(*row) for row in rows)
    return tuple(replace(event, settles=bool(event.settles)) for event in events)
