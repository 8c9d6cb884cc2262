"""Words for error lines that say which names exist; it knows nothing of images."""

import difflib
from collections.abc import Iterable

_MOST_CHOICES = 10_000  # comparing with more takes seconds


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Say which of the choices comes closest, or nothing where none is close or they are many.

    Examples
    --------
    >>> did_you_mean("lable", ["path", "label"])
    ' Did you mean label?'
    >>> did_you_mean("xyz", ["path", "label"])
    ''
    """
    choices = tuple(choices)
    if len(choices) > _MOST_CHOICES:
        return ""
    by_lowercase = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(word.lower(), by_lowercase, n=1)
    return f" Did you mean {by_lowercase[close[0]]}?" if close else ""


def list_some(names: Iterable[str], limit: int = 20) -> str:
    """Join names with commas, and count those beyond the limit.

    Examples
    --------
    >>> list_some(["a", "b", "c", "d"], limit=2)
    'a, b and 2 more'
    >>> list_some([])
    'none'
    """
    names = list(names)
    shown = ", ".join(names[:limit]) or "none"
    return f"{shown} and {len(names) - limit} more" if len(names) > limit else shown
