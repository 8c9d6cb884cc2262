"""All propagation methods by the names that `voisin.labeling.METHODS` gives them."""

from voisin.propagation import Harmonic, LabelSpreading, Poisson, PoissonMBO, ReweightedLaplace

METHODS = {
    "spreading": LabelSpreading,
    "harmonic": Harmonic,
    "poisson": Poisson,
    "poisson-mbo": PoissonMBO,
    "reweighted": ReweightedLaplace,
}
