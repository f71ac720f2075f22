"""Elementary functions that give the same float64 on every machine.

libm and NumPy choose their code by CPU, and their last bits differ; numbers that reach a shard may not.
Only +, -, *, / and exact scaling by powers of two are used here, each rounded once by IEEE 754.
Relative error is below 1e-12; arguments are host-side scalars, so speed is no concern.
"""

import math

__all__ = ["cospi", "exp10", "log10"]

_LN2 = float.fromhex("0x1.62e42fefa39efp-1")
_LN10 = float.fromhex("0x1.26bb1bbb55516p+1")
_PI = float.fromhex("0x1.921fb54442d18p+1")


def log10(x: float) -> float:
    """log10 of a positive finite number, by the series of atanh."""
    if not 0 < x < math.inf:
        raise ValueError(f"log10: found {x!r}, expected a positive finite number")
    mantissa, exponent = math.frexp(x)
    if mantissa < 0.7071067811865476:
        mantissa, exponent = 2 * mantissa, exponent - 1
    t = (mantissa - 1) / (mantissa + 1)
    square, total = t * t, 0.0
    for k in range(41, 0, -2):
        total = total * square + 1 / k
    return (2 * t * total + exponent * _LN2) / _LN10


def exp10(x: float) -> float:
    """10**x for |x| <= 300, by Taylor's series of exp after taking out powers of two."""
    if not abs(x) <= 300:
        raise ValueError(f"exp10: found {x!r}, expected a number from -300 to 300")
    scaled = x * _LN10
    exponent = math.floor(scaled / _LN2 + 0.5)
    rest, total = scaled - exponent * _LN2, 1.0
    for k in range(24, 0, -1):
        total = total * rest / k + 1.0
    return math.ldexp(total, exponent)


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


def _alternating(angle: float, odd: int) -> float:
    """Taylor's series of cos (odd = 0) or of sin(angle)/angle (odd = 1), by Horner, |angle| <= pi/4."""
    total = 1.0
    for k in range(13, 0, -1):
        n = 2 * k + odd
        total = 1.0 - total * angle * angle / (n * (n - 1))
    return total
