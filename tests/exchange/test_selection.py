"""Records by number and slice: what Python's own slices choose, and no guesses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.errors import OptionError
from neuralviews.exchange.selection import select

bounds = st.none() | st.integers(-30, 30)


@given(st.integers(1, 20), bounds, bounds, st.none() | st.integers(-4, 4).filter(bool))
def test_slices_are_those_of_python(
    count: int, start: int | None, stop: int | None, step: int | None
) -> None:
    text = ":".join("" if part is None else str(part) for part in (start, stop, step))
    expected = list(range(count))[start:stop:step]
    if expected:
        found = select(text, count)
        assert found.dtype == np.int64
        assert found.tolist() == expected
    else:
        with pytest.raises(OptionError, match="is none of the"):
            select(text, count)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", [7]),
        ("-1", [9]),
        ("0:3", [0, 1, 2]),
        ("-3:", [7, 8, 9]),
        (":", list(range(10))),
        ("::4", [0, 4, 8]),
        ("::-4", [9, 5, 1]),
        ("8:100", [8, 9]),
        ("5, 1:4 ,2,-5", [5, 1, 2, 3]),
    ],
)
def test_examples(text: str, expected: list[int]) -> None:
    assert select(text, 10).tolist() == expected


EXPECTED = "expected numbers and slices such as 7, 0:5, 0:100:10 or -3:, separated by commas"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", f"records: found '', {EXPECTED}"),
        ("1,", f"records: found '', {EXPECTED}"),
        ("all", f"records: found 'all', {EXPECTED}"),
        ("1.5", f"records: found '1.5', {EXPECTED}"),
        ("0-5", f"records: found '0-5', {EXPECTED}"),
        ("1:2:3:4", f"records: found '1:2:3:4', {EXPECTED}"),
        ("٣", f"records: found '٣', {EXPECTED}"),
        ("10", "records: found 10, expected a record from 0 to 9"),
        ("-11", "records: found -11, expected a record from 0 to 9"),
        ("0:5:0", "records: found '0:5:0', expected a step other than 0"),
        ("5:5", "records: '5:5' is none of the 10 records, expected some"),
        ("20:30", "records: '20:30' is none of the 10 records, expected some"),
    ],
)
def test_anything_else_is_refused(text: str, message: str) -> None:
    with pytest.raises(OptionError) as error:
        select(text, 10)
    assert str(error.value) == message


def test_a_number_that_python_does_not_read_is_refused() -> None:
    with pytest.raises(OptionError) as error:
        select("9" * 5000, 10)
    assert str(error.value).startswith("records: found '999")
    assert str(error.value).endswith(f"999', {EXPECTED}")
