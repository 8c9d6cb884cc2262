"""What all draws of labels have in common: images, settings, and vectors that no label changes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any

from voisin import __version__
from voisin.pipeline.context import Context, StoredGraphData, learns_from_labels
from voisin.pipeline.embed import embed_without_labels
from voisin.project.cache import hash_of

NO_MATTER = ("labels_per_class", "labels", "method", "retraining_epochs", "ceiling")


class SharedContext:
    """A context with the truth, to be seen from many draws of labels.

    Parameters
    ----------
    context : Context
    """

    def __init__(self, context: Context) -> None:
        self.context = context

    @cached_property
    def by_labels(self) -> bool:
        """Whether every draw has vectors of its own."""
        return learns_from_labels(self.context.stages.settings)

    @cached_property
    def graph_data(self) -> StoredGraphData:
        """What is seen whatever the labels, where the embedders do not learn from them."""
        return self.context.graph_data()

    @cached_property
    def inputs(self) -> dict[str, Any]:
        """All that a result depends on beside the draw and what is tried on it."""
        seen = self.context
        settings, experiment = seen.stages.settings.as_dict(), seen.experiment
        groups = [
            one.groups for one in (experiment.pool, experiment.test) if one.groups is not None
        ]
        return {
            "version": __version__,
            "data": seen.experiment.key,
            "settings": {k: v for k, v in settings.items() if k not in NO_MATTER},
            "embedders": [one.fingerprint() for one in seen.embedders.values()],
            "truth": [
                hash_of(one) for one in (experiment.pool.labels, experiment.test.labels, *groups)
            ],
        }

    def prepare(self) -> None:
        """Compute what does not depend on labels once, before any process looks for it."""
        seen = self.context
        if self.by_labels:
            embed_without_labels(seen.stages, seen.experiment, seen.embedders)
        else:
            _ = self.graph_data

    @contextmanager
    def own(self, name: str) -> Iterator[Context]:
        """Give the context of one draw; what its labels taught is thrown away in the end."""
        stages = self.context.stages
        with stages.cache.inner(name) as inner:
            cache = inner if self.by_labels else stages.cache
            yield replace(self.context, stages=replace(stages, cache=cache, timings=[]))
