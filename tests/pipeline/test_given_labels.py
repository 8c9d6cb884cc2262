"""A run starts from the labels that people gave: in tables, and as answers in the project."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from tests.finished_runs import write_run
from tests.sources.small import random_pixels, write_table
from voisin.errors import InputError, InputWarning
from voisin.pipeline.open_run import open_run
from voisin.pipeline.prepare import prepare
from voisin.pipeline.run import read_given_labels, run
from voisin.pipeline.stages import Stages
from voisin.project.cache import Cache
from voisin.project.label_events import LabelEvents
from voisin.settings import Settings
from voisin.sources.arrays import ArrayReader
from voisin.sources.collection import collect_images
from voisin.types import LABEL, REJECT, UNLABELED, UNSURE, LabelEvent, no_progress


@pytest.fixture
def images():
    """Twelve images in the order of their ids, a to l; cats, dogs, and four without a label."""
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1, *[UNLABELED] * 4])
    reader = ArrayReader([random_pixels(12, 8, 8, 3)], "made up")
    return collect_images("made up", reader, list("abcdefghijkl"), labels, ["cat", "dog"])


def answer(folder, *pairs, rater="Ann"):
    kinds = {"unsure": UNSURE, "none of these": REJECT}
    events = [
        LabelEvent(image, kinds.get(text, LABEL), "" if text in kinds else text, rater)
        for image, text in pairs
    ]
    LabelEvents(folder).append(events)


def prepared(images, folder, **settings):
    settings = Settings(**settings)
    stages = Stages(Cache(folder / "cache"), settings, no_progress, lambda _: None)
    given = read_given_labels(settings, images, folder)
    images = images.take(~np.isin(images.ids, sorted(given.rejected)))
    return prepare(stages, images, (), given)


def labels_of(experiment):
    names = [*experiment.pool.class_names, ""]
    pairs = zip(experiment.pool.ids.tolist(), experiment.labels.tolist(), strict=True)
    return {id_: names[label] for id_, label in pairs if label != UNLABELED}


def test_the_images_drawn_at_random_are_known_from_answers_and_from_tables(images, tmp_path):
    LabelEvents(tmp_path).append(
        [
            LabelEvent("i", LABEL, "cat", drawn="random"),
            LabelEvent("j", LABEL, "cat", drawn="mixed"),
        ]
    )
    rows = [("id", "label", "drawn"), ("b", "cat", "random"), ("e", "dog", "")]
    table = write_table(tmp_path / "few.csv", rows)

    at_random = prepared(images, tmp_path, labels=(table,)).at_random
    assert images.ids[np.flatnonzero(at_random)].tolist() == ["b", "i"]
    assert prepared(images, tmp_path / "none").at_random is None


def test_answers_go_before_the_labels_of_the_source(images, tmp_path):
    answer(tmp_path, ("a", "dog"), ("i", "cat"), ("j", "unsure"), ("b", "unsure"))

    experiment = prepared(images, tmp_path)

    assert labels_of(experiment) == {
        **dict.fromkeys("bci", "cat"),
        **dict.fromkeys("aefgh", "dog"),
        "d": "cat",
    }


def test_an_image_of_none_of_the_classes_is_left_out(images, tmp_path):
    answer(tmp_path, ("a", "none of these"), ("l", "none of these"))

    experiment = prepared(images, tmp_path)

    assert experiment.pool.ids.tolist() == list("bcdefghijk")
    assert "a" not in labels_of(experiment)


def test_where_raters_disagree_there_is_no_label_and_no_truth(images, tmp_path):
    answer(tmp_path, ("a", "cat"), ("i", "cat"))
    answer(tmp_path, ("a", "dog"), ("i", "dog"), rater="Ben")

    experiment = prepared(images, tmp_path)

    assert labels_of(experiment).keys() == set("bcdefgh")
    assert (experiment.hidden == UNLABELED).all()


def test_a_new_class_comes_after_those_there_are(images, tmp_path):
    answer(tmp_path, ("i", "ant"), ("j", "Cat"), ("k", "ant"))

    experiment = prepared(images, tmp_path)

    assert experiment.pool.class_names == ("cat", "dog", "ant")
    said = labels_of(experiment)
    assert (said["i"], said["j"], said["k"], said["a"]) == ("ant", "cat", "ant", "cat")


def test_answers_do_not_change_which_labels_are_drawn(images, tmp_path):
    few = {"labels_per_class": 2, "test_share": 0.0}
    drawn = labels_of(prepared(images, tmp_path / "without", **few))
    answer(tmp_path, ("i", "cat"), ("j", "dog"))

    experiment = prepared(images, tmp_path, **few)

    assert labels_of(experiment) == {**drawn, "i": "cat", "j": "dog"}
    assert (experiment.hidden != UNLABELED).sum() == 8 - len(drawn)


def test_an_answer_to_a_test_image_corrects_the_truth_and_teaches_nothing(images, tmp_path):
    splits = np.array(["train"] * 4 + ["test"] + ["train"] * 7)
    answer(tmp_path, ("e", "cat"))

    experiment = prepared(replace(images, splits=splits), tmp_path)

    assert experiment.test.labels.tolist() == [0]
    assert "e" not in labels_of(experiment)


def test_several_tables_take_the_place_of_the_labels_of_the_source(images, tmp_path):
    one = write_table(tmp_path / "one.csv", [["id", "label"], ["a", "dog"], ["i", "cat"]])
    two = write_table(tmp_path / "two.csv", [["id", "label"], ["j", "cow"], ["a", "dog"]])

    experiment = prepared(images, tmp_path / "p", labels=[one, two])

    assert labels_of(experiment) == {"a": "dog", "i": "cat", "j": "cow"}
    assert (experiment.hidden != UNLABELED).sum() == 7  # the source's, now the truth


def test_tables_that_disagree_are_told_and_their_labels_not_used_until_answered(images, tmp_path):
    rows = [["id", "label"], ["a", "dog"], ["b", "cat"], ["c", "dog"]]
    one = write_table(tmp_path / "one.csv", rows)
    two = write_table(tmp_path / "two.csv", [["id", "label"], ["a", "cat"]])

    with pytest.warns(InputWarning, match=r"differ between .*: 1, first a: dog \(one\), cat \(t"):
        experiment = prepared(images, tmp_path / "p", labels=(one, two))
    assert labels_of(experiment) == {"b": "cat", "c": "dog"}

    (tmp_path / "p").mkdir(exist_ok=True)
    answer(tmp_path / "p", ("a", "cat"))
    assert labels_of(prepared(images, tmp_path / "p", labels=(one, two)))["a"] == "cat"


def test_a_run_of_unlabeled_images_can_start_from_answers_alone(images, tmp_path):
    bare = replace(images, labels=np.full(12, UNLABELED), class_names=())
    with pytest.raises(InputError, match="None of the 12 images is labeled"):
        prepared(bare, tmp_path)
    answer(tmp_path, ("a", "cat"), ("e", "dog"))

    assert labels_of(prepared(bare, tmp_path)) == {"a": "cat", "e": "dog"}


def test_the_next_run_uses_answers_and_says_how_many_are_new(images, tmp_path):
    earlier = write_run(
        tmp_path / "p",
        ids=images.ids,
        class_names=images.class_names,
        labels=images.labels,
        embeddings=np.zeros((12, 2), dtype=np.float32),
        affinity=sparse.csr_array((12, 12), dtype=np.float32),
    )
    answers = [["a", "cat"], ["i", "cat"], ["j", "cow"], ["k", "?"], ["l", "none of these"]]
    open_run(earlier).label(write_table(tmp_path / "ann.csv", [["id", "label"], *answers]))
    quick = {"embedding": "pixels", "retraining_epochs": 1, "ceiling": False, "device": "cpu"}
    lines: list[str] = []

    later = run(images, earlier, log=lines.append, **quick)

    assert (
        "  labels.sqlite: 3 labels of people are used, 2 of them new (cat: 1, cow: 1); 1 unsure; "
        "1 none of these, left out"
    ) in lines
    assert later.result.class_names == ("cat", "dog", "cow")
    assert later.result.assigned[later.result.ids.tolist().index("j")] == 2
