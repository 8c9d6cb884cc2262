"""Compiled loops over vectors, where the search for neighbors spends its time."""
