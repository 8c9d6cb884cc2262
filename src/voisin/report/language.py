"""The language of a page: its sentences, and how it writes numbers.

English is what templates and code say; another language is a table from the English sentences to
its own. This module must not know what the sentences are about.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from voisin.report import wording
from voisin.report.french import NOTES, SENTENCES

_NO_BREAK, _NARROW = "\u00a0", "\u202f"  # spaces at which a line does not break


@dataclass(frozen=True, eq=False)
class Language:
    """Translates sentences, and writes numbers.

    Attributes
    ----------
    code : str
        Such as ``fr``.
    sentences : mapping of str to str
        From an English sentence, with places such as ``%(n)s``; one that is missing stays English.
    notes : mapping of str to str
        The same of sentences that come with their values in them.
    signs : mapping of str to str
        How it writes the point, the comma and the percent sign of an English number.
    """

    code: str
    sentences: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    signs: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, sentence: str, **values: object) -> str:
        """Translate a sentence, and put the values in their places.

        Examples
        --------
        >>> FRENCH("%(n)s images", n=3)
        '3 images'
        """
        return self.gettext(sentence) % values

    def gettext(self, sentence: str) -> str:
        """Translate a sentence, whose places stay as they are."""
        return self.sentences.get(sentence, sentence)

    def ngettext(self, one: str, many: str, n: int) -> str:
        """Translate the first sentence for one thing, else the second."""
        is_one = n < 2 if self.code == "fr" else n == 1
        return self.gettext(one if is_one else many)

    def note(self, text: str) -> str:
        """Translate a sentence that has its values in it; one that is not known stays English.

        Examples
        --------
        >>> FRENCH.note("1,234 held-out labels were left out: no other label reaches them.")[:22]
        '1\u202f234 étiquettes mises'
        """
        for english, own in self.notes.items():
            pattern = re.sub(
                r"%\\\((\w+)\\\)s", r"(?P<\1>.+?)", re.escape(english.replace("%%", "%"))
            )
            if found := re.fullmatch(pattern, text, re.DOTALL):
                values = found.groupdict()
                is_number = re.compile(r"[\d.,]+%?").fullmatch
                return own % {n: self.number(v) if is_number(v) else v for n, v in values.items()}
        return text

    def number(self, text: str) -> str:
        """Rewrite an English number.

        Examples
        --------
        >>> FRENCH.number("0.5")
        '0,5'
        """
        return "".join(self.signs.get(character, character) for character in text)

    def count(self, value: int) -> str:
        """Write a whole number."""
        return self.number(wording.count(value))

    def decimal(self, value: float, digits: int = 3) -> str:
        """Write a number with a fixed number of digits, or a dash if it is undefined."""
        return self.number(wording.decimal(value, digits))

    def percent(self, share: float) -> str:
        """Write a share as a percentage."""
        return self.number(wording.percent(share))

    def duration(self, seconds: float) -> str:
        """Write a time in the units that suit its length."""
        return self.number(wording.duration(seconds))


def _keep_lines(sentences: Mapping[str, str]) -> dict[str, str]:
    """Let no line begin with a sign; "%(" begins a place and is none."""
    spaces = re.compile(r" (?=[:;?!»]|%(?!\())|(?<=«) ")
    return {english: spaces.sub(_NO_BREAK, own) for english, own in sentences.items()}


ENGLISH = Language("en")
FRENCH = Language(
    "fr",
    _keep_lines(SENTENCES),
    _keep_lines(NOTES),
    {".": ",", ",": _NARROW, "%": f"{_NO_BREAK}%"},
)


def choose_language(code: str | None) -> Language:
    """Return a language by its code; None stands for that of the environment, else English."""
    if code is None:
        names = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
        code = next((name for name in names if name), "")[:2]
    return FRENCH if code == "fr" else ENGLISH
