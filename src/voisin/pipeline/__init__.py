"""The whole chapter in order, and its methods compared; nothing else knows either."""

from voisin.pipeline.chapter import Run, run
from voisin.pipeline.compared import Comparison
from voisin.pipeline.comparison import compare
from voisin.pipeline.settings import Settings

__all__ = ["Comparison", "Run", "Settings", "compare", "run"]
