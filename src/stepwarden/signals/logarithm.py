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
_ROOT: Final = 0.7071067811865476


def thousandths(ratio: float) -> int:
    """``ln(ratio)`` in thousandths of a nat, rounded, for a finite ``ratio`` above 0; off by at most one.

    ``ratio = m * 2**e`` with ``m`` in [0.707, 1.414), and ``ln m = 2 artanh(z)``, ``z = (m - 1) / (m + 1)``, by its
    series (Abramowitz and Stegun 4.1.27): with ``z`` below 0.172, what is left out is below 4e-8.
    """
    m, e = frexp(ratio)
    if m < _ROOT:
        m += m
        e -= 1
    z = (m - 1.0) / (m + 1.0)
    s = z * z
    found = 1000.0 * (e * LN2 + (z + z) * (1.0 + s * (1.0 / 3.0 + s * (0.2 + s * 0.14285714285714285))))
    return int(found + 0.5) if found >= 0.0 else -int(0.5 - found)
