"""What callers hand over: NumPy's numbers are numbers, text is none, and fields are told apart."""

import re
from typing import Any

import numpy as np
import pytest
import torch

from neuralviews.errors import SpecError
from neuralviews.field import Field, FieldSpec
from neuralviews.integers import whole_number

HUGE = pytest.param(10**400, id="huge")


@pytest.mark.parametrize(
    ("dims", "omega"),
    [
        (np.array([2, 8, 8, 1]), np.float32(30)),
        ((np.int64(2), np.uint8(8), 8, np.int16(1)), np.array([30, 30])),
        ([2, 8, 8, 1], [np.float64(30), np.int64(30)]),
        ([2, 8, 8, 1], np.int64(30)),
        ([2, 8, 8, 1], np.array(30.0)),
        ([2, 8, 8, 1], torch.tensor(30.0)),
    ],
)
def test_numbers_of_numpy_make_the_same_spec(dims: Any, omega: Any) -> None:
    spec = FieldSpec(dims, omega, np.float32(0.5), np.int64(1))  # type: ignore[arg-type]
    assert spec == FieldSpec([2, 8, 8, 1], 30.0, 0.5)
    assert {type(width) for width in spec.dims} == {int}
    assert {type(value) for value in (*spec.omega, spec.output_offset, spec.output_scale)} == {float}


@pytest.mark.parametrize("omega", ["35", b"35", ["30", "30"], None, [30.0, None], [[30.0], 30.0], HUGE])
def test_an_omega_that_is_no_number_is_refused(omega: Any) -> None:
    with pytest.raises(SpecError, match=r"omega: found .*, expected a number"):
        FieldSpec([2, 8, 8, 1], omega)


@pytest.mark.parametrize("name", ["output_offset", "output_scale"])
@pytest.mark.parametrize("value", ["1", None, HUGE])
def test_other_conventions_are_numbers_too(name: str, value: Any) -> None:
    with pytest.raises(SpecError, match=rf"{name}: found .*, expected a number"):
        FieldSpec([2, 8, 1], **{name: value})


def test_a_table_that_cannot_follow_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """A manifest of a megabyte would otherwise ask for one of hundreds."""
    value = FieldSpec([1] * 1000).to_json() | {"parameters": []}

    def refuse(self: FieldSpec) -> None:
        raise AssertionError("the table was made")

    monkeypatch.setattr(FieldSpec, "to_json", refuse)
    with pytest.raises(SpecError, match="the parameter table does not follow from dims"):
        FieldSpec.from_json(value)


def test_fields_are_told_apart_by_what_they_are() -> None:
    first, second = (Field(FieldSpec([2, 3, 1]), np.zeros(13, np.float32)) for _ in range(2))
    assert first == first
    assert first != second
    assert first in [second, first]
    assert len({first, second, first}) == 2


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (-1, 3), (True, 3)])
def test_render_needs_pixels(shape: Any) -> None:
    field = Field(FieldSpec([2, 3, 1]), np.zeros(13, np.float32))
    expected = f"render: found shape {shape}, expected (height, width), each 1 or more"
    with pytest.raises(SpecError, match=f"^{re.escape(expected)}$"):
        field.render(shape)
    assert field.render((np.int64(2), np.uint8(3))).shape == (2, 3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "number"),
    [
        *((3, 3), (-(10**30), -(10**30)), (np.int64(-3), -3), (np.uint8(7), 7), (np.array(4), 4)),
        *((True, None), (np.True_, None), (2.0, None), (np.float64(2), None), ("2", None), (None, None)),
        *(([2], None), (np.array([2, 3]), None), (np.array(2.0), None)),
    ],
)
def test_whole_numbers(value: Any, number: int | None) -> None:
    assert whole_number(value) == number
    assert type(whole_number(value)) is type(number)
