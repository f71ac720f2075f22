"""The group: its laws, its action on fields of any shape, and the bits of the compiled action."""

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import config
from scipy import stats

from neuralviews.errors import SpecError
from neuralviews.field import Field, FieldSpec, evaluate, split
from neuralviews.symmetry import Element, Group, hidden_slices
from neuralviews.symmetry.group import MAX_PHASE

from .fields import GROUPS, SEEDS, draws_of, equal, random_weights, specs

ROOT = Path(__file__).parents[2]
MNIST = FieldSpec([2, 32, 32, 1], output_offset=0.5)
SMALL = FieldSpec([1, 2, 1], 4.0)


def random(spec: FieldSpec, seed: int, n: int = 2, group: Group = "phase", max_phase: int = 3) -> Element:
    return Element.random(spec, draws_of(seed, n), group, max_phase)


# ---- the action


@given(specs(), SEEDS, st.sampled_from(GROUPS))
def test_the_function_stays_the_same(spec: FieldSpec, seed: int, group: Group) -> None:
    """Rounding in a layer grows by omega times the norm of each layer above it."""
    weights = random_weights(spec, seed, 3) / 4
    coords = draws_of(seed, 7).child(98).uniform(spec.in_dim) * 4 - 2
    moved = random(spec, seed, 3, group).apply(weights)
    difference = evaluate(spec, moved, coords) - evaluate(spec, weights, coords)
    growth = math.prod(max(1.0, w * n / 8) for w, n in zip(spec.omega, spec.dims[:-2], strict=True))
    assert abs(difference).max() < 1e-14 * growth * max(spec.dims)


@pytest.mark.parametrize("hidden", [(5,), (4, 7), (6, 3, 5), (3, 5, 4, 2)], ids=str)
@pytest.mark.parametrize("in_dim", [1, 2, 3])
@pytest.mark.parametrize("omega", [None, 11.5], ids=["omega by layer", "one omega"])
def test_the_function_stays_the_same_within_1e_12(
    hidden: tuple[int, ...], in_dim: int, omega: float | None
) -> None:
    """For weights as large as those of fits."""
    spec = FieldSpec([in_dim, *hidden, 2], omega or [20.0 + 7 * i for i in range(len(hidden))])
    weights = random_weights(spec, 1, 20) / 4
    coords = draws_of(2, 50).uniform(in_dim) * 2 - 1
    moved = random(spec, 3, 20).apply(weights)
    assert abs(moved - weights).max() > 0.1
    assert abs(evaluate(spec, moved, coords) - evaluate(spec, weights, coords)).max() < 1e-12


@given(specs(), SEEDS)
def test_units_go_where_the_definition_says(spec: FieldSpec, seed: int) -> None:
    """Written out unit by unit."""
    (old,), element = random_weights(spec, seed, 1), random(spec, seed, 1)
    new = element.apply(old)
    before, after = split(spec, old), split(spec, new)
    perm, sign, phase = element.perm[0], element.sign[0], element.phase[0]
    columns: list[tuple[int, int]] = [(j, 1) for j in range(spec.in_dim)]
    for layer, units in enumerate([*hidden_slices(spec), None]):
        width = spec.dims[layer + 1]
        rows = [(i, 1, 0) for i in range(width)]
        if units is not None:
            rows = [(int(perm[i]), int(sign[i]), int(phase[i])) for i in range(units.start, units.stop)]
        for i, (p, s, k) in enumerate(rows):
            shift = k * math.pi / spec.omega[layer] if k else 0.0
            assert after[layer][1][i] == pytest.approx(s * before[layer][1][p] + shift, rel=1e-15, abs=1e-16)
            assert after[layer][0][i].tolist() == [s * t * before[layer][0][p, q] for q, t in columns]
        columns = [(p, s * (-1) ** (k % 2)) for p, s, k in rows]


@given(specs(), SEEDS, st.integers(0, 3), st.sampled_from([1, 3, MAX_PHASE]))
def test_float32_is_float64_rounded_once(spec: FieldSpec, seed: int, n: int, max_phase: int) -> None:
    weights = random_weights(spec, seed, n).astype(np.float32)
    weights[:, ::3] = -0.0
    element = random(spec, seed, n, max_phase=max_phase)
    exact = element.apply(weights.astype(np.float64)).astype(np.float32)
    found = element.apply(weights)
    assert (found.dtype, found.tobytes()) == (np.float32, exact.tobytes())


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_action_takes_any_memory_and_writes_to_none_of_it(kind: type[np.floating]) -> None:
    weights = random_weights(MNIST, 0, 4).astype(kind)
    element = random(MNIST, 1, 4)
    expected = element.apply(weights)
    kept = weights.copy()
    for array in (weights, element.perm, element.sign, element.phase):
        array.flags.writeable = False
    strided = Element(MNIST, *(np.asfortranarray(x) for x in (element.perm, element.sign, element.phase)))
    for form in (weights, np.asfortranarray(weights), np.repeat(weights, 2, axis=1)[:, ::2]):
        found = strided.apply(form)
        assert (found.tobytes(), found.dtype) == (expected.tobytes(), kind)
        assert not np.shares_memory(found, weights)
    np.testing.assert_array_equal(weights, kept)


def test_one_field_keeps_its_shape_and_rows_do_not_depend_on_the_batch() -> None:
    weights, element = random_weights(MNIST, 0, 3).astype(np.float32), random(MNIST, 1, 3)
    together = element.apply(weights)
    for row in range(3):
        alone = element.take(slice(row, row + 1)).apply(weights[row])
        np.testing.assert_array_equal(alone, together[row])
    order = np.array([2, 0, 2])
    np.testing.assert_array_equal(element.take(order).apply(weights[order]), together[order])


def test_the_action_does_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    weights, element = random_weights(MNIST, 0, 3).astype(np.float32), random(MNIST, 1, 3)
    expected = element.apply(weights)
    monkeypatch.setattr(config, "DISABLE_JIT", 1)
    assert element.apply(weights).tobytes() == expected.tobytes()


DIGEST = """
import json
from tests.symmetry.test_group import digest
print(json.dumps(digest()))
"""


GOLDEN = "fce9b63dbc6bdda362050d8df0150bf1b81beb79fa2fa4a7b2f5b04ddd654073"


def digest() -> str:
    weights = random_weights(MNIST, 0, 16).astype(np.float32)
    return sha256(random(MNIST, 1, 16).apply(weights).tobytes()).hexdigest()


def test_bits_never_change_whatever_the_instruction_set(tmp_path: Path) -> None:
    named = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "", "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", DIGEST],
        capture_output=True, text=True, check=True, cwd=ROOT, env={**os.environ, **named},
    )  # fmt: skip
    assert [digest(), json.loads(done.stdout)] == [GOLDEN] * 2


# ---- the group


@given(specs(), SEEDS)
def test_products_associate_and_inverses_undo(spec: FieldSpec, seed: int) -> None:
    f, g, h = (random(spec, seed + i) for i in range(3))
    one = Element.identity(spec, 2)
    assert equal((f @ g) @ h, f @ (g @ h))
    assert equal(f @ one, f)
    assert equal(one @ f, f)
    assert equal(f.inverse() @ f, one)
    assert equal(f @ f.inverse(), one)
    assert equal((f @ g).inverse(), g.inverse() @ f.inverse())


@given(specs(), SEEDS)
def test_a_product_acts_as_one_after_the_other(spec: FieldSpec, seed: int) -> None:
    weights, f, g = random_weights(spec, seed, 2), random(spec, seed), random(spec, seed + 1)
    np.testing.assert_allclose((f @ g).apply(weights), f.apply(g.apply(weights)), rtol=0, atol=3e-14)
    np.testing.assert_allclose(f.inverse().apply(f.apply(weights)), weights, rtol=0, atol=3e-14)
    np.testing.assert_array_equal(Element.identity(spec, 2).apply(weights), weights)


@given(specs(), SEEDS, st.sampled_from(("perm", "sign")))
def test_without_phases_inverses_undo_to_the_bit(spec: FieldSpec, seed: int, group: Group) -> None:
    weights, f = random_weights(spec, seed, 2).astype(np.float32), random(spec, seed, group=group)
    np.testing.assert_array_equal(f.inverse().apply(f.apply(weights)), weights)


# ---- random elements


def test_groups_hold_what_they_are_named_for() -> None:
    perm, sign, phase = (random(MNIST, 5, 200, group) for group in GROUPS)
    identity = Element.identity(MNIST, 200)
    assert (perm.perm != identity.perm).mean() > 0.9
    np.testing.assert_array_equal(perm.sign, identity.sign)
    np.testing.assert_array_equal(sign.perm, perm.perm)
    np.testing.assert_array_equal(sign.phase, identity.phase)
    np.testing.assert_array_equal(phase.sign, sign.sign)
    assert np.unique(phase.phase).tolist() == list(range(-3, 4))
    assert not random(MNIST, 5, 200, max_phase=0).phase.any()


def test_random_elements_are_uniform() -> None:
    """All 2! 2^2 3^2 elements of a layer of two units come equally often."""
    element = Element.random(SMALL, draws_of(0, 7200))
    rows = np.concatenate([element.perm[:, :1], element.sign, element.phase], axis=1)
    found, counts = np.unique(rows, axis=0, return_counts=True)
    assert found.tolist() == sorted(map(list, product((0, 1), (-1, 1), (-1, 1), (-1, 0, 1), (-1, 0, 1))))
    assert stats.chisquare(counts).pvalue > 1e-3


def test_a_row_draws_the_same_in_any_batch() -> None:
    draws = draws_of(0, 9)
    alone = Element.random(MNIST, type(draws)(draws.seeds[4:5]))
    assert equal(alone, Element.random(MNIST, draws).take(slice(4, 5)))


# ---- refusals


def parts(**changed: object) -> Element:
    identity = Element.identity(SMALL, 2)
    given = {"perm": identity.perm, "sign": identity.sign, "phase": identity.phase, **changed}
    return Element(SMALL, **given)  # type: ignore[arg-type]


IDENTITY = Element.identity(SMALL, 2)
OTHER = FieldSpec([1, 2, 1], 5.0)
REFUSED: list[tuple[Callable[[], object], str]] = [
    (lambda: parts(perm=np.zeros((2, 3), np.int32)), "perm: found int32 (2, 3), expected int32 (2, 2)"),
    (lambda: parts(sign=np.ones((2, 2))), "sign: found float64 (2, 2), expected int8 (2, 2)"),
    (lambda: parts(phase=np.zeros((1, 2), np.int32)), "phase: found int32 (1, 2), expected int32 (2, 2)"),
    (
        lambda: parts(perm=np.array([[1, 0], [1, 1]], np.int32)),
        "perm: row 1 does not permute the 2 units of hidden layer 0",
    ),
    (
        lambda: parts(sign=np.array([[1, 1], [-1, 0]], np.int8)),
        "sign: found 0 in row 1, unit 1, expected 1 or -1",
    ),
    (
        lambda: parts(sign=np.array([[1, -128], [-1, 1]], np.int8)),
        "sign: found -128 in row 0, unit 1, expected 1 or -1",
    ),
    (
        lambda: parts(phase=np.array([[0, 0], [-MAX_PHASE - 1, 0]], np.int32)),
        f"phase: found {-MAX_PHASE - 1} in row 1, unit 0, expected at most {MAX_PHASE} either way",
    ),
    (
        lambda: IDENTITY.apply(np.zeros((2, 6))),
        "weights: found float64 (2, 6), expected float32 or float64 (2, 7)",
    ),
    (
        lambda: IDENTITY.apply(np.zeros(7)),
        "weights: found float64 (7,), expected float32 or float64 (2, 7)",
    ),
    (
        lambda: IDENTITY.apply(np.zeros((2, 7), np.float16)),
        "weights: found float16 (2, 7), expected float32 or float64 (2, 7)",
    ),
    (
        lambda: IDENTITY.apply(Field(SMALL, np.zeros((2, 7), np.float32))),  # type: ignore[arg-type]
        "weights: found Field, expected a NumPy array (n, P); of a Field or Records take .weights",
    ),
    (
        lambda: IDENTITY @ Element.identity(SMALL, 3),
        "compose: found 2 and 3 elements, expected as many",
    ),
    (
        lambda: IDENTITY @ Element.identity(OTHER, 2),
        f"compose: found elements for {SMALL} and for {OTHER}, expected one spec",
    ),
    (lambda: random(SMALL, 0, group="all"), "group: found 'all', expected 'perm', 'sign' or 'phase'"),  # type: ignore[arg-type]
    (
        lambda: random(SMALL, 0, max_phase=-1),
        f"max_phase: found -1, expected an integer from 0 to {MAX_PHASE}",
    ),
]


def test_elements_print_in_a_line() -> None:
    assert repr(IDENTITY) == f"Element(spec={SMALL!r})"


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_refusals(call: Callable[[], object], message: str) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(message)}$"):
        call()


def test_bounds_that_are_no_integers_are_not_cut_to_some() -> None:
    with pytest.raises(TypeError, match=r"^'float' object cannot be interpreted as an integer$"):
        random(SMALL, 0, max_phase=1.5)  # type: ignore[arg-type]


def test_products_of_the_largest_phases_are_refused_not_wrapped() -> None:
    largest = parts(phase=np.full((2, 2), MAX_PHASE, np.int32))
    with pytest.raises(SpecError, match=f"phase: found {2 * MAX_PHASE} in row 0"):
        largest @ largest


def test_importing_symmetry_loads_no_compiler() -> None:
    program = "import sys, neuralviews.symmetry; print(sorted({'numba', 'torch'} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "[]"
