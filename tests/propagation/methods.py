"""All propagation methods by the names that `voisin.labeling.registry.METHODS` gives them."""

from voisin.propagation.harmonic import Harmonic
from voisin.propagation.poisson import Poisson
from voisin.propagation.poisson_mbo import PoissonMBO
from voisin.propagation.reweighted import ReweightedLaplace
from voisin.propagation.spreading import LabelSpreading

METHODS = {
    "spreading": LabelSpreading,
    "harmonic": Harmonic,
    "poisson": Poisson,
    "poisson-mbo": PoissonMBO,
    "reweighted": ReweightedLaplace,
}
