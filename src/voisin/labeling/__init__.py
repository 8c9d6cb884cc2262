"""From vectors, graph and few labels to a label for every image: a file a method."""

from voisin.labeling.registry import METHODS, make_method, takes_alpha

__all__ = ["METHODS", "make_method", "takes_alpha"]
