"""What the search for neighbors spends its time in: compiled loops over vectors."""
