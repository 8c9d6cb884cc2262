"""How the page writes numbers; it knows nothing of what they measure."""

import math

MISSING = "–"


def count(value: int) -> str:
    """Whole number with separators.

    Examples
    --------
    >>> count(7007)
    '7,007'
    """
    return f"{value:,}"


def decimal(value: float, digits: int = 3) -> str:
    """Figure with a fixed number of digits, a dash where it is not defined.

    Examples
    --------
    >>> decimal(0.87549), decimal(float("nan"))
    ('0.875', '–')
    """
    return f"{value:.{digits}f}" if math.isfinite(value) else MISSING


def percent(share: float) -> str:
    """Share as a percentage, never 0% or 100% unless it is exactly that.

    Examples
    --------
    >>> percent(0.5), percent(0.0004), percent(0.9999), percent(1.0)
    ('50%', '<1%', '>99%', '100%')
    """
    if not math.isfinite(share):
        return MISSING
    if 0 < share < 0.005:
        return "<1%"
    if 0.995 <= share < 1:
        return ">99%"
    return f"{100 * share:.0f}%"


def duration(seconds: float) -> str:
    """Time as a person would say it.

    Examples
    --------
    >>> duration(0.42), duration(9.96), duration(75), duration(7384)
    ('0.4 s', '10 s', '1 min 15 s', '2 h 3 min')
    """
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
