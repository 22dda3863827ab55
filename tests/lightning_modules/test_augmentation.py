"""Random changes of pictures: decided by the generator's seed alone, and as far as asked."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from lightning_modules.augmentation import Augmentation

ALL = Augmentation(rotate_degrees=20, zoom=0.2, shift=0.2, flip=True, erase=0.5)


def changed(augmentation: Augmentation, images: Tensor, seed: int = 0) -> Tensor:
    return augmentation(images, torch.Generator().manual_seed(seed))


def pictures(count: int = 64) -> Tensor:
    return torch.rand(count, 2, 9, 9, generator=torch.Generator().manual_seed(1)) + 0.1


@pytest.mark.parametrize(
    "augmentation",
    [ALL, Augmentation(erase=0.5), Augmentation(rotate_degrees=90), Augmentation(zoom=0.5), Augmentation(flip=True)],
)
def test_the_seed_decides(augmentation: Augmentation) -> None:
    before = torch.get_rng_state()
    one, same, other = (changed(augmentation, pictures(), seed) for seed in (3, 3, 4))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert one.shape == pictures().shape
    assert torch.equal(torch.get_rng_state(), before)


def test_nothing_asked_changes_nothing() -> None:
    assert torch.equal(changed(Augmentation(), pictures()), pictures())


def test_the_given_pictures_stay_as_they_are() -> None:
    images = pictures()
    changed(ALL, images)
    assert torch.equal(images, pictures())


def test_a_flip_mirrors_about_half_of_the_pictures() -> None:
    found = changed(Augmentation(flip=True), pictures())
    mirrored = [torch.allclose(new, old.flip(-1), atol=1e-5) for new, old in zip(found, pictures(), strict=True)]
    same = [torch.allclose(new, old, atol=1e-5) for new, old in zip(found, pictures(), strict=True)]
    assert sum(mirrored) + sum(same) == 64
    assert 16 < sum(mirrored) < 48


def test_a_shift_moves_by_no_more_than_asked() -> None:
    spot = torch.zeros(64, 1, 21, 21)
    spot[:, :, 10, 10] = 1.0
    found = changed(Augmentation(shift=0.2), spot)
    places = torch.arange(21.0)
    for picture in found[:, 0]:
        weight = picture.sum()
        down, across = (picture.sum(1) * places).sum() / weight, (picture.sum(0) * places).sum() / weight
        assert abs(float(down) - 10) <= 0.2 * 21 + 0.5
        assert abs(float(across) - 10) <= 0.2 * 21 + 0.5
    assert len({tuple(picture.flatten().tolist()) for picture in found[:, 0]}) > 32


def test_erasing_blanks_squares_in_about_the_asked_share_of_pictures() -> None:
    found = changed(Augmentation(erase=0.5), pictures(400))
    touched = (found == 0).flatten(1).any(1)
    assert 0.35 < float(touched.float().mean()) < 0.6
    assert (found[touched] == 0).float().mean() < 0.3
    untouched = found != 0
    assert torch.equal(found[untouched], pictures(400)[untouched])


def test_what_comes_in_from_outside_is_zero() -> None:
    found = changed(replace(ALL, erase=0.0, shift=0.5), torch.ones(16, 1, 9, 9))
    assert float(found.min()) == 0.0
    assert float(found.max()) <= 1.0 + 1e-5
