"""How figures are written as JSON: six digits, no NaN, one layout."""

import json
import math
from collections.abc import Mapping
from typing import Any


def number(value: float) -> float | None:
    """Give a figure six digits, and none where it is not defined: JSON has no NaN.

    Examples
    --------
    >>> number(0.12345678), number(float("nan"))
    (0.123457, None)
    """
    return None if math.isnan(value) else float(f"{value:.6g}")


def to_json(document: Mapping[str, Any]) -> str:
    """Write a document in a fixed layout, so that equal figures give equal files."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
