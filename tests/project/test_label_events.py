"""Label events: only added, never lost, and what several raters together say."""

import signal
import sqlite3
import subprocess
import sys

import pytest

from voisin.errors import InputError, ProjectError
from voisin.project.label_events import STORE, LabelEvents, agree
from voisin.types import CLEARED, LABEL, REJECT, SKIP, UNSURE, LabelEvent


def say(image, label, rater="Ann", kind=LABEL, **more):
    return LabelEvent(image, kind, label if kind == LABEL else "", rater, **more)


def labels_of(store):
    return {image: event.answer for image, event in store.current().items()}


def test_an_event_comes_back_with_all_that_was_known_of_it(tmp_path):
    event = say("é/1.png", "naïve", proposal="cat", probability=0.75, run="a1", drawn="random")

    LabelEvents(tmp_path).append([event])
    (stored,) = LabelEvents(tmp_path).events()

    assert (stored.number, stored.batch) == (1, 1)
    assert stored.when.endswith("+00:00")
    assert (stored.proposal, stored.probability, stored.drawn) == ("cat", 0.75, "random")
    assert stored.settles is False
    assert labels_of(LabelEvents(tmp_path)) == {"é/1.png": "naïve"}


def test_no_store_is_made_by_reading(tmp_path):
    assert LabelEvents(tmp_path).current() == {}
    assert LabelEvents(tmp_path).undo() == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([say("a", "cat"), say("a", "dog")], "dog"),
        ([say("a", "cat"), say("a", "cat", "Ben")], "cat"),
        ([say("a", "cat"), say("a", "", "Ben", UNSURE)], "cat"),
        ([say("a", "", "Ben", UNSURE)], "unsure"),
        ([say("a", "cat"), say("a", "", kind=SKIP)], "cat"),
        ([say("a", "", kind=SKIP)], None),
        ([say("a", "cat"), say("a", "", kind=CLEARED)], None),
        ([say("a", "", kind=REJECT)], "none of these"),
        ([say("a", "cat"), say("a", "dog", "Ben")], ("cat", "dog")),
        ([say("a", "cat"), say("a", "", "Ben", REJECT)], ("cat", "none of these")),
        ([say("a", "cat"), say("a", "dog", "Ben"), say("a", "cat", "Ben")], "cat"),
        ([say("a", "cat"), say("a", "dog", "Ben"), say("a", "", kind=CLEARED)], "dog"),
        ([say("a", "cat"), say("a", "dog", "Ben"), say("a", "cow", "Cy", settles=True)], "cow"),
        ([say("a", "cow", "Cy", settles=True), say("a", "dog", "Ben")], ("cow", "dog")),
    ],
)
def test_what_raters_together_say_of_an_image(said, expected):
    agreement = agree(said)

    if isinstance(expected, tuple):
        assert agreement.answers == {}
        assert tuple(one.answer for one in agreement.disagreements["a"]) == expected
    else:
        found = agreement.answers.get("a")
        assert (found and found.answer) == expected
        assert agreement.disagreements == {}


def test_images_drawn_at_random_stay_so_when_others_correct_or_settle_them():
    drawn = say("a", "cat", drawn="random")
    said = [drawn, say("a", "dog", rater="Ben"), say("a", "dog", settles=True), say("b", "dog")]
    asked = [say("c", "cat", drawn="margin"), say("d", "", kind=CLEARED, drawn="random")]

    assert agree([*said, *asked]).at_random == {"a"}


def test_undo_takes_back_one_batch_a_call_and_earlier_answers_count_again(tmp_path):
    store = LabelEvents(tmp_path)
    store.append([say("a", "cat"), say("b", "cat")])
    store.append([say("a", "dog")])
    store.append([say("b", "", kind=CLEARED)])
    assert labels_of(store) == {"a": "dog"}

    assert store.undo() == 1
    assert labels_of(store) == {"a": "dog", "b": "cat"}
    assert store.undo() == 1
    assert labels_of(store) == {"a": "cat", "b": "cat"}
    assert store.undo() == 2
    assert labels_of(store) == {}
    assert store.undo() == 0
    assert len(store.events()) == 8, "nothing is removed: four answers and four undos"


def test_undo_of_one_rater_leaves_the_answers_of_others(tmp_path):
    store = LabelEvents(tmp_path)
    store.append([say("a", "cat", "Ann")])
    store.append([say("b", "dog", "Ben")])

    assert store.undo(rater="Ann") == 1
    assert labels_of(store) == {"b": "dog"}


@pytest.mark.parametrize("change", ["DELETE FROM events", "UPDATE events SET label = 'dog'"])
def test_events_can_be_neither_changed_nor_removed(tmp_path, change):
    LabelEvents(tmp_path).append([say("a", "cat")])
    database = sqlite3.connect(tmp_path / STORE)

    with pytest.raises(sqlite3.IntegrityError, match="label events are never"):
        database.execute(change)
    database.close()


@pytest.mark.parametrize(
    "event",
    [say("", "cat"), say("a", ""), LabelEvent("a", UNSURE, "cat"), LabelEvent("a", "maybe")],
)
def test_an_event_that_says_nothing_clear_is_refused_with_all_of_its_batch(tmp_path, event):
    store = LabelEvents(tmp_path)

    with pytest.raises(InputError):
        store.append([say("b", "cat"), event])
    assert store.events() == ()


def test_a_damaged_store_is_told_and_left_as_it_is(tmp_path):
    LabelEvents(tmp_path).append([say(f"image-{n}", "cat") for n in range(500)])
    raw = bytearray((tmp_path / STORE).read_bytes())
    raw[5000:9000] = b"\xff" * 4000
    (tmp_path / STORE).write_bytes(raw)

    with pytest.raises(ProjectError, match="was left as it is"):
        LabelEvents(tmp_path)
    assert (tmp_path / STORE).read_bytes() == raw


@pytest.mark.parametrize("make", ["CREATE TABLE mine (a)", "PRAGMA user_version=9"])
def test_a_database_of_another_program_or_version_is_refused(tmp_path, make):
    database = sqlite3.connect(tmp_path / STORE)
    database.execute("CREATE TABLE events (a)")
    database.execute(make)
    database.close()
    before = (tmp_path / STORE).read_bytes()

    with pytest.raises(ProjectError, match="another program or another version"):
        LabelEvents(tmp_path)
    assert (tmp_path / STORE).read_bytes() == before


WRITER = """
import sys
from pathlib import Path
from voisin.project.label_events import LabelEvents
from voisin.types import LabelEvent

for number in range(int(sys.argv[3])):
    LabelEvents(Path(sys.argv[1])).append([LabelEvent(f"{sys.argv[2]}-{number}", "label", "cat")])
    print(number, flush=True)
"""


def start_writer(folder, name, count):
    command = [sys.executable, "-c", WRITER, str(folder), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_an_acknowledged_event_survives_a_kill(tmp_path):
    writer = start_writer(tmp_path, "image", 10**6)
    told = [int(writer.stdout.readline()) for _ in range(20)]
    writer.kill()
    told += [int(line) for line in writer.stdout.read().split()]
    writer.stdout.close()
    assert writer.wait() == -signal.SIGKILL

    stored = {event.image for event in LabelEvents(tmp_path).events()}

    assert {f"image-{number}" for number in told} <= stored


def test_two_processes_append_at_once_and_nothing_is_lost(tmp_path):
    writers = [start_writer(tmp_path, name, 40) for name in ("Ann", "Ben")]
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0

    events = LabelEvents(tmp_path).events()

    assert len({event.image for event in events}) == len(events) == 80
    assert [event.number for event in events] == list(range(1, 81))
    assert len({event.batch for event in events}) == 80
