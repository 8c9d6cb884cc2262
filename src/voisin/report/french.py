"""The sentences of the pages in French, by the English ones."""

from collections.abc import Mapping

SENTENCES: Mapping[str, str] = {}
