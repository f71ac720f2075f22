"""What every engine promises of minibatches and of logits."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from neuralviews.errors import SpecError
from neuralviews.field import FieldSpec
from neuralviews.fit.engine import Budget, Engine, Signals, psnr_from_loss
from neuralviews.records import Status

from .engine_cases import ORACLE, PLAIN, SPECS, fit, skip_if_refused, smooth_signals, true_loss

CUBE = FieldSpec([3, 24, 16, 1], output_offset=-0.25)
DRAWN = Budget(40, 2e-3, points=16, loss="bce")


def keyed(spec: FieldSpec, points: int, fields: int) -> Signals:
    keys = np.arange(fields, dtype=np.uint64) * np.uint64(0xF1BBCDCBFA53E0A9)  # the first is 0
    return replace(smooth_signals(spec, points, fields), keys=keys)


@pytest.mark.parametrize("loss", ["mse", "bce"])
@pytest.mark.parametrize("points", [None, 1, 17, 64, 130])
@pytest.mark.parametrize("spec", [CUBE, SPECS["wide-output"], SPECS["scaled"]], ids=str)
def test_ten_updates_are_the_oracles(single: Engine, spec: FieldSpec, points: int | None, loss: Any) -> None:
    """Fewer points than the signal has, as many, more, and one."""
    budget = Budget(10, 1e-3, points=points, loss=loss)
    skip_if_refused(single, spec, budget)
    signals = keyed(spec, points=64, fields=2)
    inits, expected = fit(ORACLE, spec, signals, budget)
    _, found = fit(single, spec, signals, budget)
    moved = np.linalg.norm(expected.weights - inits, axis=1)
    assert (np.linalg.norm(found.weights - expected.weights, axis=1) <= 5e-4 * moved).all()
    np.testing.assert_allclose(found.loss, expected.loss, rtol=1e-4)


def test_a_signal_of_one_point_gives_the_full_batch(engine: Engine) -> None:
    """However often it is drawn: then only the rounding of sums is different."""
    signals = keyed(PLAIN, points=1, fields=2)
    inits, whole = fit(engine, PLAIN, signals, Budget(10, 1e-3))
    _, drawn = fit(engine, PLAIN, signals, Budget(10, 1e-3, points=33))
    moved = np.linalg.norm(whole.weights - inits)
    assert np.linalg.norm(drawn.weights - whole.weights) <= 1e-3 * moved


@pytest.mark.parametrize("budget", [DRAWN, replace(DRAWN, loss="mse"), replace(DRAWN, points=None)])
def test_the_loss_is_that_of_the_returned_weights_at_all_points(engine: Engine, budget: Budget) -> None:
    signals = keyed(CUBE, points=333, fields=3)
    _, found = fit(engine, CUBE, signals, budget)
    expected = true_loss(CUBE, signals, found.weights, budget.loss)
    np.testing.assert_allclose(found.loss, expected, rtol=1e-4)
    np.testing.assert_array_equal(found.psnr, psnr_from_loss(found.loss, 1.0))
    assert found.steps.tolist() == [budget.steps] * 3
    assert found.status.tolist() == [Status.budget] * 3


def test_logits_learn_what_is_inside(engine: Engine) -> None:
    """Of a disc, most points get the right side; a logit of 0 would say 0.5 of all, a loss of 0.25."""
    signals = keyed(PLAIN, points=400, fields=1)
    inside = (signals.coords**2).sum(1) < 0.4
    signals = replace(signals, values=inside[None, :, None].astype(np.float32))
    _, found = fit(engine, PLAIN, signals, Budget(300, 3e-3, points=64, loss="bce"))
    assert found.loss[0] < 0.05


def test_a_field_does_not_depend_on_its_neighbours(engine: Engine) -> None:
    """Bit for bit, alone or in another order among more fields than the engine works on at a time."""
    order = np.array([7, 2, 10, 0, 5, 1, 9, 3, 8, 6, 4])
    signals = keyed(PLAIN, points=77, fields=11)
    assert signals.keys is not None
    _, together = fit(engine, PLAIN, signals, DRAWN)
    shuffled = Signals(
        signals.coords, np.ascontiguousarray(signals.values[order]), 1.0, signals.keys[order].copy()
    )
    _, reordered = fit(engine, PLAIN, shuffled, DRAWN, seeds=order.tolist())
    one = Signals(signals.coords, np.ascontiguousarray(signals.values[4:5]), 1.0, signals.keys[4:5])
    _, alone = fit(engine, PLAIN, one, DRAWN, seeds=[4])
    for name in ("weights", "psnr", "loss", "steps", "status"):
        np.testing.assert_array_equal(getattr(reordered, name), getattr(together, name)[order])
        np.testing.assert_array_equal(getattr(alone, name), getattr(together, name)[4:5])


def test_keys_decide_what_is_drawn_and_nothing_else(engine: Engine) -> None:
    signals = keyed(PLAIN, points=50, fields=2)
    same = replace(
        signals, values=signals.values[[0, 0, 0]], keys=np.array([5, 6, 5], np.uint64)
    )  # one signal, from one init
    _, drawn = fit(engine, PLAIN, same, Budget(5, 1e-3, points=9), seeds=[1, 1, 1])
    np.testing.assert_array_equal(drawn.weights[0], drawn.weights[2])
    assert not (drawn.weights[0] == drawn.weights[1]).all()
    _, whole = fit(engine, PLAIN, same, Budget(5, 1e-3), seeds=[1, 1, 1])
    np.testing.assert_array_equal(whole.weights[0], whole.weights[1])


@pytest.mark.parametrize("loss", ["mse", "bce"])
def test_lost_fields_have_the_loss_of_their_initial_weights_at_all_points(engine: Engine, loss: Any) -> None:
    """Twelve fields of which two are lost, at whichever step first draws the bad value."""
    signals = keyed(PLAIN, points=40, fields=12)
    budget = Budget(30, 1e-3, points=8, loss=loss)
    _, expected = fit(engine, PLAIN, signals, budget)
    values = signals.values.copy()
    values[[3, 9], 7, 0] = np.inf
    inits, found = fit(engine, PLAIN, replace(signals, values=values), budget)
    lost = np.isin(np.arange(12), [3, 9])
    np.testing.assert_array_equal(found.status, np.where(lost, Status.diverged, Status.budget))
    np.testing.assert_array_equal(found.weights[lost], inits[lost])
    np.testing.assert_array_equal(found.loss[lost], np.finfo(np.float32).max)
    assert (found.steps[lost] < 30).all()
    for name in ("weights", "loss", "steps"):
        np.testing.assert_array_equal(getattr(found, name)[~lost], getattr(expected, name)[~lost])


def test_an_explosion_gives_back_the_initial_weights(engine: Engine) -> None:
    signals = keyed(PLAIN, points=40, fields=2)
    inits, found = fit(engine, PLAIN, signals, Budget(5, 1e30, points=8))
    assert found.status.tolist() == [Status.diverged] * 2
    assert found.steps.tolist() == [1, 1]
    np.testing.assert_array_equal(found.weights, inits)
    np.testing.assert_allclose(found.loss, true_loss(PLAIN, signals, inits), rtol=1e-4)


def test_an_explosion_at_the_last_update_is_seen(engine: Engine) -> None:
    signals = keyed(PLAIN, points=40, fields=1)
    inits, found = fit(engine, PLAIN, signals, Budget(1, 1e30, points=8))
    assert found.status[0] == Status.diverged
    np.testing.assert_array_equal(found.weights, inits)


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_logits_that_are_not_finite_are_no_fit(engine: Engine, bad: float) -> None:
    """Their sigmoid would be 0 or 1, a sound value of weights that are lost."""
    signals = keyed(PLAIN, points=20, fields=1)
    inits, _ = fit(engine, PLAIN, signals, Budget(1, 1e-3))
    inits[0, -1] = bad
    found = engine.fit(PLAIN, signals, inits, Budget(2, 1e-3, loss="bce"))
    assert found.status[0] == Status.diverged
    assert found.steps[0] == 0


def test_a_target_is_met_by_what_the_sigmoid_gives(engine: Engine) -> None:
    signals = smooth_signals(PLAIN, points=60, fields=1)
    budget = Budget(300, 3e-3, target_psnr=20.0, loss="bce")
    _, found = fit(engine, PLAIN, signals, budget)
    assert found.status[0] == Status.converged
    assert 1 < found.steps[0] < 300
    assert true_loss(PLAIN, signals, found.weights, "bce")[0] == pytest.approx(0.01, rel=0.1)


def test_minibatches_without_keys_are_refused(engine: Engine) -> None:
    signals = smooth_signals(PLAIN, points=9, fields=2)
    message = r"signals: found no keys, expected uint64 \(2,\): the 4 points of a step are drawn from them"
    with pytest.raises(SpecError, match=message):
        fit(engine, PLAIN, signals, Budget(1, 1e-3, points=4))
