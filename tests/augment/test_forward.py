"""Compiled values of fields: their bits beside plain NumPy in the stated order, and their errors."""

import hashlib
import json
import math
import os
import platform
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import config
from numpy.typing import NDArray

from neuralviews.errors import EngineError, SpecError
from neuralviews.field import FieldSpec, evaluate, split
from neuralviews.fit.init import initial_weights
from neuralviews.fit.ordered import fma, sincospi
from neuralviews.vector import loss
from neuralviews.vector.forward import TILE, forward
from neuralviews.vector.loss import mean_squared_errors

from ..fit.arithmetic_cases import uniform

ROOT = Path(__file__).parents[2]
SHA256 = "1deb4d1816c1eab237221a08cba88d1f6f72928e97642fa5c2a15f33ae3e2be4"
SPECS = (
    FieldSpec([2, 32, 32, 1], output_offset=0.5),
    FieldSpec([2, 64, 64, 3]),
    FieldSpec([3, 32, 32, 32, 1], [30.0, 10.0, 7.5], -0.25, 2.0),
    FieldSpec([1, 21, 50, 6], 9.0, 0.1, 0.3),
)


@st.composite
def specs(draw: st.DrawFn) -> FieldSpec:
    """Any number of coordinates, widths beside multiples of a block, a frequency per layer."""
    hidden = draw(st.lists(st.integers(1, 35), min_size=1, max_size=3))
    omega = draw(st.lists(st.floats(0.5, 30), min_size=len(hidden), max_size=len(hidden)))
    dims = [draw(st.integers(1, 3)), *hidden, draw(st.integers(1, 4))]
    return FieldSpec(dims, omega, draw(st.floats(-1, 1)), draw(st.floats(0.1, 2)))


def values(spec: FieldSpec, weights: NDArray[np.float32], coords: NDArray[np.float32]) -> NDArray[np.float32]:
    return forward(weights, coords, spec.dims, spec.omega, spec.output_scale, spec.output_offset)


def ordered(
    spec: FieldSpec, weights: NDArray[np.float32], coords: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Values (p, c) of one field in the order that `vector.forward` states."""

    def sums(weight: NDArray[Any], bias: NDArray[Any], inputs: NDArray[Any]) -> NDArray[Any]:
        total = np.broadcast_to(bias, (len(inputs), len(bias)))
        for k in range(inputs.shape[1]):
            total = fma(weight[:, k], inputs[:, k, None], total)
        return total

    *hidden, output = split(spec, weights)
    h = coords
    for layer, omega in zip(hidden, spec.omega, strict=True):
        h, _ = sincospi(np.float32(omega / math.pi) * sums(*layer, h))
    return fma(np.float32(spec.output_scale), sums(*output, h), np.float32(spec.output_offset))


def example(spec: FieldSpec, fields: int, points: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights (fields, P) near those of a new SIREN, and coordinates (fields, points, d)."""
    weights = uniform(1, (fields, spec.parameters)) * np.float32(0.25)
    return weights, uniform(2, (fields, points, spec.in_dim))


@given(specs(), st.integers(0, 3), st.integers(1, 2 * TILE + 1))
def test_values_are_those_of_the_stated_order(spec: FieldSpec, fields: int, points: int) -> None:
    weights, coords = example(spec, fields, points)
    found = values(spec, weights, coords)
    assert found.shape == (fields, points, spec.out_dim)
    for row, x, value in zip(weights, coords, found, strict=True):
        assert ordered(spec, row, x).tobytes() == value.tobytes()


@given(specs(), st.integers(1, 100))
def test_values_are_near_those_of_the_oracle(spec: FieldSpec, points: int) -> None:
    weights = initial_weights(spec, "siren", [1, 2])
    coords = uniform(2, (1, points, spec.in_dim))
    np.testing.assert_allclose(values(spec, weights, coords), evaluate(spec, weights, coords[0]), atol=1e-5)


@given(specs(), st.integers(1, TILE + 9))
def test_no_field_or_point_depends_on_those_beside_it(spec: FieldSpec, points: int) -> None:
    weights, coords = example(spec, 4, points)
    together = values(spec, weights, coords)
    alone = [values(spec, weights[i : i + 1], coords[i : i + 1, ::-1])[:, ::-1] for i in range(4)]
    assert np.concatenate(alone).tobytes() == together.tobytes()
    shared = values(spec, weights, coords[:1])
    repeated = values(spec, weights, np.repeat(coords[:1], 4, axis=0))
    assert shared.tobytes() == repeated.tobytes()


def test_inputs_may_be_read_only_and_strided() -> None:
    spec = SPECS[0]
    weights, coords = example(spec, 6, 10)
    expected = values(spec, weights[::2].copy(), coords[::2].copy())
    for array in (weights, coords):
        array.setflags(write=False)
    assert values(spec, weights[::2], coords[::2]).tobytes() == expected.tobytes()


def digest() -> str:
    """One hash of values and of losses."""
    hashed = hashlib.sha256()
    for spec in SPECS:
        found = values(spec, *example(spec, 5, 3 * TILE + 7))
        hashed.update(found.tobytes() + mean_squared_errors(found, found[::-1]).tobytes())
    return hashed.hexdigest()


def test_bytes_are_those_of_every_machine() -> None:
    assert digest() == SHA256


@pytest.mark.skipif(platform.machine() != "x86_64", reason="names CPUs of x86-64")
@pytest.mark.parametrize(("name", "lanes"), [("haswell", 8), ("x86-64", 4)])
def test_other_instruction_sets_make_the_same_bytes(name: str, lanes: int, tmp_path: Path) -> None:
    code = (
        "import json\n"
        "from neuralviews.vector.emit import blocking\n"
        "from tests.augment.test_forward import digest\n"
        "print(json.dumps([blocking().lanes, digest()]))\n"
    )
    environment = {**os.environ, "NUMBA_CPU_NAME": name, "NUMBA_CACHE_DIR": str(tmp_path)}
    output = subprocess.check_output([sys.executable, "-c", code], text=True, cwd=ROOT, env=environment)
    assert json.loads(output) == [lanes, SHA256]


@given(st.integers(1, 5), st.integers(1, 9), st.integers(1, 4))
def test_a_loss_is_the_sum_of_squares_in_order(fields: int, points: int, channels: int) -> None:
    found, wanted = uniform(3, (2, fields, points, channels))
    losses = mean_squared_errors(found, wanted)
    for row, expected, result in zip(found, wanted, losses, strict=True):
        total = 0.0
        for x, y in zip(row.ravel().tolist(), expected.ravel().tolist(), strict=True):
            total += (x - y) * (x - y)
        assert result == np.float32(total / (points * channels))


def test_a_loss_beyond_float32_is_the_largest() -> None:
    largest = np.finfo(np.float32).max
    found = np.array([0.0, np.nan, np.inf, -np.inf, largest, 3.0], np.float32).reshape(-1, 1, 1)
    losses = mean_squared_errors(found, np.zeros_like(found))
    np.testing.assert_array_equal(losses, np.array([0, *[largest] * 4, 9], np.float32))


def test_arrays_that_do_not_fit_are_named() -> None:
    spec = FieldSpec([2, 3, 1])
    weights, coords = example(spec, 2, 4)
    wrong: list[tuple[Any, Any, str]] = [
        (
            weights.astype(np.float64),
            coords,
            r"weights: found float64 \(2, 13\), expected float32 \(fields, 13\)",
        ),
        (weights[0], coords, r"weights: found float32 \(13,\)"),
        (weights[:, :12], coords, r"weights: found float32 \(2, 12\)"),
        (
            weights,
            coords[..., :1],
            r"coords: found .*\(2, 4, 1\), expected float32 \(fields or 1, points, 2\)",
        ),
        (weights, coords[0], r"coords: found float32 \(4, 2\)"),
        (weights, coords[[0, 0, 0]], "coords: found 3 sets of points for 2 fields, expected 1 or all"),
    ]
    for bad_weights, bad_coords, message in wrong:
        with pytest.raises(SpecError, match=message):
            values(spec, bad_weights, bad_coords)
    block = np.zeros((2, 4, 1), np.float32)
    for a, b in pairwise((block, block[:, :2], block[:, :0], block[:, :0], block.astype(np.float64), block)):
        with pytest.raises(
            SpecError, match=r"(values|targets): found .* beside targets .*, expected float32"
        ):
            mean_squared_errors(a, b)


def test_a_compiler_that_is_turned_off_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "DISABLE_JIT", 1)
    with pytest.raises(EngineError, match="NUMBA_DISABLE_JIT is set, with which numba compiles nothing"):
        loss._compiled.__wrapped__()
