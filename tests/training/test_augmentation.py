"""Augmentation: what each orientation allows, and what stays as it is."""

import numpy as np
import pytest
import torch

from voisin.errors import InputError
from voisin.training.augmentation import Augmentation
from voisin.training.orientation import ORIENTATIONS, Orientation

COUNT = 200


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(channels=3, seed=0, size=28):
    return torch.rand(COUNT, channels, size, size, generator=generator(seed)) * 2 - 1


def spot(left, top):
    """Images that are black but for a blurred spot."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 28), torch.linspace(-1, 1, 28), indexing="ij")
    image = torch.exp(-8 * ((x - left) ** 2 + (y - top) ** 2)) * 2 - 1
    return image.expand(COUNT, 1, 28, 28).contiguous()


def places_of_spots(images):
    """Where each image is brightest, in −1..1 from left to right and from top to bottom."""
    brightest = images.flatten(1).argmax(dim=1)
    return np.stack([brightest % 28, brightest // 28], axis=1) / 13.5 - 1


def test_upright_images_without_ranges_are_only_mirrored_and_turned_a_little():
    places = places_of_spots(Augmentation("upright").apply(spot(0.5, -0.5), generator()))

    assert set(np.sign(places[:, 0])) == {-1, 1}
    assert (places[:, 1] < 0).all()


def test_fixed_images_are_never_mirrored_nor_turned_by_more_than_ten_degrees():
    places = places_of_spots(Augmentation("fixed").apply(spot(0.5, -0.5), generator()))

    angles = np.degrees(np.arctan2(places[:, 1], places[:, 0]))
    assert np.abs(angles + 45).max() < 10 + 5  # of the grid of pixels
    assert np.abs(angles + 45).max() > 5


def test_any_image_may_lie_in_every_direction_at_the_same_distance():
    places = places_of_spots(Augmentation("any").apply(spot(0.6, 0.0), generator()))

    angles = np.degrees(np.arctan2(places[:, 1], places[:, 0]))
    assert all(
        ((angles >= start) & (angles < start + 90)).sum() > 25 for start in range(-180, 180, 90)
    )
    np.testing.assert_allclose(np.hypot(*places.T), 0.6, atol=0.1)


def test_a_mirrored_image_is_the_image_read_backwards(monkeypatch):
    monkeypatch.setitem(ORIENTATIONS, "mirrored", Orientation(0, mirrored=True))
    images = pictures()
    changed = Augmentation("mirrored").apply(images, generator())

    pairs = list(zip(changed, images, strict=True))
    same = [torch.allclose(a, b, atol=1e-4) for a, b in pairs]
    mirrored = [torch.allclose(a, b.flip(2), atol=1e-4) for a, b in pairs]
    assert all(a != b for a, b in zip(same, mirrored, strict=True))
    assert 60 < sum(mirrored) < 140


def test_a_smaller_scale_enlarges_and_another_size_is_kept_to():
    wide = spot(0.0, 0.0)
    near = Augmentation("fixed", scale=(0.5, 0.5), size=20).apply(wide, generator())

    assert near.shape == (COUNT, 1, 20, 20)
    assert (near > 0).float().mean() > 2 * (wide > 0).float().mean()


def test_brightness_and_contrast_move_mean_and_spread_within_their_ranges():
    images = pictures(channels=1)
    plain = Augmentation("fixed").apply(images, generator())
    with_light = Augmentation("fixed", brightness=0.3, contrast=0.2)
    changed = with_light.apply(images, generator())

    means = (changed.mean(dim=(1, 2, 3)) - plain.mean(dim=(1, 2, 3))).numpy()
    spreads = (changed.std(dim=(1, 2, 3)) / plain.std(dim=(1, 2, 3))).numpy()
    assert np.abs(means).max() <= 0.3 + 1e-5
    assert np.abs(means).max() > 0.25
    assert spreads.min() >= 0.8 - 1e-5
    assert spreads.max() <= 1.2 + 1e-5
    assert spreads.max() - spreads.min() > 0.3


def test_without_saturation_an_image_is_gray_and_as_light_as_before():
    images = pictures()
    plain = Augmentation("fixed").apply(images, generator())
    gray = Augmentation("fixed", gray=1.0, hue=0.5).apply(images, generator())

    luma = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    torch.testing.assert_close(gray[:, 0], gray[:, 2], atol=1e-3, rtol=0)
    centered = [
        (batch * luma).sum(1) - batch.mean(dim=(1, 2, 3)).view(-1, 1, 1) for batch in (gray, plain)
    ]
    spread = [batch - batch.mean(dim=(1, 2), keepdim=True) for batch in centered]
    torch.testing.assert_close(spread[0], spread[1], atol=1e-2, rtol=0)


def test_the_same_generator_gives_the_same_images_and_another_gives_others():
    change = Augmentation("any", scale=(0.5, 1), shift=0.1, contrast=0.3, hue=0.1)
    images = pictures()

    assert torch.equal(change.apply(images, generator(3)), change.apply(images, generator(3)))
    assert not torch.equal(change.apply(images, generator(3)), change.apply(images, generator(4)))


def test_what_makes_no_sense_is_refused():
    with pytest.raises(InputError, match="`orientation='sideways'` is not known"):
        Augmentation("sideways")
    with pytest.raises(InputError, match=r"`brightness=-0\.1` is too small"):
        Augmentation(brightness=-0.1)
