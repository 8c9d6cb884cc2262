"""What each query strategy is, in half a sentence for who reads a comparison."""

_MEANINGS = {
    "mixed": "undecided images in undecided neighborhoods, not far out, unlike what is labeled; "
    "what voisin suggest asks for by default",
    "random": "any image; what the others must beat",
    "margin": "images whose two likeliest classes are closest",
    "entropy": "images whose distribution is flattest",
    "unexplored": "images far from every label (Miller & Calder 2023)",
    "coverage": "images that stand for most others which no label stands for "
    "(after Yehuda et al. 2022)",
}


def meaning_of(strategy: str) -> str:
    """Say what a strategy asks for; a dash where no words are written.

    Examples
    --------
    >>> meaning_of("entropy")
    'images whose distribution is flattest'
    """
    return _MEANINGS.get(strategy, "–")
