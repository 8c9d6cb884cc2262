"""Ways to carry a few labels along the graph to every image."""

from voisin.propagation.attachment import attach
from voisin.propagation.harmonic import Harmonic
from voisin.propagation.live import LiveSpreading
from voisin.propagation.poisson import Poisson
from voisin.propagation.poisson_mbo import PoissonMBO
from voisin.propagation.reweighted import ReweightedLaplace
from voisin.propagation.spreading import LabelSpreading

__all__ = [
    "Harmonic",
    "LabelSpreading",
    "LiveSpreading",
    "Poisson",
    "PoissonMBO",
    "ReweightedLaplace",
    "attach",
]
