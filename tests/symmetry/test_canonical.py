"""Canonical forms: what they promise, and that equivalent weights share one."""

import math
import re

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from neuralviews.errors import SpecError
from neuralviews.field import FieldSpec, split
from neuralviews.symmetry import Element, canonical, hidden_slices
from neuralviews.symmetry.group import MAX_PHASE

from .fields import SEEDS, draws_of, equal, random_weights, specs

KINDS = st.sampled_from((np.float32, np.float64))
SPEC = FieldSpec([2, 5, 4, 1], [3.0, 11.0], output_offset=0.5)


def away_from_edges(spec: FieldSpec, weights: np.ndarray, margin: float) -> bool:
    """Whether every bias is far from 0, from the edge, and from every other of its layer, in half turns."""
    for (_, bias), omega in zip(split(spec, weights.astype(np.float64)), spec.omega, strict=False):
        folded = np.sort(abs(bias * omega / math.pi - np.rint(bias * omega / math.pi)), axis=1)
        framed = np.pad(folded, ((0, 0), (1, 1)), constant_values=((0, 0), (0, 0.5)))
        if (np.diff(framed, axis=1) < margin).any():
            return False
    return True


@given(specs(), SEEDS, KINDS)
def test_equivalent_weights_have_one_form(spec: FieldSpec, seed: int, kind: type[np.floating]) -> None:
    weights = random_weights(spec, seed, 1).astype(kind)
    assume(away_from_edges(spec, weights, 1e-4))
    moved = Element.random(spec, draws_of(seed, 1), max_phase=3).apply(weights)
    tolerance = 2e-6 if kind is np.float32 else 1e-12
    np.testing.assert_allclose(canonical(spec, moved)[0], canonical(spec, weights)[0], rtol=0, atol=tolerance)


@given(specs(), SEEDS, KINDS, st.sampled_from([1.0, 1000.0]))
def test_the_form_keeps_its_promises(
    spec: FieldSpec, seed: int, kind: type[np.floating], scale: float
) -> None:
    weights = (random_weights(spec, seed, 3) * scale).astype(kind)
    kept = weights.copy()
    found, element = canonical(spec, weights)
    assert (found.dtype, found.shape) == (kind, weights.shape)
    assert found.tobytes() == element.apply(weights).tobytes()
    np.testing.assert_array_equal(weights, kept)
    for (_, bias), omega in zip(split(spec, found)[:-1], spec.omega, strict=True):
        assert (bias >= 0).all()
        assert (bias <= math.pi / (2 * omega) * (1 + 1e-6)).all()
        assert (np.diff(bias, axis=1) >= 0).all()
    again, identity = canonical(spec, found)
    assert again.tobytes() == found.tobytes()
    assert equal(identity, Element.identity(spec, 3))


@given(specs(), SEEDS, KINDS)
def test_biases_of_few_values_have_one_form_too(spec: FieldSpec, seed: int, kind: type[np.floating]) -> None:
    """Zero biases, and equal ones, are settled by incoming weights, which permuting and negating keep."""
    weights = np.rint(random_weights(spec, seed, 2) * 4).astype(kind)
    for layer in spec.layers:
        weights[:, layer.bias] = np.rint(weights[:, layer.bias] / 2) / 64
        weights[:, layer.weight] += random_weights(spec, seed + 1, 2)[:, layer.weight].astype(kind) / 8
    moved = Element.random(spec, draws_of(seed, 2), "sign").apply(weights)
    np.testing.assert_array_equal(canonical(spec, moved)[0], canonical(spec, weights)[0])


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("turns", [0.5, -0.5, 1.5, -2.5, 7.5])
def test_biases_on_the_edge_settle_at_once(kind: type[np.floating], turns: float) -> None:
    """Odd multiples of pi/(2 omega) and their neighbours, where rounding may fall past the edge."""
    weights = random_weights(SPEC, 0, 9).astype(kind)
    for layer, omega in zip(SPEC.layers, SPEC.omega, strict=False):
        edge = kind(turns * math.pi / omega)
        steps = np.arange(-4, 5).astype(kind)[:, None]
        weights[:, layer.bias] = edge + steps * np.spacing(edge)
    found, _ = canonical(SPEC, weights)
    assert canonical(SPEC, found)[0].tobytes() == found.tobytes()


def test_one_field_keeps_its_shape_and_rows_do_not_depend_on_the_batch() -> None:
    weights = random_weights(SPEC, 0, 4).astype(np.float32)
    together, element = canonical(SPEC, weights)
    for row in range(4):
        alone, its_element = canonical(SPEC, weights[row])
        assert alone.tobytes() == together[row].tobytes()
        assert equal(its_element, element.take(slice(row, row + 1)))


def test_a_form_worked_out_by_hand() -> None:
    """Two units, omega pi: a half turn is 1. Biases 2.75 and 0.125 become 0.25 and 0.125."""
    spec = FieldSpec([1, 2, 1], math.pi)
    weights = np.array([5.0, 7.0, 2.75, 0.125, 11.0, 13.0, 17.0])
    found, element = canonical(spec, weights)
    np.testing.assert_allclose(found, [7, -5, 0.125, 0.25, 13, 11, 17], rtol=1e-15)
    assert [element.perm.tolist(), element.sign.tolist(), element.phase.tolist()] == [
        [[1, 0]],
        [[1, -1]],
        [[0, 3]],
    ]


def test_a_zero_bias_takes_its_sign_from_the_first_weight_that_is_not_zero() -> None:
    spec = FieldSpec([2, 3, 1], 30.0)
    weights = np.array([0, -2, 3, -4, 0, 0, 0, 0, 0, 5, 6, 7, 8], np.float64)
    np.testing.assert_array_equal(canonical(spec, weights)[0], [0, 0, 0, 2, 3, -4, 0, 0, 0, 7, -5, 6, 8])


@pytest.mark.parametrize("bias", [math.nan, math.inf, 1e12])
def test_biases_without_a_nearest_half_turn_are_refused(bias: float) -> None:
    weights = random_weights(SPEC, 0, 3)
    weights[2, SPEC.layers[1].bias.start] = bias
    message = (
        f"weights: row 2 has a bias in hidden layer 1 that is not finite, or beyond {MAX_PHASE} half turns"
    )
    with pytest.raises(SpecError, match=f"^{re.escape(message)}$"):
        canonical(SPEC, weights)


@pytest.mark.parametrize("shape", [(3, 5), (2, 3, SPEC.parameters)])
def test_weights_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(SpecError, match=r"^weights: found float64 .*, expected float32 or float64 "):
        canonical(SPEC, np.zeros(shape))


def test_swapped_arguments_are_told() -> None:
    with pytest.raises(SpecError, match=r"^spec: found ndarray, expected a FieldSpec; weights come second$"):
        canonical(np.zeros(SPEC.parameters), SPEC)  # type: ignore[arg-type]
    with pytest.raises(SpecError, match=r"^weights: found list, expected a NumPy array"):
        canonical(SPEC, [0.0] * SPEC.parameters)  # type: ignore[arg-type]


def test_slices_cover_the_hidden_units() -> None:
    assert hidden_slices(SPEC) == (slice(0, 5), slice(5, 9))
