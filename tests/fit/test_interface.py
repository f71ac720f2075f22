"""What engines are handed and hand back: signals, budgets, and quality in decibels."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.errors import SpecError
from neuralviews.field import FieldSpec
from neuralviews.fit.engine import Budget, Signals, check_inputs, psnr_from_loss
from neuralviews.portable import log10

COORDS, VALUES = np.zeros((6, 2), np.float32), np.zeros((3, 6, 1), np.float32)


@pytest.mark.parametrize(
    ("coords", "values", "message"),
    [
        (
            COORDS.astype(np.float64),
            VALUES,
            r"signals: coords is float64 \(6, 2\), expected contiguous float32",
        ),
        (COORDS[:, 0], VALUES, r"signals: coords is float32 \(6,\)"),
        (np.zeros((2, 6), np.float32).T, VALUES, "coords is float32"),
        (COORDS, VALUES[0], r"signals: values is float32 \(6, 1\)"),
        (COORDS, VALUES[:, ::2], "signals: values is float32"),
        (COORDS[:5], VALUES, "signals: 6 values for 5 coordinates"),
        (COORDS[:0], np.zeros((3, 0, 1), np.float32), "signals: 0 values for 0 coordinates"),
    ],
)
def test_signals_that_do_not_fit_are_refused(coords: Any, values: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Signals(coords, values, 1.0)


@pytest.mark.parametrize("keys", [np.zeros(3, np.int64), np.zeros(2, np.uint64), np.zeros((3, 1), np.uint64)])
def test_keys_that_do_not_fit_are_refused(keys: Any) -> None:
    with pytest.raises(SpecError, match=rf"signals: keys is {keys.dtype} .*, expected uint64 \(3,\)"):
        Signals(COORDS, VALUES, 1.0, keys)


@pytest.mark.parametrize("points", [0, -1, 1 << 32])
def test_numbers_of_points_that_cannot_be_drawn_are_refused(points: int) -> None:
    with pytest.raises(SpecError, match=f"budget: found {points} points a step, expected 1 to 4294967295"):
        Budget(1, 1e-3, points=points)


@pytest.mark.parametrize(("target_psnr", "keep_best"), [(30.0, False), (None, True)])
def test_minibatches_neither_stop_a_field_nor_choose_its_weights(
    target_psnr: float | None, keep_best: bool
) -> None:
    found = f"budget: found target_psnr={target_psnr} and keep_best={keep_best}, expected neither"
    with pytest.raises(SpecError, match=f"{found} beside points=8"):
        Budget(1, 1e-3, target_psnr=target_psnr, keep_best=keep_best, points=8)


def test_signals_of_more_points_than_can_be_drawn_from_are_refused() -> None:
    """Their coordinates would be 17 GB; broadcast, they are one number."""
    spec, budget = FieldSpec([1, 1, 1]), Budget(1, 1e-3, points=1)
    signals = Signals(
        np.zeros((1, 1), np.float32), np.zeros((0, 1, 1), np.float32), 1.0, np.zeros(0, np.uint64)
    )
    object.__setattr__(signals, "coords", np.broadcast_to(np.float32(0), (1 << 32, 1)))
    with pytest.raises(SpecError, match="found 4294967296 coordinates, expected at most 4294967295"):
        check_inputs(spec, signals, np.zeros((0, spec.parameters), np.float32), budget)


@given(st.floats(1e-12, 1e6), st.sampled_from([0.5, 1.0, 2.0]))
def test_psnr_is_the_textbooks(loss: float, span: float) -> None:
    single = np.array([loss], np.float32)
    found = psnr_from_loss(single, span)
    assert found.dtype == np.float32
    assert math.isclose(found[0], 10 * math.log10(span**2 / single[0].item()), rel_tol=1e-6, abs_tol=1e-5)


def test_psnr_at_the_ends() -> None:
    largest = np.finfo(np.float32).max
    losses = np.array([0.0, np.finfo(np.float32).smallest_subnormal, largest], np.float32)
    perfect, nearly, lost = psnr_from_loss(losses, 1.0).tolist()
    assert perfect == 999.0
    assert nearly == pytest.approx(448.5, abs=0.1)
    assert lost == pytest.approx(-385.3, abs=0.1)
    assert psnr_from_loss(losses[:0], 1.0).shape == (0,)


@pytest.mark.parametrize("span", [0.3, 1.0, 2.0, 255.0])
def test_psnr_of_many_losses_is_that_of_each_to_the_bit(span: float) -> None:
    bits = np.random.default_rng(5).integers(1, 0x7F80_0000, 20_000, dtype=np.uint32)  # of all magnitudes
    losses = bits.view(np.float32)
    each = [min(10 * (2 * log10(span) - log10(loss)), 999.0) for loss in losses.tolist()]
    np.testing.assert_array_equal(psnr_from_loss(losses, span), np.array(each).astype(np.float32))


@given(st.floats(-50, 150), st.sampled_from([1.0, 2.0]))
def test_a_target_loss_has_the_target_psnr(target: float, span: float) -> None:
    loss = Budget(1, 1e-3, target_psnr=target).target_loss(span)
    assert math.isclose(10 * math.log10(span**2 / loss), target, abs_tol=1e-9)


def test_no_loss_reaches_no_target() -> None:
    assert Budget(1, 1e-3).target_loss(1.0) < 0
