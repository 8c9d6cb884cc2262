"""What a run chooses by itself: how images may lie, and by which vectors to compare them."""

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from voisin.calibration.prior_shift import weigh_by_class
from voisin.embedding.specification import AUTO, EFFORTS, KINDS, SMALL_SIDE, parse_embedding
from voisin.errors import InputWarning
from voisin.labeling.automatic import FEWEST
from voisin.labeling.classifier import (
    DEFAULT_STRENGTH,
    DEFAULT_TEMPERATURE,
    Classifier,
    fit_softmax,
)
from voisin.labeling.consensus import DEFAULT_ALPHA, DEFAULT_GRAPH_SHARE, SmoothedClassifier
from voisin.labeling.cross_validation import (
    cross_fit,
    losses_at_best_temperature,
    select_by_losses,
)
from voisin.pipeline.networks import backbone_size
from voisin.pipeline.prepare import Experiment
from voisin.pipeline.stages import Stages
from voisin.settings import Settings
from voisin.sources.arrays import ArrayReader
from voisin.sources.reading import read_images
from voisin.types import UNLABELED, HeldOut, Indices, Problem

if TYPE_CHECKING:
    from voisin.pipeline.context import Context

# What each effort tries; the first is kept unless held-out labels show another to be better. The
# last is the quickest: it gives the first labels, and if these leave nothing to gain, no other is
# tried. Small images, of up to 40 pixels, are as quickly learned by a small network, and it sees
# all of them.
CANDIDATES: Mapping[str, Sequence[str]] = {
    "quick": ("backbone",),
    "normal": ("backbone+backbone-tuned", "backbone-tuned", "backbone"),
    "thorough": ("backbone+backbone-tuned", "backbone-tuned", "backbone"),
}
CANDIDATES_FOR_SMALL: Mapping[str, Sequence[str]] = {
    "quick": ("cnn-augmented+backbone",),
    "normal": ("cnn-augmented+backbone+backbone-tuned", "cnn-augmented", "cnn-augmented+backbone"),
    "thorough": (
        "cnn-augmented+contrastive-tuned+backbone+backbone-tuned",
        "cnn-augmented+backbone+backbone-tuned",
        "cnn-augmented",
        "cnn-augmented+backbone",
    ),
}
_METHOD = SmoothedClassifier(
    DEFAULT_ALPHA, DEFAULT_GRAPH_SHARE, Classifier(DEFAULT_STRENGTH, DEFAULT_TEMPERATURE)
)
# Images, by hand: with more, fine-tuning embeds all of them for every fold, and a small network
# knows them about as well (clothes of 28 pixels: AUC 0.974 without).
_MANY_SMALL = 20_000
_WITHOUT_BACKBONE = "cnn-augmented"
# Share of the log loss of knowing nothing, by hand: what is left then is a few labels, too few to
# tell a better embedding by. Digits, 5 labels a class: 0.05 and 0.06 (two draws), AUC 0.999.
_LITTLE = 0.1
_LOOP_ROUNDS = 2  # of the deep loop in a thorough run, by hand: later rounds gain little
_TIMED = 64  # images whose embedding is timed, by hand: less than a second
# Seconds by hand, of two cores: of a run, of each of its images, and of a small network's step.
_REST, _REST_OF_AN_IMAGE, _SMALL_STEP = 6.0, 0.002, 0.003
_LOOKED_AT, _LOOKED_AT_SIZE = 400, 96  # images and pixels per side that show how images may lie
# Share of images told from the same upside down, above which they have an upper side: 0.69 for
# digits and 0.93 for clothes; at most 0.59 for cells, skin and waste (two draws of 200 each).
_UPRIGHT = 0.63


def resolve(stages: Stages, experiment: Experiment) -> Stages:
    """Replace ``auto`` by how the images lie, and by the first embedding that the effort tries."""
    settings = stages.settings
    if settings.orientation == AUTO:
        orientation = "upright"
        if _is_installed() and _augments(settings):
            orientation = stages.timed("orientation", lambda: find_orientation(experiment))
        settings = replace(settings, orientation=orientation)
    if settings.embedding == AUTO:
        rounds = settings.loop_rounds or (_LOOP_ROUNDS if settings.effort == "thorough" else 0)
        first = candidates_of(settings, experiment)[0]
        settings = settings.with_embedding(first, loop_rounds=rounds)
    return replace(stages, settings=settings)


def candidates_of(settings: Settings, experiment: Experiment) -> Sequence[str]:
    """Return the embeddings that may take the place of ``auto``, the default first.

    Warns
    -----
    InputWarning
        If the backbone is not installed.
    """
    if not _is_installed():
        message = (
            "The pretrained backbone is not installed, and images are compared by a small network "
            "instead, which finds fewer of them: pip install 'voisin[features]'"
        )
        warnings.warn(message, InputWarning, stacklevel=2)
        return (_WITHOUT_BACKBONE,)
    effort = settings.effort
    if experiment.native_size > SMALL_SIDE:
        return CANDIDATES[effort]
    if effort == "normal" and len(experiment.pool) > _MANY_SMALL:
        effort = "quick"
    return CANDIDATES_FOR_SMALL[effort]


def choose_embedding(context: "Context", candidates: Sequence[str]) -> tuple[str, str]:
    """Choose among embeddings by the log loss of held-out labels; also return the figures.

    Each candidate labels every fold without its labels, by the consensus of classifier and graph
    with default settings. The first is kept unless another is better by a standard error of the
    difference. The last, the quickest, is tried first: where its loss is less than a tenth of
    ``log(n_classes)``, that of knowing nothing, little can be gained, and it is kept. With fewer
    than three labels of some class, nothing is compared.
    """
    held_out = context.held_out_in_turn()
    counts = np.bincount(context.experiment.labels[context.experiment.labels != UNLABELED])
    if len(candidates) == 1 or not held_out or counts[counts > 0].min() < FEWEST:
        return candidates[0], ""
    losses, means = {}, {}
    for candidate in reversed(candidates):
        found = _hold_out(context.with_embedding(candidate), held_out)
        weights = weigh_by_class(found.labels)
        losses[candidate] = losses_at_best_temperature(found.probabilities, found.labels)
        means[candidate] = float(np.average(losses[candidate], weights=weights))
        if means[candidate] < _LITTLE * np.log(context.experiment.n_classes) and len(losses) == 1:
            left = f"log loss {means[candidate]:.2f} of {len(weights)} labels held out in turn"
            return candidate, f"{candidate}, as {left} leaves little for others to gain"
    best = candidates[select_by_losses([losses[name] for name in candidates], weights, 0)]
    figures = ", ".join(f"{name} {means[name]:.2f}" for name in candidates)
    reason = f"{best}, by the log loss of {len(weights)} labels held out in turn ({figures})"
    return best, reason


def estimate_seconds(context: "Context") -> dict[str, float]:
    """Estimate the seconds that a run takes with each effort, by those that some images take.

    With n images, of which the backbone embeds one in s seconds, ``quick`` takes n · s and what
    graph, labels, classifier and report take. Small networks add 3 ms a step of 16 images. Others
    embed n images once more for every network that is fine-tuned: on all labels, and without those
    of each fold. A step of fine-tuning takes as long as 47 images, 32 of half as many pixels, forth
    and back.
    """
    from voisin.training.backbone_tuning import BackboneTuning
    from voisin.training.fine_tuning import FineTuning

    experiment, settings = context.experiment, context.stages.settings
    image = _time_an_image(context)
    n_images = len(experiment.pool) + len(experiment.test)
    n_labels, n_folds = int((experiment.labels != UNLABELED).sum()), len(context.held_out_in_turn())
    trained_on = [n_labels, *[n_labels - n_labels // max(n_folds, 1)] * n_folds]
    quick = n_images * (image + _REST_OF_AN_IMAGE) + _REST
    if experiment.native_size <= SMALL_SIDE:
        own = FineTuning()
        quick += sum(own.epochs * -(-n // own.batch_size) for n in trained_on) * _SMALL_STEP
    steps = sum(BackboneTuning().count_steps(n) for n in trained_on)
    tuning = n_images * image * len(trained_on) + steps * 47 * image
    seconds = {}
    for effort in EFFORTS:
        is_one = len(candidates_of(replace(settings, effort=effort), experiment)) == 1
        seconds[effort] = quick if is_one else quick + tuning
    seconds["thorough"] += tuning * _LOOP_ROUNDS
    return seconds


def _time_an_image(context: "Context") -> float:
    """Return the seconds in which the backbone reads and embeds an image."""
    from voisin.embedding.backbone import Backbone
    from voisin.embedding.networks.efficientnet import load_backbone

    experiment, size = context.experiment, backbone_size(context.stages, context.experiment)
    some = experiment.pool.take(np.arange(min(_TIMED, len(experiment.pool))))
    backbone = Backbone(load_backbone(), size, context.stages.settings.device)
    backbone.embed(some)  # the first call also prepares
    start = time.perf_counter()
    backbone.embed(some)
    return (time.perf_counter() - start) / len(some)


def _hold_out(context: "Context", held_out: Sequence[Indices]) -> HeldOut:
    data, experiment = context.graph_data().data, context.experiment
    folds = context.folds(held_out, data)
    problem = Problem(data, experiment.labels, experiment.n_classes, folds)
    return cross_fit(_METHOD, problem)


def find_orientation(experiment: Experiment) -> str:
    """Tell whether images have an upper side: ``upright``, or else ``any``.

    Images that can be told from the same ones turned by a half have one. Features of the backbone
    are classified as turned or not by logistic regression, in two folds of the images.
    """
    from voisin.embedding.backbone import Backbone
    from voisin.embedding.networks.efficientnet import load_backbone

    rows = np.arange(len(experiment.pool))[:: max(1, len(experiment.pool) // _LOOKED_AT)]
    some = experiment.pool.take(rows)
    pixels = read_images(some, size=_LOOKED_AT_SIZE, max_unreadable=0).pixels
    some = replace(some, positions=np.arange(len(rows)))
    backbone = Backbone(load_backbone(), _LOOKED_AT_SIZE)
    views = [
        backbone.embed(replace(some, reader=ArrayReader([seen], "")))
        for seen in (pixels, np.ascontiguousarray(pixels[:, ::-1, ::-1]))
    ]
    vectors = np.concatenate(views)
    vectors -= vectors.mean(axis=0)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    turned, fold = np.repeat([0, 1], len(rows)), np.tile(np.arange(len(rows)) % 2, 2)
    right = np.zeros(len(vectors), dtype=bool)
    for left_out in (0, 1):
        seen = fold != left_out
        (model,) = fit_softmax(vectors[seen], np.eye(2)[turned[seen]], np.ones(seen.sum()), [10.0])
        right[~seen] = model(vectors[~seen]).argmax(axis=1) == turned[~seen]
    return "upright" if right.mean() > _UPRIGHT else "any"


def _augments(settings: Settings) -> bool:
    """Tell whether a network of the embedding is taught on augmented images."""
    if settings.embedding == AUTO:
        return settings.effort != "quick"
    return any(
        KINDS[part.kind].network not in ("", "backbone", "expert", "vae")
        for part in parse_embedding(settings.embedding)
    )


def _is_installed() -> bool:
    return all(find_spec(library) for library in KINDS["backbone"].libraries)
