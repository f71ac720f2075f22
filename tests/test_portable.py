"""Portable elementary functions, against the standard library and against exact values."""

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from neuralviews.portable import cospi, exp, exp10, log, log10, sincos

POSITIVE = st.floats(min_value=5e-324, max_value=1.7e308, exclude_min=False)


@given(POSITIVE)
@example(5e-324)
@example(1.7e308)
@example(math.nextafter(1, 2))
@example(math.sqrt(0.5))
def test_log10(x: float) -> None:
    assert math.isclose(log10(x), math.log10(x), rel_tol=1e-12, abs_tol=1e-15)


@pytest.mark.parametrize("power", range(-300, 301, 25))
def test_log10_of_powers_of_ten(power: int) -> None:
    assert math.isclose(log10(float(f"1e{power}")), power, rel_tol=1e-15, abs_tol=0)


@given(st.floats(-300, 300))
@example(300.0)
@example(-300.0)
def test_exp10(x: float) -> None:
    assert math.isclose(exp10(x), math.pow(10, x), rel_tol=1e-12)


@given(st.floats(-200, 200))
def test_log10_undoes_exp10(x: float) -> None:
    assert math.isclose(log10(exp10(x)), x, rel_tol=1e-12, abs_tol=1e-12)


@given(st.floats(0, 1))
def test_cospi(x: float) -> None:
    assert math.isclose(cospi(x), math.cos(math.pi * x), rel_tol=1e-12, abs_tol=2e-16)


@pytest.mark.parametrize(("x", "value"), [(0, 1), (0.5, 0), (1, -1)])
def test_cospi_is_exact_where_the_cosine_is(x: float, value: float) -> None:
    assert cospi(x) == value


@given(st.floats(0, 1).map(lambda x: float(Fraction(x).limit_denominator(1 << 20))))
def test_cospi_is_odd_about_one_half(x: float) -> None:
    assert math.isclose(cospi(x), -cospi(1 - x), abs_tol=4e-16)


@given(st.integers(1, 4000), st.data())
def test_cosine_schedules_never_rise(steps: int, data: st.DataObject) -> None:
    step = data.draw(st.integers(0, steps - 1))
    assert cospi((step + 1) / steps) <= cospi(step / steps)


@given(st.lists(POSITIVE, min_size=1))
@example([5e-324, 1.0, 1.7e308])
def test_log_of_arrays(x: list[float]) -> None:
    found = log(np.array(x)).tolist()
    assert found == pytest.approx([math.log(value) for value in x], rel=1e-12, abs=1e-15)


@given(st.lists(st.floats(-745, 709), min_size=1))
@example([-745.0, -0.0, 709.0])
def test_exp_of_arrays(x: list[float]) -> None:
    assert exp(np.array(x)).tolist() == pytest.approx([math.exp(value) for value in x], rel=1e-12, abs=5e-324)


@given(st.lists(st.floats(-math.pi / 4, math.pi / 4), min_size=1))
def test_sincos_of_arrays(x: list[float]) -> None:
    sine, cosine = sincos(np.array(x))
    assert sine.tolist() == pytest.approx([math.sin(value) for value in x], rel=1e-12, abs=0)
    assert cosine.tolist() == pytest.approx([math.cos(value) for value in x], rel=1e-12)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (log10(2.0), "0x1.34413509f79fep-2"),
        (log10(1e-5 / 3), "-0x1.5e8927964fd5fp+2"),
        (exp10(-4.5), "0x1.09456549be1b4p-15"),
        (exp10(0.123), "0x1.53d01f88d7444p+0"),
        (cospi(0.1), "0x1.e6f0e134454ffp-1"),
        (cospi(0.77), "-0x1.800e8ee0dc5dcp-1"),
        (log(np.array([3.0]))[0], "0x1.193ea7aad030ap+0"),
        (log(np.array([0.7]))[0], "-0x1.6d3c324e13f4fp-2"),
        (exp(np.array([-20.3]))[0], "0x1.a3b8dc86d1c94p-30"),
        (exp(np.array([0.7]))[0], "0x1.01c2a61268987p+1"),
        (sincos(np.array([-0.6]))[0][0], "-0x1.2118d17a54159p-1"),
        (sincos(np.array([-0.6]))[1][0], "0x1.a69263c485b15p-1"),
    ],
)
def test_bits_never_change(value: float, expected: str) -> None:
    assert value.hex() == expected


@pytest.mark.parametrize("x", [0.0, -1.0, math.inf, math.nan])
def test_log10_refuses(x: float) -> None:
    with pytest.raises(ValueError, match=r"log10: found .*, expected a positive finite number"):
        log10(x)


@pytest.mark.parametrize("x", [300.1, -301.0, math.inf, math.nan])
def test_exp10_refuses(x: float) -> None:
    with pytest.raises(ValueError, match=r"exp10: found .*, expected a number from -300 to 300"):
        exp10(x)


@pytest.mark.parametrize("x", [-0.1, 1.5, math.nan])
def test_cospi_refuses(x: float) -> None:
    with pytest.raises(ValueError, match=r"cospi: found .*, expected a number from 0 to 1"):
        cospi(x)


@pytest.mark.parametrize(
    ("function", "x", "message"),
    [
        (log, 0.0, "log: expected positive finite numbers"),
        (log, math.inf, "log: expected positive finite numbers"),
        (log, math.nan, "log: expected positive finite numbers"),
        (exp, -745.2, "exp: expected numbers from -745 to 709"),
        (exp, 709.5, "exp: expected numbers from -745 to 709"),
        (exp, math.nan, "exp: expected numbers from -745 to 709"),
        (sincos, 0.8, "sincos: expected angles from -pi/4 to pi/4"),
        (sincos, math.nan, "sincos: expected angles from -pi/4 to pi/4"),
    ],
)
def test_arrays_with_a_number_out_of_range_are_refused(
    function: Callable[[np.ndarray], object], x: float, message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        function(np.array([0.5, x]))
