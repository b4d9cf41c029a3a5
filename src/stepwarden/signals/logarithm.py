"""The natural logarithm in thousandths, the same on every machine.

``math.log`` is the platform's own and may differ in its last bits from one machine to the next; a decision must not.
Here are only ``+ - * /`` of IEEE 754 doubles, which are exact to the rule everywhere, and ``frexp``, which splits a
double and rounds nothing.

>>> [thousandths(ratio) for ratio in (1.0, 2.718281828459045, 0.25, 1_000_000.0)]
[0, 1000, -1386, 13816]
"""

from math import frexp
from typing import Final

LN2: Final = 0.6931471805599453
_STEPS: Final = 2_048
_TWICE: Final = 2.0 * _STEPS


def _ln(m: float) -> float:
    """``ln m`` for 0.5 <= m <= 1, within 1e-10: 2 artanh(z) with z = (m - 1) / (m + 1), by its series (Abramowitz and
    Stegun 4.1.27); z is above -1/3."""
    z = (m - 1.0) / (m + 1.0)
    power, found = z, 0.0
    for n in range(1, 20, 2):
        found += power / n
        power *= z * z
    return 2.0 * found


_TABLE: Final = tuple(1_000.0 * _ln((_STEPS + step + 0.5) / _TWICE) for step in range(_STEPS))
"""By step of the mantissa, that in its middle: off by at most a quarter of a thousandth."""
_DOUBLED: Final = 1_000.0 * LN2


def thousandths(ratio: float) -> int:
    """``ln(ratio)`` in thousandths of a nat, for a finite ``ratio`` above 0; off by less than one."""
    m, e = frexp(ratio)
    return round(_TABLE[int(m * _TWICE) - _STEPS] + e * _DOUBLED)
