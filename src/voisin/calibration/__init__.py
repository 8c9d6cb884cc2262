"""From probabilities to probabilities that are right as often as they say."""
