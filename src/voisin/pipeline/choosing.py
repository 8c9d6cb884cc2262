"""Choosing what is compared by name: ours, and what other libraries have where they are there."""

from collections.abc import Iterable, Mapping, Sequence

from voisin.errors import InputError, MissingDependencyError
from voisin.labeling.peers import Peer


def choose(
    names: Sequence[str] | None, ours: Iterable[str], peers: Mapping[str, Peer], kind: str
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Choose what is compared: all there is by default, less the peers that are not installed.

    Parameters
    ----------
    names : sequence of str, optional
    ours : iterable of str
    peers : mapping of str to Peer
    kind : str
        What is chosen, for errors: ``method``, say.

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
    >>> choose(["near", "far", "near"], ["near", "far", "middle"], {}, "method")
    (('near', 'far'), {})
    """
    everything = (*ours, *peers)
    left_out = {name: peer.missing for name, peer in peers.items() if peer.missing}
    chosen = dict.fromkeys(everything if names is None else names)
    for name in chosen:
        if name not in everything:
            message = f"{name!r} is no {kind}: choose among {', '.join(everything)}."
            raise InputError(message)
        if names is not None and name in left_out:
            message = f"{name}: {left_out[name]}"
            raise MissingDependencyError(message)
    if names is not None:
        left_out = {}
    kept = tuple(name for name in chosen if name not in left_out)
    if len(kept) < 2:
        message = f"Only {len(kept)} {kind} to compare: name two or more, or none for all."
        raise InputError(message)
    return kept, left_out
