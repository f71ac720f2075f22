"""Random symmetries: their laws, the published ones among them, and that nothing else is changed."""

from collections.abc import Callable

import numpy as np
import pytest

from neuralviews.augment.base import Parameter
from neuralviews.augment.batch import Batch, SoftLabels
from neuralviews.augment.symmetry import ActByElement, Permutation, PhaseShift, RandomSymmetry, SignFlip
from neuralviews.errors import OptionError, SpecError
from neuralviews.field import split

from .formulas import act, named
from .pairs import SPEC, draws_for, pairs

HIDDEN = 13  # units of SPEC
MANY = 2000


def drawn(step: ActByElement, n: int = MANY) -> np.ndarray:
    weights, labels = np.zeros((n, SPEC.parameters), np.float32), SoftLabels.of(np.zeros(n, np.int32))
    batch = Batch.of(pairs().context, weights, labels)
    return step.sample(batch, draws_for(batch))


def chi_square(values: np.ndarray, expected: dict[int, float]) -> float:
    """Of integer values against shares; about one per degree of freedom if they are such."""
    counts = {value: float((values == value).sum()) for value in expected}
    assert sum(counts.values()) == values.size
    return sum((counts[v] - p * values.size) ** 2 / (p * values.size) for v, p in expected.items())


@pytest.mark.parametrize(("low", "high"), [(-1, 1), (-4, 3), (2, 2), (-3, 3)])
def test_half_turns_are_uniform_between_their_bounds(low: int, high: int) -> None:
    count = high - low + 1
    k = drawn(PhaseShift(low=low, high=high))
    assert chi_square(k, dict.fromkeys(range(low, high + 1), 1 / count)) < 3 * count + 10


def test_default_half_turns_are_symmetric() -> None:
    k = drawn(PhaseShift())
    assert abs((k == 1).sum() - (k == -1).sum()) < 4 * np.sqrt((k != 0).sum())
    assert abs(k.mean()) < 4 * k.std() / np.sqrt(k.size)


def test_some_units_are_not_shifted() -> None:
    k = drawn(PhaseShift(p=0.25, low=1, high=2))
    assert chi_square(k, {0: 0.75, 1: 0.125, 2: 0.125}) < 16


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_signs_are_flipped_with_their_probability(p: float) -> None:
    assert chi_square(drawn(SignFlip(p)), {-1: p, 1: 1 - p}) < 12


def test_permutations_are_uniform_layer_by_layer() -> None:
    perm = drawn(Permutation())
    for units in (slice(0, 8), slice(8, 13)):
        width = units.stop - units.start
        np.testing.assert_array_equal(np.sort(perm[:, units], axis=1), np.tile(np.arange(width), (MANY, 1)))
        for place in range(width):
            shares = dict.fromkeys(range(width), 1 / width)
            assert chi_square(perm[:, units][:, place], shares) < 3 * width + 10


@pytest.mark.parametrize(
    ("step", "names"),
    [
        (Permutation(), ["perm"]),
        (SignFlip(), ["sign"]),
        (PhaseShift(), ["phase"]),
        (RandomSymmetry("perm"), ["perm"]),
        (RandomSymmetry("sign"), ["perm", "sign"]),
        (RandomSymmetry("phase"), ["perm", "sign", "phase"]),
    ],
)
def test_only_what_varies_is_stored(step: ActByElement, names: list[str]) -> None:
    assert step.parameters(pairs().context) == tuple(Parameter(name, HIDDEN) for name in names)


def test_random_symmetries_are_bounded_by_their_group() -> None:
    params = drawn(RandomSymmetry("phase", 2))
    assert chi_square(params[:, HIDDEN : 2 * HIDDEN], {-1: 0.5, 1: 0.5}) < 12
    assert chi_square(params[:, 2 * HIDDEN :], dict.fromkeys(range(-2, 3), 0.2)) < 25
    assert not drawn(RandomSymmetry("phase", 0), 5)[:, 2 * HIDDEN :].any()


def test_the_published_negation_and_bias_shift() -> None:
    """Written out unit by unit, as in the released code: its weights are (in, out), these (out, in)."""
    batch = pairs(n=3)
    for step in (SignFlip(), PhaseShift(low=-4, high=3)):
        params = step.sample(batch, draws_for(batch))
        after = step.apply(batch, params).weights
        for row in range(3):
            layers = [(w.copy(), b.copy()) for w, b in split(SPEC, batch.weights[row].astype(np.float64))]
            for unit in range(HIDDEN):
                layer, i = (0, unit) if unit < 8 else (1, unit - 8)
                (weight, bias), (following, _) = layers[layer], layers[layer + 1]
                value = float(params[row, unit])
                if step.name == "sign_flip":
                    for part in (weight[i], bias[i : i + 1], following[:, i]):
                        part *= value
                else:
                    bias[i] += value * np.pi / SPEC.omega[layer]
                    following[:, i] *= 1 if value % 2 == 0 else -1
            for (new, new_bias), (weight, bias) in zip(split(SPEC, after[row]), layers, strict=True):
                np.testing.assert_allclose(new, weight, rtol=1e-7)
                np.testing.assert_allclose(new_bias, bias, rtol=1e-7, atol=1e-8)


def test_large_batches_are_their_formula() -> None:
    batch, step = pairs(n=20), RandomSymmetry("phase", 3)
    params = step.sample(batch, draws_for(batch))
    for old, new, row in zip(batch.weights, step.apply(batch, params).weights, params, strict=True):
        expected = act(SPEC, old.astype(np.float64), named(step, SPEC, row))
        assert new.tobytes() == expected.astype(np.float32).tobytes()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SignFlip(2), "SignFlip: p: found 2, expected 0 to 1"),
        (lambda: PhaseShift(low=1, high=0), "PhaseShift: high: found 0, expected at least low = 1"),
        (
            lambda: PhaseShift(low=-1001),
            "PhaseShift: low: found -1001, expected an integer from -1000 to 1000",
        ),
        (
            lambda: PhaseShift(high=1.5),  # type: ignore[arg-type]
            "PhaseShift: high: found 1.5, expected an integer from -1000 to 1000",
        ),
        (
            lambda: RandomSymmetry("all"),  # type: ignore[arg-type]
            "RandomSymmetry: group: found 'all', expected one of perm, sign, phase",
        ),
        (
            lambda: RandomSymmetry(max_phase=-1),
            "RandomSymmetry: max_phase: found -1, expected an integer from 0 to 1000",
        ),
    ],
)
def test_settings_out_of_range_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(OptionError) as error:
        make()
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("step", "value", "message"),
    [
        (Permutation(), 1e6, "perm: row 0 does not permute the 8 units of hidden layer 0"),
        (Permutation(), np.nan, "perm: row 0 does not permute"),
        (SignFlip(), 3.0, "sign: found 3 in row 0, unit 0, expected 1 or -1"),
        (PhaseShift(), 1e9, "phase: found 1000000000 in row 0, unit 0"),
    ],
)
def test_parameters_that_are_no_element_never_reach_compiled_code(
    step: ActByElement, value: float, message: str
) -> None:
    batch = pairs()
    params = step.sample(batch, draws_for(batch))
    params[0, 0] = value
    with pytest.raises(SpecError, match=message):
        step.apply(batch, params)
