"""Elementary functions that give the same float64 on every machine.

libm and NumPy choose their code by CPU, and their last bits differ; numbers that reach a shard may not.
Only +, -, *, / and exact scaling by powers of two are used here, each rounded once by IEEE 754.
Relative error is below 1e-12. `log10`, `exp10` and `cospi` take a number, the others an array.
"""

import math
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["LN10", "cospi", "exp", "exp10", "log", "log10", "sincos"]

Floats = NDArray[np.float64]
Real = TypeVar("Real", float, Floats)

_LN2 = float.fromhex("0x1.62e42fefa39efp-1")
LN10 = float.fromhex("0x1.26bb1bbb55516p+1")
"""ln(10)"""
_PI = float.fromhex("0x1.921fb54442d18p+1")


def log10(x: float) -> float:
    """log10 of a positive finite number."""
    if not 0 < x < math.inf:
        raise ValueError(f"log10: found {x!r}, expected a positive finite number")
    mantissa, exponent = math.frexp(x)
    if mantissa < 0.7071067811865476:
        mantissa, exponent = 2 * mantissa, exponent - 1
    return _log_series(mantissa, float(exponent)) / LN10


def log(x: Floats) -> Floats:
    """Natural logarithms of positive finite numbers."""
    if not ((x > 0) & (x < math.inf)).all():
        raise ValueError("log: expected positive finite numbers")
    mantissa, exponent = np.frexp(x)
    low = mantissa < 0.7071067811865476
    return _log_series(np.where(low, 2 * mantissa, mantissa), exponent - low.astype(np.float64))


def _log_series(mantissa: Real, exponent: Real) -> Real:
    """ln(mantissa 2^exponent) for a mantissa from sqrt(1/2) to sqrt(2), by the series of atanh."""
    t = (mantissa - 1) / (mantissa + 1)
    square = t * t
    total = 0 * square
    for k in range(41, 0, -2):
        total = total * square + 1 / k
    return 2 * t * total + exponent * _LN2


def exp10(x: float) -> float:
    """10**x for |x| <= 300."""
    if not abs(x) <= 300:
        raise ValueError(f"exp10: found {x!r}, expected a number from -300 to 300")
    scaled = x * LN10
    exponent = math.floor(scaled / _LN2 + 0.5)
    return math.ldexp(_exp_series(scaled - exponent * _LN2), exponent)


def exp(x: Floats) -> Floats:
    """e**x for x from -745 to 709, where it is neither 0 nor infinite."""
    if not (abs(x + 18) <= 727).all():
        raise ValueError("exp: expected numbers from -745 to 709")
    exponent = np.floor(x / _LN2 + 0.5)
    return np.ldexp(_exp_series(x - exponent * _LN2), exponent.astype(np.int32))


def _exp_series(x: Real) -> Real:
    """e**x for |x| <= ln(2)/2, by Taylor."""
    total = 1.0 + 0 * x
    for k in range(24, 0, -1):
        total = total * x / k + 1.0
    return total


def cospi(x: float) -> float:
    """cos(pi x) for x in [0, 1]; exact at 0, 1/2 and 1."""
    if not 0 <= x <= 1:
        raise ValueError(f"cospi: found {x!r}, expected a number from 0 to 1")
    if x > 0.5:
        return -cospi(1 - x)
    if x <= 0.25:
        return _alternating(_PI * x, 0)
    angle = _PI * (0.5 - x)  # cos(pi x) = sin(pi/2 - pi x), whose series is short here
    return angle * _alternating(angle, 1)


def sincos(angle: Floats) -> tuple[Floats, Floats]:
    """Sines and cosines of angles in radians, from -pi/4 to pi/4."""
    if not (abs(angle) <= 0.25 * _PI).all():
        raise ValueError("sincos: expected angles from -pi/4 to pi/4")
    return angle * _alternating(angle, 1), _alternating(angle, 0)


def _alternating(angle: Real, odd: int) -> Real:
    """Taylor's series of cos (odd = 0) or of sin(angle)/angle (odd = 1), by Horner, |angle| <= pi/4."""
    total = 1.0 + 0 * angle
    for k in range(13, 0, -1):
        n = 2 * k + odd
        total = 1.0 - total * angle * angle / (n * (n - 1))
    return total
