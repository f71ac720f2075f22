"""Who says how fields are rendered, and what cannot be."""

import pytest

from neuralviews.errors import OptionError, SpecError
from neuralviews.exchange.convention import CONVENTIONS, Convention
from neuralviews.field import FieldSpec

DIMS = (2, 8, 8, 3)
BASE = Convention(30.0, output_offset=0.5)


def test_a_spec_has_all_of_it() -> None:
    found = Convention((30.0, 20.0), "ij", 0.25, 2.0, (-1.0, 1.0)).spec(DIMS)
    assert found == FieldSpec(DIMS, (30.0, 20.0), 0.25, 2.0, "ij")


def test_the_format_says_what_nobody_else_does() -> None:
    assert BASE.stated() == dict.fromkeys(CONVENTIONS, "format")
    found = BASE.said("files", omega=20.0, axis_order="ij").said("given", omega=10.0, output_scale=None)
    assert (found.omega, found.axis_order, found.output_scale) == (10.0, "ij", 1.0)
    assert found.stated() == {
        "omega": "given",
        "axis_order": "files",
        **dict.fromkeys(("output_offset", "output_scale", "target_range"), "format"),
    }
    assert BASE.origin == {}  # an instance is never changed


def test_a_range_stands_for_itself() -> None:
    normalised = Convention(30.0, mean=(0.5,) * 3, std=(0.25,) * 3)
    assert normalised.said("given", omega=10.0).mean == (0.5,) * 3
    found = normalised.said("given", target_range=(-1.0, 1.0))
    assert (found.mean, found.std, found.target_range) == (None, None, (-1.0, 1.0))


@pytest.mark.parametrize("name", ["omega", "target_range"])
def test_what_is_open_is_asked_for(name: str) -> None:
    values = {"omega": 30.0, "target_range": (0.0, 1.0), name: None}
    message = f"^{name}: neither the format nor the files say it; give --{name.replace('_', '-')}$"
    with pytest.raises(OptionError, match=message):
        Convention(**values).spec(DIMS)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("convention", "message"),
    [
        (Convention(30.0, target_range=(1.0, 0.0)), "^target_range: found 1 to 0, expected low below high"),
        (Convention(30.0, target_range=(0.0, float("inf"))), "^target_range: found 0 to inf, expected"),
        (Convention(30.0, target_range=(float("nan"), 1.0)), "^target_range: found nan to 1, expected"),
        (Convention(30.0, mean=(0.5,), std=(0.5,)), r"^mean, std: found \[0\.5\] and .*, expected 3 numbers"),
        (
            Convention(30.0, mean=(0.5,) * 3),
            r"^mean, std: found .* and \[\], expected 3 numbers each, one a ch",
        ),
        (Convention(30.0, mean=(0.5,) * 3, std=(0.0,) * 3), r"^mean, std: found"),
        (Convention(30.0, mean=(float("nan"),) * 3, std=(1.0,) * 3), r"^mean, std: found"),
        (Convention(0.0), "^omega: found 0.0, expected a positive number"),
        (Convention((30.0,)), "^omega: found 1 values, expected one or 2"),
    ],
)
def test_what_cannot_be_is_refused(convention: Convention, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        convention.spec(DIMS)
