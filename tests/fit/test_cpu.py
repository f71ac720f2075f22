"""The fast engine returns the bytes of the stated order, whatever the shape, tile, batch or thread."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from neuralviews.errors import EngineError
from neuralviews.field import FieldSpec
from neuralviews.fit.cpu.engine import CpuEngine
from neuralviews.fit.cpu.layout import LANES, Layout
from neuralviews.fit.engine import Budget, FitResult, Signals
from neuralviews.fit.init import initial_weights
from neuralviews.fit.ordered import fit_ordered
from neuralviews.fit.reference import ReferenceEngine
from neuralviews.records import Status

from .arithmetic_cases import CASES, GOLDEN, digest, digests, fit, uniform

FIELDS = ("weights", "psnr", "loss", "steps", "status")


def assert_same_bytes(found: FitResult, expected: FitResult) -> None:
    for name in FIELDS:
        a, b = getattr(found, name), getattr(expected, name)
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert a.tobytes() == b.tobytes(), name


def problem(
    spec: FieldSpec, points: int, fields: int = 2, scale: float = 0.25
) -> tuple[Signals, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    coords, values = uniform(1, (points, spec.in_dim)), uniform(2, (fields, points, spec.out_dim))
    inits = uniform(3, (fields, spec.parameters)) * np.float32(scale)
    keys = np.random.Philox(key=4).random_raw(fields)
    return Signals(coords, values, 2.0, keys), inits


def random_case(seed: int) -> tuple[FieldSpec, int, Budget, int]:
    """A spec, a number of points, a budget and a tile, all small and of any kind."""
    draw = np.random.Generator(np.random.Philox(key=seed))
    hidden = [int(draw.integers(1, 71)) for _ in range(draw.integers(1, 5))]
    spec = FieldSpec(
        [int(draw.integers(1, 4)), *hidden, int(draw.integers(1, 5))],
        [float(draw.uniform(1, 40)) for _ in hidden],
        float(draw.uniform(-1, 1)),
    )
    drawn = bool(draw.integers(2))
    budget = Budget(
        steps=int(draw.integers(1, 5)),
        lr=float(10 ** draw.uniform(-4, -1)),
        schedule="cosine" if draw.integers(2) else "constant",
        target_psnr=None if drawn or draw.integers(3) else float(draw.uniform(0, 10)),
        keep_best=not drawn and bool(draw.integers(2)),
        points=int(draw.integers(1, 61)) if drawn else None,
        loss="bce" if draw.integers(2) else "mse",
    )
    return spec, int(draw.integers(1, 61)), budget, int(draw.integers(1, 61))


@pytest.mark.parametrize("seed", range(48))
def test_any_shape_has_the_bytes_of_the_stated_order(seed: int) -> None:
    spec, points, budget, tile = random_case(seed)
    signals, inits = problem(spec, points)
    expected = fit_ordered(spec, signals, inits, budget)
    assert_same_bytes(CpuEngine(tile).fit(spec, signals, inits, budget), expected)


@pytest.mark.parametrize(
    ("dims", "points"),
    [
        pytest.param([1, 1, 1], 1, id="the least of everything"),
        pytest.param([2, 16, 1], 17, id="one vector wide"),
        pytest.param([2, 33, 48, 1], 40, id="a block and a vector, three vectors"),
        pytest.param([3, 64, 4], 16, id="the most fused channels"),
        pytest.param([2, 18, 5], 21, id="channels that are not fused"),
        pytest.param([2, 7, 9, 19], 33, id="more channels than lanes"),
        pytest.param([4, 12, 2], 20, id="coordinates that are padded"),
        pytest.param([19, 8, 1], 9, id="more coordinates than lanes"),
        pytest.param([2, 8, 8, 8, 8, 8, 8, 1], 19, id="six hidden layers"),
    ],
)
def test_shapes_at_the_edges_of_blocks(dims: list[int], points: int) -> None:
    spec, budget = FieldSpec(dims, 9.0), Budget(3, 1e-2)
    signals, inits = problem(spec, points)
    expected = fit_ordered(spec, signals, inits, budget)
    for tile in (16, None):
        assert_same_bytes(CpuEngine(tile).fit(spec, signals, inits, budget), expected)


def test_signed_zeros_and_subnormal_numbers_are_those_of_the_stated_order() -> None:
    spec, budget = FieldSpec([2, 5, 6, 2], [4.0, 2.0]), Budget(3, 1e-3)
    signals, inits = problem(spec, 18)
    inits[:, ::2] *= np.float32(2.0**-130)
    inits[:, ::5] = -0.0
    coords = signals.coords * np.float32(2.0**-20)
    coords[3:6] = -0.0
    signals = replace(signals, coords=coords, values=np.zeros_like(signals.values))
    assert_same_bytes(
        CpuEngine().fit(spec, signals, inits, budget), fit_ordered(spec, signals, inits, budget)
    )


@pytest.mark.parametrize("lr", [3.0, 1e8, 1e30])
@pytest.mark.parametrize("options", [{}, {"keep_best": True}, {"points": 5}, {"loss": "bce"}], ids=str)
def test_a_fit_that_explodes_ends_as_the_stated_order_says(lr: float, options: dict[str, Any]) -> None:
    spec, budget = FieldSpec([2, 6, 9, 1], 30.0), Budget(8, lr, **options)
    signals, inits = problem(spec, 13)
    found = CpuEngine().fit(spec, signals, inits, budget)
    assert_same_bytes(found, fit_ordered(spec, signals, inits, budget))
    assert np.isfinite(found.weights).all()


def test_a_lost_field_leaves_nothing_behind_in_the_buffers() -> None:
    spec, budget = FieldSpec([2, 21, 11, 3], 30.0), Budget(4, 1e-3)
    signals, inits = problem(spec, 21, fields=3)
    alone = CpuEngine().fit(spec, Signals(signals.coords, signals.values[1:], 2.0), inits[1:], budget)
    inits[0] = np.inf
    found = CpuEngine().fit(spec, signals, inits, budget)
    assert found.status.tolist() == [Status.diverged, Status.budget, Status.budget]
    assert found.weights[1:].tobytes() == alone.weights.tobytes()


def test_the_target_stops_a_field_before_the_update_that_it_does_not_need() -> None:
    spec = FieldSpec([2, 32, 32, 1], 30.0)
    signals, inits = problem(spec, 40, scale=0.125)
    full = CpuEngine().fit(spec, signals, inits, Budget(60, 1e-3))
    target = float(full.psnr.min()) - 1
    found = CpuEngine().fit(spec, signals, inits, Budget(60, 1e-3, target_psnr=target))
    assert found.status.tolist() == [Status.converged] * 2
    assert (found.psnr >= target).all()
    for i, steps in enumerate(found.steps.tolist()):
        budget = Budget(steps - 1, 1e-3)
        before = CpuEngine().fit(
            spec, Signals(signals.coords, signals.values[i : i + 1], 2.0), inits[i : i + 1], budget
        )
        assert before.psnr[0] < target


@pytest.mark.parametrize("tile", [16, 48, 250, 784, 10_000])
@pytest.mark.parametrize("points", [None, 100])
def test_tiles_change_no_bit(tile: int, points: int | None) -> None:
    case = replace(CASES["wide"], budget=Budget(5, 1e-3, points=points))
    assert_same_bytes(fit(case, tile), fit(case))


def test_wide_and_deep_fields_are_those_of_the_reference() -> None:
    """As published for shapes: four layers of 512 units, too many for the stated order in NumPy."""
    spec, budget = FieldSpec([3, 512, 512, 512, 512, 1]), Budget(2, 1e-4, points=70, loss="bce")
    signals, _ = problem(spec, 100, fields=1)
    inits = initial_weights(spec, "siren", [1])
    found = CpuEngine().fit(spec, signals, inits, budget)
    expected = ReferenceEngine().fit(spec, signals, inits, budget)
    moved = np.linalg.norm(expected.weights - inits)
    assert np.linalg.norm(found.weights - expected.weights) < 0.02 * moved
    np.testing.assert_allclose(found.loss, expected.loss, rtol=1e-3)


def test_batches_and_threads_change_no_bit() -> None:
    spec, budget, engine = FieldSpec([2, 24, 24, 2], 20.0), Budget(20, 1e-3), CpuEngine()
    signals, inits = problem(spec, 50, fields=6)
    together = engine.fit(spec, signals, inits, budget)

    def one(i: int) -> FitResult:
        part = slice(i, i + 1)
        return engine.fit(spec, Signals(signals.coords, signals.values[part], 2.0), inits[part], budget)

    with ThreadPoolExecutor(3) as pool:
        for i, alone in enumerate(pool.map(one, range(6))):
            part = slice(i, i + 1)
            assert_same_bytes(alone, FitResult(*(getattr(together, name)[part] for name in FIELDS)))


def test_no_fields_are_fitted_to_no_signals() -> None:
    spec = FieldSpec([2, 4, 1])
    signals, inits = problem(spec, 5, fields=0)
    assert CpuEngine().fit(spec, signals, inits, Budget(3, 1e-3)).weights.shape == (0, spec.parameters)


def test_bytes_are_golden() -> None:
    stored = json.loads(GOLDEN.read_text())["sha256"]
    assert digests() == stored


def test_golden_cases_are_told_apart() -> None:
    case = replace(CASES["odd widths, many channels"], budget=Budget(2, 1e-2))
    assert digest(fit(case)) != digest(fit(replace(case, budget=Budget(2, 1.0000001e-2))))


@pytest.mark.parametrize("dims", [[1, 1, 1], [2, 32, 32, 1], [5, 17, 40, 7]])
def test_packing_is_undone_by_unpacking(dims: list[int]) -> None:
    layout = Layout.of(FieldSpec(dims))
    weights = uniform(4, (layout.spec.parameters,))
    packed, back = np.full(layout.parameters, np.nan, np.float32), np.zeros_like(weights)
    layout.pack(weights, packed)
    layout.unpack(packed, back)
    np.testing.assert_array_equal(back, weights)
    assert layout.parameters % LANES == 0
    assert np.count_nonzero(packed) == np.count_nonzero(weights)


def test_an_output_scale_is_left_to_another_engine() -> None:
    spec = FieldSpec([2, 4, 1], output_scale=2.0)
    signals, inits = problem(spec, 5)
    with pytest.raises(
        EngineError, match=r"engine 'cpu' .* output_scale 1 only, found 2.0: use --engine torch"
    ):
        CpuEngine().fit(spec, signals, inits, Budget(1, 1e-3))


def test_a_thread_that_flushes_subnormal_numbers_is_refused() -> None:
    torch = pytest.importorskip("torch")
    spec = FieldSpec([2, 4, 1])
    signals, inits = problem(spec, 5)

    def flushing() -> None:
        if not torch.set_flush_denormal(True):
            pytest.skip("this CPU cannot flush subnormal numbers")
        CpuEngine().fit(spec, signals, inits, Budget(1, 1e-3))

    # the setting belongs to the thread and ends with it
    with ThreadPoolExecutor(1) as pool, pytest.raises(EngineError, match="flushes subnormal numbers to zero"):
        pool.submit(flushing).result()
