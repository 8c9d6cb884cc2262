"""The whole chapter in order; nothing else knows it."""

from voisin.pipeline.chapter import Run, run
from voisin.pipeline.settings import Settings

__all__ = ["Run", "Settings", "run"]
