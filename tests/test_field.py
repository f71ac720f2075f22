"""Fields: their conventions, their layout, and their values beside a torch module of the same parameters."""

import json
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.errors import SpecError
from neuralviews.field import Field, FieldSpec, evaluate, join, split
from neuralviews.grids import image_grid

DIMS = st.lists(st.integers(1, 9), min_size=3, max_size=6)
OMEGA = st.floats(0.5, 60)
MNIST = FieldSpec([2, 32, 32, 1], output_offset=0.5)


@st.composite
def specs(draw: st.DrawFn) -> FieldSpec:
    dims = draw(DIMS)
    omega = draw(st.one_of(OMEGA, st.lists(OMEGA, min_size=len(dims) - 2, max_size=len(dims) - 2)))
    return FieldSpec(
        dims, omega, draw(st.floats(-2, 2)), draw(st.floats(0.125, 4)), draw(st.sampled_from(["xy", "ij"]))
    )


class Module(torch.nn.Module):
    """A SIREN as people write it, with the conventions of a spec."""

    def __init__(self, spec: FieldSpec) -> None:
        super().__init__()
        self.spec = spec
        self.layers = torch.nn.ModuleList(torch.nn.Linear(i, o) for i, o in pairwise(spec.dims))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer, omega in zip(self.layers, self.spec.omega, strict=False):
            x = torch.sin(omega * layer(x))
        return self.spec.output_scale * self.layers[-1](x) + self.spec.output_offset


def random_weights(spec: FieldSpec, *shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (*shape, spec.parameters)).astype(np.float32)


# ---- values


@given(specs(), st.integers(1, 6))
def test_values_are_those_of_a_torch_module(spec: FieldSpec, points: int) -> None:
    """The flat vector is the module's parameters, in order; nothing is transposed or scaled on the way."""
    weights = random_weights(spec).astype(np.float64)
    module = Module(spec).double()
    torch.nn.utils.vector_to_parameters(torch.tensor(weights), module.parameters())
    coords = np.random.default_rng(1).uniform(-1, 1, (points, spec.in_dim))
    expected = module(torch.tensor(coords)).detach().numpy()
    # Rounding grows by omega and the weights in every layer; what is in a wrong place is off by tenths.
    np.testing.assert_allclose(evaluate(spec, weights, coords), expected, rtol=0, atol=1e-6)


def test_state_dict_order_is_the_flat_order() -> None:
    module = Module(MNIST)
    flat = torch.cat([value.flatten() for value in module.state_dict().values()]).numpy()
    for (weight, bias), layer in zip(split(MNIST, flat), module.layers, strict=True):
        np.testing.assert_array_equal(weight, layer.weight.detach())
        np.testing.assert_array_equal(bias, layer.bias.detach())


@given(specs(), st.lists(st.integers(1, 3), max_size=2))
def test_batches_are_fields_one_by_one(spec: FieldSpec, lead: list[int]) -> None:
    weights, coords = random_weights(spec, *lead), np.linspace(-1, 1, 4 * spec.in_dim).reshape(4, -1)
    values = evaluate(spec, weights, coords)
    assert values.shape == (*lead, 4, spec.out_dim)
    for index in np.ndindex(*lead):
        np.testing.assert_allclose(
            values[index], evaluate(spec, weights[index], coords), rtol=1e-12, atol=1e-12
        )


def test_the_type_asked_for_is_the_type_computed_in() -> None:
    weights, coords = random_weights(MNIST, 2), image_grid(5, 4, "xy")
    exact, single = evaluate(MNIST, weights, coords), evaluate(MNIST, weights, coords, np.float32)
    assert (exact.dtype, single.dtype) == (np.float64, np.float32)
    assert 0 < np.abs(exact - single).max() < 1e-2


def test_evaluate_writes_to_nothing() -> None:
    weights, coords = random_weights(MNIST).astype(np.float64), image_grid(3, 3, "xy").astype(np.float64)
    weights.flags.writeable = coords.flags.writeable = False
    evaluate(MNIST, weights, coords)


@pytest.mark.parametrize("shape", [(4,), (4, 3), (2, 2, 2)])
def test_coordinates_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(SpecError, match=re.escape(f"coords: found shape {shape}, expected (points, 2)")):
        evaluate(MNIST, random_weights(MNIST), np.zeros(shape))


# ---- layout


@given(specs(), st.lists(st.integers(0, 3), max_size=2))
def test_join_undoes_split(spec: FieldSpec, lead: list[int]) -> None:
    weights = random_weights(spec, *lead)
    pairs = split(spec, weights)
    assert [pair[0].shape for pair in pairs] == [(*lead, o, i) for i, o in pairwise(spec.dims)]
    assert [pair[1].shape for pair in pairs] == [(*lead, o) for o in spec.dims[1:]]
    np.testing.assert_array_equal(join(spec, pairs), weights)


def test_split_copies_nothing() -> None:
    weights = random_weights(MNIST, 3)
    for weight, bias in split(MNIST, weights):
        assert np.shares_memory(weight, weights)
        assert np.shares_memory(bias, weights)


@given(specs())
def test_layers_tile_the_flat_vector(spec: FieldSpec) -> None:
    bounds = [part for layer in spec.layers for part in (layer.weight, layer.bias)]
    assert bounds[0].start == 0
    assert all(left.stop == right.start for left, right in pairwise(bounds))
    assert bounds[-1].stop == spec.parameters == sum(p.numel() for p in Module(spec).parameters())


def test_split_refuses_another_length() -> None:
    with pytest.raises(SpecError, match=r"weights: found shape \(3, 1184\), expected \(\.\.\., 1185\)"):
        split(MNIST, np.zeros((3, 1184)))


def test_join_refuses_other_layers() -> None:
    pairs = split(MNIST, random_weights(MNIST))
    with pytest.raises(SpecError, match="layers: found 2, expected 3"):
        join(MNIST, pairs[:2])
    with pytest.raises(
        SpecError, match=r"layer 1: found shapes \(\(1, 32\), \(1,\)\), expected \(32, 32\) and its bias"
    ):
        join(MNIST, [pairs[0], pairs[2], pairs[2]])


# ---- rendering


@pytest.mark.parametrize("order", ["xy", "ij"])
def test_render_puts_each_pixel_where_its_coordinates_are(order: Any) -> None:
    """A field that reads off x alone: columns differ, rows do not, on a grid that is not square."""
    spec = FieldSpec([2, 1, 1], omega=1.0, axis_order=order)
    weight = [1.0, 0.0] if order == "xy" else [0.0, 1.0]
    image = Field(spec, np.array([*weight, 0, 1, 0], np.float32)).render((3, 5))
    assert image.shape == (3, 5)
    assert image.dtype == np.float64
    np.testing.assert_allclose(image, np.tile(np.sin(np.linspace(-1, 1, 5)), (3, 1)), rtol=1e-7)


def test_render_keeps_channels_last() -> None:
    spec = FieldSpec([2, 8, 3])
    field = Field(spec, random_weights(spec))
    np.testing.assert_array_equal(field.render((4, 6)).reshape(24, 3), field(image_grid(4, 6, "xy")))


def test_only_planes_are_rendered() -> None:
    spec = FieldSpec([3, 4, 1])
    with pytest.raises(
        SpecError, match=r"takes 3 coordinates, expected 2 .*: field\(points\), points of shape \(n, 3\)"
    ):
        Field(spec, random_weights(spec)).render((4, 4))


# ---- the specification


@given(specs())
def test_json_round_trip(spec: FieldSpec) -> None:
    assert FieldSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_specs_that_mean_the_same_are_equal() -> None:
    one, other = FieldSpec((2, 8, 8, 1), 30), FieldSpec([2, 8, 8, 1], [30.0, 30.0])
    assert one == other
    assert hash(one) == hash(other)
    assert one != FieldSpec([2, 8, 8, 1], [30.0, 29.0])


def test_specs_are_frozen() -> None:
    with pytest.raises(AttributeError):
        MNIST.output_offset = 0.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: FieldSpec([2, 1]),
            r"dims: found \[2, 1\], expected \[in, hidden..., out\] with a hidden layer",
        ),
        (lambda: FieldSpec([2, 0, 1]), r"dims: found 0 in \[2, 0, 1\], expected integers from 1 to 65536"),
        (lambda: FieldSpec([2, 65537, 1]), r"dims: found 65537 in"),
        (lambda: FieldSpec([2, True, 1]), r"dims: found True in"),
        (lambda: FieldSpec([2, 8.0, 1]), r"dims: found 8.0 in"),  # type: ignore[list-item]
        (lambda: FieldSpec([2, 65536, 65536, 1]), r"has \d+ parameters, at most 268435456"),
        (lambda: FieldSpec([2, 8, 8, 1], [30.0]), "omega: found 1 values, expected one or 2"),
        (lambda: FieldSpec([2, 8, 1], 0.0), "omega: found 0.0, expected a positive number"),
        (lambda: FieldSpec([2, 8, 1], float("nan")), "omega: found nan, expected a positive number"),
        (
            lambda: FieldSpec([2, 8, 1], float("inf")),
            "omega, output_offset, output_scale: expected finite numbers",
        ),
        (lambda: FieldSpec([2, 8, 1], output_offset=float("inf")), "expected finite numbers"),
        (lambda: FieldSpec([2, 8, 1], output_scale=1e39), r"expected finite numbers up to 3\.40282e\+38"),
        (lambda: FieldSpec([2, 8, 1], omega=1e300), r"expected finite numbers up to 3\.40282e\+38"),
        (
            lambda: FieldSpec([2, 8, 1], output_scale=-1.0),
            "output_scale: found -1.0, expected a positive number",
        ),
        (lambda: FieldSpec([2, 8, 1], axis_order="yx"), "axis_order: found 'yx', expected 'xy' or 'ij'"),  # type: ignore[arg-type]
    ],
)
def test_impossible_specs_are_refused(make: Callable[[], FieldSpec], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        make()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"activation": "relu"}, "found activation 'relu', expected 'sine'"),
        ({"dims": (2, 32, 32, 1)}, "dims is not a list"),
        ({"dims": [2, 32, 32, True]}, "found True in"),
        ({"dims": [2, 32, 1]}, "omega: found 2 values, expected one or 1"),
        ({"dims": [2, 32, 31, 1]}, "the parameter table does not follow from dims"),
        ({"omega": 30.0}, "omega is not a list"),
        ({"omega": [30.0, "30"]}, "found '30', expected a number"),
        ({"output_scale": True}, "found True, expected a number"),
        ({"output_offset": None}, "found None, expected a number"),
        ({"output_offset": 10**400}, "found 1000+, expected a finite number"),
        ({"axis_order": "yx"}, "axis_order: found 'yx'"),
        ({"parameters": []}, "the parameter table does not follow from dims"),
        ({"more": 1}, "expected an object with the keys"),
    ],
)
def test_json_is_read_strictly(change: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        FieldSpec.from_json({**MNIST.to_json(), **change})


@pytest.mark.parametrize("key", MNIST.to_json())
def test_json_needs_every_key(key: str) -> None:
    value = MNIST.to_json()
    del value[key]
    with pytest.raises(SpecError, match=rf"expected an object with the keys .*'{key}'"):
        FieldSpec.from_json(value)


@pytest.mark.parametrize("value", [None, [], "sine", 3])
def test_json_that_is_no_object_is_refused(value: object) -> None:
    with pytest.raises(SpecError, match="expected an object"):
        FieldSpec.from_json(value)


@pytest.mark.parametrize("shape", [28, (28, 28, 1), (2.5, 3), "ab", None])
def test_render_names_an_impossible_shape(shape: Any) -> None:
    field = Field(FieldSpec([2, 3, 1]), np.zeros(13, np.float32))
    with pytest.raises(
        SpecError, match=rf"render: found shape {re.escape(repr(shape))}, expected \(height, width\)"
    ):
        field.render(shape)


@pytest.mark.parametrize("weight", [3e38, np.inf, np.nan])
def test_what_overflows_is_not_finite_and_no_warning(weight: float) -> None:
    spec = FieldSpec([2, 3, 1])
    values = evaluate(spec, np.full((1, spec.parameters), weight, np.float32), [[1.0, 1.0]], np.float32)
    assert not np.isfinite(values).any()
