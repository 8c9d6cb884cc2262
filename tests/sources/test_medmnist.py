"""MedMNIST's sets, fetched from a server on this machine."""

import logging

import pytest

from voisin.errors import DownloadError, InputError
from voisin.sources import medmnist
from voisin.sources.medmnist import find_set, read_sets, record_url, refused_sets
from voisin.sources.opening import open_images


def test_a_set_is_fetched_once_and_kept(medmnist_server):
    images = open_images("breastmnist")
    again = open_images("breastmnist")

    assert medmnist_server.asked == ["/breastmnist.npz?download=1"]
    assert images.name == "breastmnist"
    assert images.splits.tolist() == ["train"] * 4 + ["val"] * 2 + ["test"] * 3
    assert again.ids.tolist() == images.ids.tolist()
    assert [path.name for path in medmnist_server.cache.iterdir()] == ["breastmnist.npz"]


def test_a_folder_can_be_named_for_the_download(medmnist_server, tmp_path):
    open_images("breastmnist", cache_folder=tmp_path / "mine")

    assert (tmp_path / "mine" / "breastmnist.npz").is_file()
    assert not medmnist_server.cache.exists()


@pytest.mark.parametrize(
    ("source", "size", "file_name"),
    [
        ("breastmnist_64", 28, "breastmnist_64.npz"),
        ("breastmnist_28", 64, "breastmnist.npz"),
        ("BreastMNIST", 64, "breastmnist_64.npz"),
        ("breastmnist", 8, "breastmnist.npz"),
        ("breastmnist", 29, "breastmnist_64.npz"),
        ("breastmnist", 500, "breastmnist_64.npz"),
    ],
)
def test_the_size_is_the_one_named_else_the_smallest_that_holds_it(
    medmnist_server, source, size, file_name
):
    open_images(source, size=size)

    assert medmnist_server.asked == [f"/{file_name}?download=1"]


def test_a_size_that_is_not_published_is_refused(medmnist_server):
    with pytest.raises(InputError, match="breastmnist comes with 28, 64 pixels"):
        open_images("breastmnist_32")


def test_progress_counts_bytes_and_ends_with_all_of_them(medmnist_server):
    calls = []
    open_images("breastmnist", progress=lambda *call: calls.append(call))

    n_bytes = len(medmnist_server.content)
    assert calls[-1] == ("Downloading breastmnist.npz", n_bytes, n_bytes)
    assert all(done <= total for _, done, total in calls)


def test_another_checksum_leaves_no_file_and_says_what_to_do(medmnist_server):
    medmnist_server.content = b"something else"

    with pytest.raises(DownloadError) as caught:
        open_images("breastmnist")

    line = str(caught.value)
    assert "\n" not in line
    assert f"download {medmnist_server.url}/breastmnist.npz?download=1" in line
    assert f"MD5 {medmnist_server.md5}" in line
    assert f"put it at {medmnist_server.cache / 'breastmnist.npz'}." in line
    assert list(medmnist_server.cache.iterdir()) == []


def test_a_file_that_the_server_does_not_have_says_what_to_do(medmnist_server):
    with pytest.raises(DownloadError, match=r"bloodmnist could not be fetched \(404.*put it at"):
        open_images("bloodmnist")


def test_without_network_it_says_what_to_do(medmnist_server, monkeypatch):
    monkeypatch.setenv("VOISIN_MEDMNIST_URL", "http://127.0.0.1:9")

    with pytest.raises(DownloadError, match=r"could not be fetched .*download http://127.*MD5"):
        open_images("breastmnist")


def test_a_damaged_file_in_the_cache_is_fetched_again(medmnist_server):
    medmnist_server.cache.mkdir()
    (medmnist_server.cache / "breastmnist.npz").write_bytes(b"half")

    assert len(open_images("breastmnist")) == 9


def test_nothing_is_printed_and_the_logger_of_pooch_is_as_before(medmnist_server, caplog):
    import pooch

    logger = pooch.get_logger()
    before = logger.level
    logger.addHandler(caplog.handler)
    open_images("breastmnist")
    logger.removeHandler(caplog.handler)

    assert caplog.records == []
    assert logger.level == before != logging.WARNING


@pytest.mark.parametrize(
    ("source", "reason"), [("chestmnist", "several labels"), ("organmnist3d_64", "3-D volumes")]
)
def test_sets_of_another_nature_are_refused_with_those_there_are(source, reason):
    with pytest.raises(InputError, match=rf"{reason}.*choose one of pathmnist, dermamnist"):
        open_images(source)


def test_the_facts_are_complete():
    sets = read_sets()

    assert len(sets) == 11
    assert sets["dermamnist"].md5[28] == "0744692d530f8e62ec473284d019b0c7"
    assert sets["dermamnist"].class_names[4] == "melanoma"
    assert {tuple(known.md5) for known in sets.values()} == {(28, 64, 128, 224)}
    checksums = [checksum for known in sets.values() for checksum in known.md5.values()]
    assert len(set(checksums)) == 44
    assert all(len(checksum) == 32 for checksum in checksums)
    assert len(refused_sets()) == 7
    assert record_url().startswith("https://zenodo.org/records/")


def test_a_set_is_found_by_how_a_file_name_begins():
    assert find_set("organcmnist_64").name == "organcmnist"
    assert find_set("my_dermamnist") is None


def test_downloads_go_to_the_place_for_caches_of_the_system_by_default(
    medmnist_server, monkeypatch, tmp_path
):
    monkeypatch.delenv("VOISIN_CACHE")
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "system" / name)

    open_images("breastmnist")

    assert (tmp_path / "system" / "voisin" / "breastmnist.npz").is_file()
    assert medmnist.MedMNISTSource.names[1] == "dermamnist"
