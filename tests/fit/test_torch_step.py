"""A step of the torch engine: slots that are treated alike, points in tiles, and Adam."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralviews.field import FieldSpec
from neuralviews.fit.engine import Budget
from neuralviews.fit.reference import loss_and_gradient
from neuralviews.fit.torch_step import FieldBatch

from .torch_cases import CPU, DEVICES, SPEC, problem


@pytest.mark.parametrize("device", DEVICES)
@settings(max_examples=40)
@given(
    ends=st.tuples(st.integers(1, 3), st.integers(1, 4)),
    hidden=st.lists(st.integers(1, 70), min_size=1, max_size=3),
    points=st.integers(1, 300),
    tile=st.sampled_from([64, 1024]),
    drawn=st.one_of(st.none(), st.integers(1, 300)),
    loss=st.sampled_from(["mse", "bce"]),
)
def test_every_slot_computes_the_same_bits(
    device: str,
    ends: tuple[int, int],
    hidden: list[int],
    points: int,
    tile: int,
    drawn: int | None,
    loss: Any,
) -> None:
    """The same field in all slots stays the same field, whatever the shapes and alignments."""
    if device != "cpu" and min(hidden) < 2:
        return  # the engine refuses these
    spec, slots = FieldSpec([ends[0], *hidden, ends[1]], output_offset=0.5), 8 if device == "cpu" else 128
    inits, signals = problem(spec, points, 1)
    budget, where = Budget(1, 1e-3, points=drawn, loss=loss), torch.device(device)
    batch = FieldBatch(spec, signals.coords, budget, slots, tile, where)
    keys = np.full(slots, 3, np.uint64)
    batch.load(range(slots), inits.repeat(slots, axis=0), signals.values.repeat(slots, axis=0), keys)
    ones = torch.ones(slots, 1, device=where)
    for step in range(2):
        batch.draw(torch.full((slots, 1), step, device=where))
        losses = batch.measure()
        assert (losses == losses[0]).all()
        batch.update(1e-3 * ones, ones, ones > 0)
        assert (batch.weights == batch.weights[0]).all()
    losses = batch.measure_all()
    assert (losses == losses[0]).all()


@pytest.mark.parametrize("tile", [64, 100, 333, 1000])
def test_tiles_add_up(tile: int) -> None:
    """Loss and gradient over tiles, ragged ones too, are those of all points."""
    spec = FieldSpec([2, 16, 9, 3], omega=(30.0, 7.0), output_offset=0.5, output_scale=0.7)
    inits, signals = problem(spec, 333, 2)
    batch = FieldBatch(spec, signals.coords, Budget(1, 1e-3), 2, tile, CPU)
    batch.load([0, 1], inits, signals.values)
    losses = batch.measure()[:, 0].numpy()
    gradients = batch.read(batch._gradient, [0, 1])
    for index, loss in enumerate(losses):
        wide = (inits[index], signals.coords, signals.values[index])
        expected, gradient = loss_and_gradient(spec, *(array.astype(np.float64) for array in wide))
        assert loss == pytest.approx(expected, rel=1e-5)
        np.testing.assert_allclose(gradients[index], gradient, rtol=1e-3, atol=2e-6)
    np.testing.assert_allclose(batch.measure_all()[:, 0].numpy(), losses, rtol=1e-6)


def test_what_is_loaded_is_read_in_any_slots() -> None:
    inits, signals = problem(SPEC, 20, 3)
    batch = FieldBatch(SPEC, signals.coords, Budget(1, 1e-3), 8, 64, CPU)
    batch.load([5, 0, 2], inits, signals.values)
    np.testing.assert_array_equal(batch.read(batch.weights, [2, 5, 0]), inits[[2, 0, 1]])


def test_weights_that_are_not_going_stay_whatever_their_gradient() -> None:
    inits, signals = problem(SPEC, 20, 3)
    batch = FieldBatch(SPEC, signals.coords, Budget(1, 1e-3), 3, 64, CPU)
    inits[2, 5] = -0.0
    batch.load([0, 1, 2], inits, signals.values)
    batch.measure()
    batch._gradient[1], batch._gradient[2] = torch.nan, torch.inf
    ones = torch.ones(3, 1)
    batch.update(1e-3 * ones, ones, torch.tensor([[True], [False], [False]]))
    found = batch.read(batch.weights, [0, 1, 2])
    assert found[1:].tobytes() == inits[1:].tobytes()
    assert not (found[0] == inits[0]).any()
