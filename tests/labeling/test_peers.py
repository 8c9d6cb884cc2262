"""Every peer answers as its own library does, by the protocol of the labeling methods."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.semi_supervised import LabelPropagation, LabelSpreading, SelfTrainingClassifier

from voisin.errors import InputError, MissingDependencyError
from voisin.labeling.peers import registry as peers_registry
from voisin.labeling.peers.registry import PEERS, Peer, make_peer
from voisin.neighbors.affinity import build_affinity
from voisin.neighbors.search import find_neighbors, query_neighbors
from voisin.propagation.harmonic import Harmonic
from voisin.propagation.spreading import LabelSpreading as Ours
from voisin.sources.few_labels import draw_labels
from voisin.types import GraphData, Neighbors, Problem

INSTALLED = [name for name, peer in PEERS.items() if not peer.missing]


@pytest.fixture(scope="module")
def truth():
    return load_digits().target[:500].astype(np.int64)


@pytest.fixture(scope="module")
def problem(truth):
    vectors = load_digits().data.astype(np.float32)
    pool, new = vectors[:500], vectors[500:560]
    affinity = build_affinity(find_neighbors(pool, 10))
    labels = draw_labels(truth, labels_per_class=5, random_state=0)
    data = GraphData(pool, affinity, new, query_neighbors(new, pool, 10))
    return Problem(data, labels, n_classes=10)


@pytest.mark.parametrize("name", INSTALLED)
def test_a_peer_gives_every_image_a_distribution_and_labels_most_digits_rightly(
    name, problem, truth
):
    found = make_peer(name).label(problem)

    for probabilities in (found.propagation.probabilities, found.new_probabilities):
        assert (probabilities >= 0).all()
        np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert found.propagation.probabilities.shape == (500, 10)
    assert found.new_probabilities.shape == (60, 10)
    hidden = problem.labels < 0
    assert (found.propagation.labels == truth)[hidden].mean() > 0.6
    assert (found.new_probabilities.argmax(axis=1) == load_digits().target[500:560]).mean() > 0.6


@pytest.mark.filterwarnings("ignore:max_iter=1000 was reached")
@pytest.mark.parametrize("name", INSTALLED)
def test_a_class_without_label_gets_nothing_and_keeps_its_column(name, problem, truth):
    labels = np.where(problem.labels == 3, -1, problem.labels)

    found = make_peer(name).label(Problem(problem.data, labels, n_classes=10))

    assert found.propagation.probabilities.shape == (500, 10)
    assert (found.propagation.probabilities[:, 3] == 0).all()
    others = (labels < 0) & (truth > 3)
    assert (found.propagation.labels == truth)[others].mean() > 0.6


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("sklearn-propagation", LabelPropagation(kernel="knn")),
        ("sklearn-spreading", LabelSpreading(kernel="knn")),
    ],
)
def test_scikit_learns_are_called_as_a_user_would(name, reference, problem):
    found = make_peer(name).label(problem)
    reference.fit(problem.data.embeddings, problem.labels)

    hidden = problem.labels < 0
    answered = hidden & found.propagation.reached
    assert answered.mean() > 0.8
    np.testing.assert_array_equal(
        found.propagation.labels[answered], reference.transduction_[answered]
    )
    np.testing.assert_allclose(
        found.new_probabilities, reference.predict_proba(problem.data.new_embeddings)
    )


def test_self_training_is_that_of_logistic_regression(problem):
    reference = SelfTrainingClassifier(LogisticRegression(max_iter=1000))
    reference.fit(problem.data.embeddings, problem.labels)

    found = make_peer("sklearn-self-training").label(problem)

    np.testing.assert_allclose(
        found.propagation.probabilities,
        reference.predict_proba(problem.data.embeddings),
        atol=1e-5,
    )


def test_on_the_same_graph_spreading_is_zhous_with_scikit_learns_alpha(problem):
    peer = make_peer("sklearn-spreading-graph").label(problem)
    ours = Ours(alpha=0.2).propagate(problem.data.affinity, problem.labels)

    sure = np.sort(ours.probabilities, axis=1)
    sure = ours.reached & (sure[:, -1] - sure[:, -2] > 0.05) & peer.propagation.reached
    assert sure.mean() > 0.5
    assert (peer.propagation.labels == ours.labels)[sure].mean() > 0.99


@pytest.mark.parametrize("name", ["sklearn-propagation-graph", "graphlearning-laplace"])
def test_on_the_same_graph_propagation_and_laplace_come_to_the_harmonic_function(name, problem):
    if name not in INSTALLED:
        pytest.skip("graphlearning is not installed")
    peer = make_peer(name).label(problem).propagation
    ours = Harmonic().propagate(problem.data.affinity, problem.labels)

    both = ours.reached & peer.reached
    assert both.mean() > 0.9
    np.testing.assert_allclose(peer.probabilities[both], ours.probabilities[both], atol=0.02)


def test_an_image_without_any_tie_is_flagged_and_given_the_shares_of_the_labels():
    indices = np.array([[1], [0], [3], [2]])
    distances = np.array([[0.1], [0.1], [1.0], [1.0]], dtype=np.float32)
    affinity = build_affinity(Neighbors(indices, distances))
    data = GraphData(np.eye(4, dtype=np.float32), affinity, np.empty((0, 4), dtype=np.float32))
    labels = np.array([0, -1, -1, 1])

    found = make_peer("sklearn-spreading-graph").label(Problem(data, labels, n_classes=2))

    assert found.propagation.reached.tolist() == [True, True, False, True]
    np.testing.assert_allclose(found.propagation.probabilities[2], [0.5, 0.5])
    assert found.new_probabilities.shape == (0, 2)


def test_what_is_not_installed_is_told_with_the_line_that_gets_it(monkeypatch):
    absent = Peer("absent", "absent", "", "no_such_library", "none")
    monkeypatch.setattr(peers_registry, "PEERS", {"absent": absent})

    assert "pip install 'voisin[bench]'" in absent.missing
    with pytest.raises(MissingDependencyError, match=r"no_such_library: pip install"):
        make_peer("absent")


def test_an_unknown_peer_is_refused_with_those_there_are():
    with pytest.raises(InputError, match="sklearn-spreading"):
        make_peer("knn")
