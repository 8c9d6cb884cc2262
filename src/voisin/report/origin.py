"""Which images of the source make the graph, and what became of the others."""

from dataclasses import dataclass

from voisin.report.content import ReportContent


@dataclass(frozen=True)
class Origin:
    """Images of the source by what they were used for.

    Attributes
    ----------
    n_graph : int
        The nodes of the graph.
    n_judged : int
        Test images whose true class gives the verdict; 0 where there is no verdict on a test.
    n_test : int
        Images of the source's own test; 0 where it has none.
    n_val : int
        Images of ``val``, which are not used.
    n_unreadable : int
        Training images that are missing from the graph, since they could not be read; 0 where
        a test was drawn from them, because the source does not tell the two apart.
    """

    n_graph: int
    n_judged: int
    n_test: int
    n_val: int
    n_unreadable: int


def origin_of(content: ReportContent) -> Origin:
    """Say of a run what each part of its source was used for."""
    splits, n_graph = content.summary.split_counts, len(content.labels)
    n_judged = next((s.n for s in content.scores if s.scope == "test"), 0)
    n_train = splits.get("train", 0) if splits else content.summary.n_images
    was_drawn = n_judged > 0 and "test" not in splits
    return Origin(
        n_graph=n_graph,
        n_judged=n_judged,
        n_test=splits.get("test", 0),
        n_val=splits.get("val", 0),
        n_unreadable=0 if was_drawn else max(n_train - n_graph, 0),
    )
