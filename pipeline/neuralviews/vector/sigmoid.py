"""The constants of the sigmoid, which the NumPy oracle and the vector code share."""

__all__ = ["EXP", "LN2", "LOG2_E", "MOST", "ONE"]

MOST = 87.0  # exp(-MOST) and exp(MOST) are neither subnormal nor infinite
LOG2_E = float.fromhex("0x1.715476p+0")
LN2 = (float.fromhex("0x1.62e43p-1"), float.fromhex("-0x1.05c61p-29"))  # their sum has 49 bits of ln(2)
# Polynomial for exp(r), |r| <= ln(2)/2. Literals, as refitting them would change bits.
EXP = (
    1.0,
    1.0,
    *map(float.fromhex, ("0x1p-1", "0x1.5554dcp-3", "0x1.55551ap-5", "0x1.120b6ep-7", "0x1.6d110ap-10")),
)
ONE = 0x3F800000  # the bits of 1: an integer n, shifted by 23 and added to them, makes 2**n
