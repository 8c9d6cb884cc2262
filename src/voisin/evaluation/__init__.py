"""How right predictions are, each image matched with its truth by id."""
