"""Classifiers trained on few, guessed or propagated labels."""
