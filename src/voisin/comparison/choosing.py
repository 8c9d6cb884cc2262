"""Choosing methods by name: voisin's, and those of other libraries where they are installed."""

from collections.abc import Sequence

from voisin.errors import InputError, MissingDependencyError
from voisin.labeling.peers.registry import PEERS
from voisin.labeling.registry import METHODS


def choose_methods(names: Sequence[str] | None) -> tuple[tuple[str, ...], dict[str, str]]:
    """Choose what is compared: all there is by default, less the peers that are not installed.

    Parameters
    ----------
    names : sequence of str, optional

    Returns
    -------
    names : tuple of str
    left_out : dict of str to str
        The line that says how to get each peer that is not installed.

    Raises
    ------
    InputError
        If a name is unknown, or fewer than two are left.
    MissingDependencyError
        If a peer is asked for by name and not installed.

    Examples
    --------
    >>> choose_methods(["spreading", "poisson", "spreading"])
    (('spreading', 'poisson'), {})
    """
    everything = (*METHODS, *PEERS)
    left_out = {name: peer.missing for name, peer in PEERS.items() if peer.missing}
    chosen = dict.fromkeys(everything if names is None else names)
    for name in chosen:
        if name not in everything:
            message = f"{name!r} is no method: choose among {', '.join(everything)}."
            raise InputError(message)
        if names is not None and name in left_out:
            message = f"{name}: {left_out[name]}"
            raise MissingDependencyError(message)
    if names is not None:
        left_out = {}
    kept = tuple(name for name in chosen if name not in left_out)
    if len(kept) < 2:
        message = f"Only {len(kept)} method to compare: name two or more, or none for all."
        raise InputError(message)
    return kept, left_out
