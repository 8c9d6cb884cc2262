"""Labeling methods side by side on the same draws of labels."""
