"""Strategies of other libraries are asked as ours are."""

import numpy as np
import pytest

from tests.querying.problems import blobs, labeled
from voisin.errors import InputError, MissingDependencyError
from voisin.querying.peers import PEERS, make_peer
from voisin.types import UNLABELED

INSTALLED = [name for name, peer in PEERS.items() if not peer.missing]
ABSENT = sorted(set(PEERS) - set(INSTALLED))


@pytest.mark.parametrize("name", INSTALLED)
def test_a_peer_asks_for_candidates_without_label_each_once(name):
    problem, labeling = labeled(blobs(0))
    candidates = np.arange(30)

    found = make_peer(name).suggest(problem, labeling, 7, candidates=candidates)

    assert len(found) == len(np.unique(found.positions)) == len(found.reasons) == 7
    assert (problem.labels[found.positions] == UNLABELED).all()
    assert np.isin(found.positions, candidates).all()
    assert np.isfinite(found.scores).all()


@pytest.mark.parametrize("name", ABSENT)
def test_a_peer_that_is_not_installed_says_how_to_install_it(name):
    with pytest.raises(MissingDependencyError, match=r"voisin\[bench\]"):
        make_peer(name)


def test_an_unknown_peer_is_told_which_there_are():
    with pytest.raises(InputError, match="graphlearning-norm"):
        make_peer("oracle")
