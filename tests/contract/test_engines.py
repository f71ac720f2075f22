"""What every fit engine promises, tested on every engine there is."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from neuralviews.errors import EngineError, SpecError
from neuralviews.field import FieldSpec
from neuralviews.fit.engine import Budget, Engine, Signals, psnr_from_loss
from neuralviews.records import Status

from .engine_cases import (
    ORACLE,
    PLAIN,
    SPECS,
    fit,
    mnist_digits,
    scanned_digits,
    skip_if_refused,
    smooth_signals,
    true_loss,
)

LARGEST = np.finfo(np.float32).max


@pytest.mark.parametrize(("signals", "steps"), [(scanned_digits, 80), (mnist_digits, 400)])
def test_quality_is_the_oracles(single: Engine, signals: Callable[[int], Signals], steps: int) -> None:
    digits, spec, budget = signals(2), FieldSpec([2, 32, 32, 1], output_offset=0.5), Budget(steps, 5e-4)
    _, expected = fit(ORACLE, spec, digits, budget)
    _, found = fit(single, spec, digits, budget)
    assert (expected.psnr > 30).all()
    assert (expected.psnr < 70).all(), "rounding should not yet be what limits the quality"
    np.testing.assert_allclose(found.psnr, expected.psnr, rtol=0, atol=0.05)


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize("name", SPECS)
def test_ten_updates_are_the_oracles(single: Engine, name: str, schedule: str) -> None:
    spec, budget = SPECS[name], replace(Budget(10, 1e-3), schedule=schedule)
    skip_if_refused(single, spec, budget)
    signals = smooth_signals(spec, points=201, fields=2)
    inits, expected = fit(ORACLE, spec, signals, budget)
    _, found = fit(single, spec, signals, budget)
    moved = np.linalg.norm(expected.weights - inits, axis=1)
    assert (np.linalg.norm(found.weights - expected.weights, axis=1) <= 1e-4 * moved).all()


@pytest.mark.parametrize("points", [1, 3, 17, 65, 130, 1031])
def test_any_number_of_points(single: Engine, points: int) -> None:
    spec, budget = SPECS["wide-output"], Budget(5, 1e-3)
    signals = smooth_signals(spec, points, fields=1)
    inits, expected = fit(ORACLE, spec, signals, budget)
    _, found = fit(single, spec, signals, budget)
    moved = np.linalg.norm(expected.weights - inits)
    assert np.linalg.norm(found.weights - expected.weights) <= 2e-4 * moved


@pytest.mark.parametrize("name", SPECS)
def test_loss_and_psnr_are_those_of_the_returned_weights(engine: Engine, name: str) -> None:
    spec, budget = SPECS[name], Budget(60, 2e-3, keep_best=True)
    skip_if_refused(engine, spec, budget)
    signals = smooth_signals(spec, points=90, fields=3)
    _, found = fit(engine, spec, signals, budget)
    np.testing.assert_allclose(found.loss, true_loss(spec, signals, found.weights), rtol=1e-3)
    np.testing.assert_array_equal(found.psnr, psnr_from_loss(found.loss, 1.0))


def test_psnr_is_relative_to_the_span(engine: Engine) -> None:
    signals = smooth_signals(PLAIN, points=50, fields=2)
    doubled = Signals(signals.coords, signals.values, 2.0)
    _, one = fit(engine, PLAIN, signals, Budget(5, 1e-3))
    _, two = fit(engine, PLAIN, doubled, Budget(5, 1e-3))
    np.testing.assert_array_equal(one.loss, two.loss)
    np.testing.assert_allclose(two.psnr - one.psnr, 20 * np.log10(2), atol=1e-5)


@pytest.mark.parametrize("target", [None, 22.0])
def test_a_field_does_not_depend_on_its_neighbours(engine: Engine, target: float | None) -> None:
    """Bit for bit, alone or in another order among more fields than the engine works on at a time."""
    fields, order = 11, np.array([7, 2, 10, 0, 5, 1, 9, 3, 8, 6, 4])
    signals = smooth_signals(PLAIN, points=77, fields=fields)
    budget = Budget(40, 2e-3, target_psnr=target, keep_best=True)
    _, together = fit(engine, PLAIN, signals, budget)
    shuffled = Signals(signals.coords, np.ascontiguousarray(signals.values[order]), 1.0)
    _, reordered = fit(engine, PLAIN, shuffled, budget, seeds=order.tolist())
    one = Signals(signals.coords, np.ascontiguousarray(signals.values[4:5]), 1.0)
    _, alone = fit(engine, PLAIN, one, budget, seeds=[4])
    if target is not None:
        assert len(set(together.steps.tolist())) > 3, "the fields should stop at different steps"
    for name in ("weights", "psnr", "loss", "steps", "status"):
        np.testing.assert_array_equal(getattr(reordered, name), getattr(together, name)[order])
        np.testing.assert_array_equal(getattr(alone, name), getattr(together, name)[4:5])


def test_earlier_fits_leave_no_trace(engine: Engine) -> None:
    signals, spec = smooth_signals(PLAIN, points=64, fields=2), SPECS["wide-output"]
    _, first = fit(engine, PLAIN, signals, Budget(20, 1e-3))
    fit(engine, spec, smooth_signals(spec, points=100, fields=3), Budget(3, 1e30))
    _, second = fit(engine, PLAIN, signals, Budget(20, 1e-3))
    assert first.weights.tobytes() == second.weights.tobytes()


def test_inputs_are_not_written_to(engine: Engine) -> None:
    signals = smooth_signals(PLAIN, points=33, fields=2)
    before = signals.coords.tobytes(), signals.values.tobytes()
    signals.coords.flags.writeable = signals.values.flags.writeable = False
    inits, _ = fit(engine, PLAIN, signals, Budget(1, 1e-3))
    kept = inits.tobytes()
    inits.flags.writeable = False
    engine.fit(PLAIN, signals, inits, Budget(3, 1e-3, target_psnr=80.0, keep_best=True))
    assert (signals.coords.tobytes(), signals.values.tobytes(), inits.tobytes()) == (*before, kept)


def test_results_have_the_stated_types_and_belong_to_the_caller(engine: Engine) -> None:
    signals = smooth_signals(PLAIN, points=20, fields=3)
    inits, found = fit(engine, PLAIN, signals, Budget(2, 1e-3))
    types = {"psnr": "float32", "loss": "float32", "steps": "uint32", "status": "uint8"}
    assert found.weights.dtype == np.float32
    assert found.weights.shape == (3, PLAIN.parameters)
    for name, dtype in types.items():
        assert getattr(found, name).dtype == dtype
        assert getattr(found, name).shape == (3,)
        assert getattr(found, name).flags.writeable
    assert not np.shares_memory(found.weights, inits)
    assert found.steps.tolist() == [2, 2, 2]
    assert found.status.tolist() == [Status.budget] * 3


def test_no_fields_give_empty_results(engine: Engine) -> None:
    signals = smooth_signals(PLAIN, points=20, fields=1)
    _, found = fit(engine, PLAIN, Signals(signals.coords, signals.values[:0], 1.0), Budget(2, 1e-3))
    assert found.weights.shape == (0, PLAIN.parameters)
    assert found.psnr.shape == found.loss.shape == found.steps.shape == found.status.shape == (0,)


def test_a_target_stops_at_the_first_weights_that_meet_it(engine: Engine) -> None:
    signals = smooth_signals(PLAIN, points=60, fields=1)
    budget = Budget(200, 2e-3, target_psnr=25.0)
    target = budget.target_loss(1.0)
    _, stopped = fit(engine, PLAIN, signals, budget)
    steps = int(stopped.steps[0])
    assert 1 < steps < 200
    assert stopped.status[0] == Status.converged
    assert stopped.loss[0] <= target * (1 + 1e-6)
    _, there = fit(engine, PLAIN, signals, Budget(steps, 2e-3))
    np.testing.assert_array_equal(there.weights, stopped.weights)
    _, before = fit(engine, PLAIN, signals, Budget(steps - 1, 2e-3, target_psnr=25.0))
    assert before.status[0] == Status.budget
    assert before.steps[0] == steps - 1
    assert before.loss[0] > target
    _, last = fit(engine, PLAIN, signals, Budget(steps, 2e-3, target_psnr=25.0))
    assert last.status[0] == Status.converged, "the weights after the last update count too"
    assert last.steps[0] == steps


def test_a_target_that_is_met_at_the_start_takes_no_step(engine: Engine) -> None:
    signals = smooth_signals(PLAIN, points=60, fields=2)
    inits, found = fit(engine, PLAIN, signals, Budget(50, 1e-3, target_psnr=-20.0))
    assert found.steps.tolist() == [0, 0]
    assert found.status.tolist() == [Status.converged] * 2
    np.testing.assert_array_equal(found.weights, inits)


def test_keep_best_returns_the_best_of_all_measured_weights(engine: Engine) -> None:
    """A learning rate far too large makes the loss jump about; the best is known from every shorter fit."""
    signals = smooth_signals(PLAIN, points=40, fields=1, seed=5)
    every = [fit(engine, PLAIN, signals, Budget(steps, 0.03))[1] for steps in range(1, 26)]
    losses = [float(found.loss[0]) for found in every]
    _, kept = fit(engine, PLAIN, signals, Budget(25, 0.03, keep_best=True))
    best = int(np.argmin(losses))
    assert best < 24, "the last weights should not be the best"
    assert kept.steps[0] == best + 1
    assert kept.status[0] == Status.budget
    np.testing.assert_array_equal(kept.weights, every[best].weights)
    np.testing.assert_array_equal(kept.loss, every[best].loss)


def test_keep_best_returns_initial_weights_that_were_never_beaten(engine: Engine) -> None:
    signals = smooth_signals(PLAIN, points=40, fields=1)
    inits, found = fit(engine, PLAIN, signals, Budget(1, 1.0, keep_best=True))
    assert found.steps[0] == 0
    np.testing.assert_array_equal(found.weights, inits)


@pytest.mark.parametrize("keep_best", [False, True])
def test_divergence_gives_back_the_initial_weights(engine: Engine, keep_best: bool) -> None:
    signals = smooth_signals(PLAIN, points=40, fields=2)
    budget = Budget(5, 1e30, keep_best=keep_best)
    inits, found = fit(engine, PLAIN, signals, budget)
    assert found.status.tolist() == [Status.diverged] * 2
    assert found.steps.tolist() == [1, 1]
    np.testing.assert_array_equal(found.weights, inits)
    np.testing.assert_allclose(found.loss, true_loss(PLAIN, signals, inits), rtol=1e-4)
    np.testing.assert_array_equal(found.psnr, psnr_from_loss(found.loss, 1.0))


def test_divergence_at_the_last_update_is_seen(engine: Engine) -> None:
    signals = smooth_signals(PLAIN, points=40, fields=1)
    inits, found = fit(engine, PLAIN, signals, Budget(1, 1e30))
    assert found.status[0] == Status.diverged
    np.testing.assert_array_equal(found.weights, inits)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
def test_a_lost_field_leaves_its_neighbours_alone(engine: Engine, bad: float) -> None:
    signals = smooth_signals(PLAIN, points=40, fields=3)
    _, expected = fit(engine, PLAIN, signals, Budget(10, 1e-3))
    values = signals.values.copy()
    values[1, 7, 0] = bad
    inits, found = fit(engine, PLAIN, Signals(signals.coords, values, 1.0), Budget(10, 1e-3))
    assert found.status.tolist() == [Status.budget, Status.diverged, Status.budget]
    assert found.steps.tolist() == [10, 0, 10]
    np.testing.assert_array_equal(found.weights[1], inits[1])
    assert found.loss[1] == LARGEST
    assert found.psnr[1] == psnr_from_loss(np.array([LARGEST]), 1.0)[0]
    np.testing.assert_array_equal(found.weights[[0, 2]], expected.weights[[0, 2]])
    np.testing.assert_array_equal(found.loss[[0, 2]], expected.loss[[0, 2]])


def test_arrays_that_do_not_fit_are_refused(engine: Engine) -> None:
    signals, budget = smooth_signals(PLAIN, points=9, fields=2), Budget(1, 1e-3)
    inits, _ = fit(engine, PLAIN, signals, budget)
    other = FieldSpec([3, 16, 16, 2])
    with pytest.raises(
        SpecError, match=r"signals: found \(2, 1\) coordinates and channels, expected \(3, 2\)"
    ):
        engine.fit(other, signals, inits, budget)
    with pytest.raises(SpecError, match=r"inits: found float32 \(1, 337\), expected float32 \(2, 337\)"):
        engine.fit(PLAIN, signals, inits[:1], budget)
    with pytest.raises(SpecError, match="inits: found float64"):
        engine.fit(PLAIN, signals, inits.astype(np.float64), budget)


def test_what_is_refused_is_not_fitted(engine: Engine) -> None:
    spec, budget = SPECS["scaled"], Budget(1, 1e-3)
    if engine.refuses(spec, budget) is None:
        pytest.skip(f"engine {engine.name} refuses nothing here")
    with pytest.raises(EngineError, match="output_scale"):
        fit(engine, spec, smooth_signals(spec, points=9, fields=1), budget)


def test_engines_say_what_decides_their_bits(engine: Engine) -> None:
    stated = json.loads(json.dumps(dict(engine.arithmetic)))
    assert stated["engine"] == ("cpu" if engine.name == "cuda" else engine.name)
    assert all(isinstance(value, int | str) for value in stated.values())
    assert engine.batch >= 1
