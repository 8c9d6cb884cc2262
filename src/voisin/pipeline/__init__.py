"""The whole chapter in order, and its methods compared; nothing else knows either."""

from voisin.pipeline.chapter import Run, run
from voisin.pipeline.compared import Comparison, QueryComparison
from voisin.pipeline.comparison import compare
from voisin.pipeline.query_comparison import compare_queries
from voisin.pipeline.settings import Settings

__all__ = ["Comparison", "QueryComparison", "Run", "Settings", "compare", "compare_queries", "run"]
