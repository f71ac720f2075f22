"""Repair: a mixed field is fitted again until it renders the mixed signal, and is never made worse."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from neuralviews.augment.batch import Batch, Context
from neuralviews.augment.compose import Compose
from neuralviews.augment.geometry import AffineCoords
from neuralviews.augment.mixup import AlignedMixUp, MixUp
from neuralviews.augment.probes import probe_points
from neuralviews.augment.repair import POINTS, Repair, _fit_points
from neuralviews.augment.target import Target
from neuralviews.errors import OptionError, SpecError
from neuralviews.field import FieldSpec, evaluate
from neuralviews.fit.cpu.engine import CpuEngine
from neuralviews.fit.engine import Budget, Signals
from neuralviews.fit.init import initial_weights
from neuralviews.grids import image_grid
from neuralviews.records import Status

from .pairs import draws_for, lams, pairs, partner_weights

SPEC = FieldSpec([2, 16, 16, 1], omega=20.0, output_offset=0.5)
SHAPE = (10, 12)
GRID = image_grid(*SHAPE, "xy")
MIXES = [MixUp(law="uniform"), AlignedMixUp(law="uniform")]


@cache
def fitted(first: int) -> NDArray[np.float32]:
    """Fields of six images, each of a blob in a place of its own."""
    centre = np.random.default_rng(first).uniform(-0.7, 0.7, (6, 1, 2))
    blobs = np.exp(-6 * ((GRID - centre) ** 2).sum(axis=2))[..., None].astype(np.float32)
    inits = initial_weights(SPEC, "siren", range(first, first + 6))
    found = CpuEngine().fit(SPEC, Signals(GRID, blobs, 1.0), inits, Budget(300, 2e-3))
    assert found.psnr.min() > 35
    return found.weights


def blobs(shape: tuple[int, int] | None = SHAPE) -> Batch:
    made = pairs(SPEC, partner=fitted(100))
    assert made.partner is not None
    context = Context(SPEC, 1.0, shape, 4)
    a, b = fitted(0), made.partner
    return replace(
        made, context=context, weights=a, source=a, partner=replace(b, context=context, source=b.weights)
    )


def psnr(
    batch: Batch, wanted: NDArray[np.float64], points: NDArray[np.float32] = GRID
) -> NDArray[np.float64]:
    """Of what the fields render against what they should, in dB, from definitions in float64."""
    error = evaluate(batch.spec, batch.weights, points) - wanted
    return -10 * np.log10((error**2).mean(axis=(1, 2)))


def mean_of_parents(
    batch: Batch, lam: NDArray[np.float32], points: NDArray[np.float32] = GRID
) -> NDArray[np.float64]:
    share = lam[:, :1, None].astype(np.float64)
    a, b = (evaluate(batch.spec, x, points) for x in (batch.source, partner_weights(batch)))
    return share * a + (1 - share) * b


@pytest.mark.parametrize("kind", MIXES, ids=repr)
def test_a_repaired_copy_renders_the_mean_of_its_parents(kind: MixUp | AlignedMixUp) -> None:
    batch, half = blobs(), np.full((6, 1), 0.5, np.float32)
    pipeline = Compose([kind, Repair(steps=100, lr=2e-3)])
    raw, repaired = kind.apply(batch, half), pipeline.replay(batch, half)
    wanted = mean_of_parents(batch, half)
    before, after = psnr(raw, wanted), psnr(repaired, wanted)
    assert (after > before + 10).all()
    assert after.min() > 30
    assert repaired.psnr_before is not None
    assert repaired.refit_steps is not None
    np.testing.assert_allclose(repaired.psnr_before, before, atol=1e-3)  # these images are all probed
    assert repaired.refit_steps.dtype == np.uint32
    assert ((repaired.refit_steps > 0) & (repaired.refit_steps <= 100)).all()
    assert repaired.labels.shares.tobytes() == raw.labels.shares.tobytes()


def test_repairs_towards_all_that_the_steps_before_promise() -> None:
    batch = blobs()
    pipeline = Compose([AffineCoords(translate=0.1), AlignedMixUp(law="uniform"), Repair(lr=2e-3)])
    repaired, params = pipeline.run(batch, draws_for(batch))
    moved = Compose(pipeline.steps[:1]).replay(batch, params[:, :-1])
    wanted = mean_of_parents(replace(batch, source=moved.weights), params[:, -1:])
    assert psnr(repaired, wanted).min() > 25
    assert psnr(repaired, mean_of_parents(batch, params[:, -1:])).min() < 20


def test_steps_too_long_leave_the_mixed_field() -> None:
    batch, half = blobs(), np.full((6, 1), 0.5, np.float32)
    raw = MixUp().apply(batch, half)
    repaired = Compose([MixUp(), Repair(steps=3, lr=1.0)]).replay(batch, half)
    assert repaired.weights.tobytes() == raw.weights.tobytes()
    assert (repaired.refit_steps == 0).all()


@pytest.mark.parametrize("step", [0, 1])
def test_what_cannot_be_fitted_stays_as_it_was(step: int) -> None:
    huge = blobs()
    weights = huge.weights.copy()
    if step == 0:
        weights[0, -1] = 1e30  # the loss overflows
    else:
        for layer, factor in zip(SPEC.layers[1:], (1e6, 1e18), strict=True):
            weights[0, layer.weight] *= np.float32(factor)  # a gradient does
    with np.errstate(over="ignore", invalid="ignore"):
        fit = CpuEngine().fit(
            SPEC, Signals(GRID, np.zeros((1, len(GRID), 1), np.float32), 1.0), weights[:1], Budget(5, 5e-4)
        )
    assert (fit.status[0], fit.steps[0]) == (Status.diverged, step)
    batch = replace(huge, weights=weights, target=Target.of_parent(6, 2, 1))
    repaired = Compose(Repair(steps=5)).replay(batch, np.empty((6, 0), np.float32))
    assert repaired.weights[0].tobytes() == weights[0].tobytes()
    assert repaired.refit_steps is not None
    assert repaired.refit_steps[0] == 0
    assert repaired.psnr_before is not None
    assert np.isfinite(repaired.psnr_before).all()


@pytest.mark.parametrize("shape", [SHAPE, None])
def test_rows_do_not_depend_on_their_batch_and_come_again(shape: tuple[int, int] | None) -> None:
    batch, pipeline = blobs(shape), Compose([AlignedMixUp(), Repair(steps=7)])
    repaired, params = pipeline.run(batch, draws_for(batch))
    assert pipeline.replay(batch, params).weights.tobytes() == repaired.weights.tobytes()
    assert params.shape == (6, 1)
    assert batch.partner is not None
    for i in range(len(batch)):
        row = slice(i, i + 1)
        labels = pairs(SPEC, 1, i).labels
        partner = Batch.of(batch.context, batch.partner.weights[row], labels)
        alone = Batch.of(batch.context, batch.weights[row], labels)
        one = pipeline.replay(replace(alone, partner=partner), params[row])
        assert one.weights.tobytes() == repaired.weights[i].tobytes()
        assert one.psnr_before is not None
        assert repaired.psnr_before is not None
        assert one.psnr_before[0] == repaired.psnr_before[i]


def test_repairs_fields_that_are_no_images() -> None:
    spec = FieldSpec([3, 16, 16, 2], omega=3.0)
    batch = pairs(spec)
    half = lams(batch, 0.5)
    points = np.random.default_rng(1).uniform(-1, 1, (500, 3)).astype(np.float32)
    wanted = mean_of_parents(batch, half, points)
    raw = AlignedMixUp().apply(batch, half)
    repaired = Compose([AlignedMixUp(), Repair(lr=2e-3)]).replay(batch, half)
    assert (psnr(repaired, wanted, points) > psnr(raw, wanted, points) + 6).all()


@pytest.mark.parametrize("spec", [SPEC, FieldSpec([3, 4, 1])])
def test_fields_that_are_no_images_are_fitted_beside_the_probes(spec: FieldSpec) -> None:
    fitted_at = {tuple(point) for point in _fit_points(Context(spec, 1.0, None, 0)).tolist()}
    probes = {tuple(point) for point in probe_points(spec, None).tolist()}
    assert len(fitted_at) == POINTS
    assert not fitted_at & probes


def test_refuses_what_cannot_be() -> None:
    with pytest.raises(OptionError, match=r"^Repair: steps: found 0, expected an integer from 1 to 1000000$"):
        Repair(steps=0)
    with pytest.raises(OptionError, match=r"^Repair: lr: found 2, expected 1e-08 to 1$"):
        Repair(lr=2)
    batch = blobs()
    with pytest.raises(OptionError, match=r"^repair: found a batch without target, expected one tracked by"):
        Repair().apply(batch, np.empty((6, 0), np.float32))
    scaled = FieldSpec([2, 4, 1], output_scale=2.0)
    with pytest.raises(
        SpecError, match=r"^repair: found output_scale 2.0, expected 1, .*; leave this step out$"
    ):
        Compose([MixUp(), Repair()]).require(Context(scaled, 1.0, None, 0))
