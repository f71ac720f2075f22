"""The constants of sincospi, which the NumPy oracle and the vector code share."""

__all__ = ["COS_PI", "ROUND_TO_INTEGER", "SIN_PI"]

ROUND_TO_INTEGER = 12582912.0  # 1.5 * 2**23: adding it leaves the integer nearest t in the low bits
# Polynomials in r*r for sin(pi r)/r and cos(pi r), |r| <= 1/2. Literals, as refitting them would change bits.
SIN_PI = tuple(
    map(
        float.fromhex, ("0x1.921fb4p+1", "-0x1.4abbb6p+2", "0x1.46676ep+1", "-0x1.3232fap-1", "0x1.3c4b2cp-4")
    )
)
COS_PI = tuple(
    map(
        float.fromhex, ("0x1.fffffep-1", "-0x1.3bd3a6p+2", "0x1.03bd06p+2", "-0x1.54f61ap+0", "0x1.c1f064p-3")
    )
)
