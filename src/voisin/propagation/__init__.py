"""Ways to carry a few labels along the graph to every image."""

from voisin.propagation.attachment import attach
from voisin.propagation.spreading import LabelSpreading
from voisin.types import PropagationMethod

METHODS: dict[str, type[PropagationMethod]] = {
    "spreading": LabelSpreading,
}

__all__ = ["METHODS", "LabelSpreading", "attach"]
