from dataclasses import replace

import numpy as np
import pytest
import torch

from apexline.ml.config import TrainConfig
from apexline.ml.deepid.network import standardise
from apexline.ml.deepid.training.augment import _block_dct, _low_pass_operators, augment_faces

OFF = TrainConfig(mirror=0.0, shift_px=0, gain=0.0, noise=0.0)


def faces(num: int = 64) -> torch.Tensor:
    rng = np.random.default_rng(3)
    row, col = np.mgrid[:48, :48]
    smooth = [
        100 + 60 * np.sin(row / rng.uniform(2, 9)) * np.cos(col / rng.uniform(2, 9)) for _ in range(num)
    ]
    return standardise(np.clip(smooth + rng.normal(0, 5, (num, 48, 48)), 0, 255).astype(np.uint8))


def augmented(images: torch.Tensor, seed: int = 0, **strengths: float) -> torch.Tensor:
    return augment_faces(images, replace(OFF, **strengths), torch.Generator().manual_seed(seed))


def changed(before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    return (before - after).abs().amax(dim=(1, 2, 3)) > 1e-3


STRENGTHS = {"rotation_deg": 10.0, "zoom": 0.2, "soften": 0.5, "blocks": 0.5, "occlusion": 0.5}


def test_nothing_switched_on_changes_nothing():
    given = faces()
    assert torch.equal(augmented(given), given)


@pytest.mark.parametrize("name", STRENGTHS)
def test_each_step_changes_the_share_it_should_and_keeps_faces_standardised(name):
    given = faces(400)
    out = augmented(given, **{name: STRENGTHS[name]})
    share = float(changed(given, out).float().mean())
    assert share == pytest.approx(1.0 if name in ("rotation_deg", "zoom") else 0.5, abs=0.08)
    deviation, mean = torch.std_mean(out, dim=(1, 2, 3), correction=0)
    assert float(mean.abs().max()) < 1e-5
    assert float((deviation - 1).abs().max()) < 1e-4


@pytest.mark.parametrize("name", STRENGTHS)
def test_the_same_seed_gives_the_same_faces_and_another_does_not(name):
    given = faces()
    first, again, other = (augmented(given, seed, **{name: STRENGTHS[name]}) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_turning_by_an_angle_moves_a_point_as_geometry_says():
    images = torch.zeros(200, 1, 48, 48)
    images[:, 0, 23:25, 40:42] = 1.0  # 17 px right of the centre
    out = augmented(images, rotation_deg=30.0)[:, 0]
    rows, columns = torch.meshgrid(torch.arange(48) - 23.5, torch.arange(48) - 23.5, indexing="ij")
    mass = (out - out.amin(dim=(1, 2), keepdim=True)).clamp_min(0)
    mass = mass * (mass > 0.2 * mass.amax(dim=(1, 2), keepdim=True))
    total = mass.sum(dim=(1, 2))
    row, column = (mass * rows).sum(dim=(1, 2)) / total, (mass * columns).sum(dim=(1, 2)) / total
    assert float((torch.hypot(row, column) - 17.0).abs().max()) < 0.5  # a turn keeps the distance
    angle = torch.rad2deg(torch.atan2(row, column))
    assert float(angle.max()) == pytest.approx(30.0, abs=2.0)
    assert float(angle.min()) == pytest.approx(-30.0, abs=2.0)


def test_softening_keeps_flat_parts_and_removes_detail():
    bank = _low_pass_operators(48)
    ones = torch.ones(48)
    assert torch.allclose(bank @ ones, ones.expand(len(bank), 48), atol=1e-5)
    alternating = torch.tensor([1.0, -1.0]).repeat(24)
    assert float((bank @ alternating).abs().mean()) < 0.65
    soft = augmented(faces(), soften=0.99)
    detail = (soft[..., 1:] - soft[..., :-1]).square().mean()
    given = faces()
    assert float(detail) < 0.8 * float((given[..., 1:] - given[..., :-1]).square().mean())


def test_block_transform_is_the_orthonormal_cosine_transform():
    from scipy.fft import dctn

    transform, frequency = _block_dct(48)
    assert torch.allclose(transform @ transform.T, torch.eye(48), atol=1e-5)
    assert frequency.tolist() == [*range(8)] * 6
    image = faces(1)[0, 0]
    by_hand = dctn(image[8:16, 16:24].numpy(), norm="ortho")
    np.testing.assert_allclose((transform @ image @ transform.T)[8:16, 16:24], by_hand, atol=1e-5)


def test_sides_that_hold_no_whole_blocks_are_refused():
    with pytest.raises(ValueError, match=r"side of 50 px, expected a multiple of 8; set blocks to 0"):
        augmented(torch.zeros(2, 1, 50, 50), blocks=0.9)


def test_an_occlusion_is_one_rectangle_of_one_grey():
    given = torch.rand(100, 1, 48, 48, generator=torch.Generator().manual_seed(1))
    from apexline.ml.deepid.training.augment import _occlude

    out = _occlude(given, 0.9, torch.Generator().manual_seed(0))
    covered = (out != given)[:, 0]
    for mask, image in zip(covered[changed(given, out)], out[changed(given, out), 0], strict=True):
        rows, columns = mask.any(dim=1), mask.any(dim=0)
        assert torch.equal(mask, rows[:, None] & columns[None, :])
        assert int(rows.sum()) <= 25
        assert int(columns.sum()) <= 25
        assert len(image[mask].unique()) == 1
