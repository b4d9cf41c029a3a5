"""What generated code may call: CEL's integer arithmetic and its error-absorbing logic.

An error of CEL is ``CelError`` here; it never leaves ``policy``. The generated code lets every other
exception (a signal that is missing, or of the wrong type) count as an error of the rule just the same.
"""

from collections.abc import Callable

INT_MIN, INT_MAX = -(2**63), 2**63 - 1


class CelError(ArithmeticError):
    """An expression has no value: overflow, or division by zero."""


def _int(value: int) -> int:
    if not INT_MIN <= value <= INT_MAX:
        raise CelError("integer overflow")
    return value


def add(left: int, right: int) -> int:
    return _int(left + right)


def sub(left: int, right: int) -> int:
    return _int(left - right)


def mul(left: int, right: int) -> int:
    return _int(left * right)


def neg(value: int) -> int:
    return _int(-value)


def div(left: int, right: int) -> int:
    """Division that drops the fraction: -7 / 2 is -3."""
    if right == 0:
        raise CelError("divide by zero")
    quotient = abs(left) // abs(right)
    return _int(quotient if (left < 0) == (right < 0) else -quotient)


def mod(left: int, right: int) -> int:
    """What ``div`` leaves over, with the sign of ``left``: -7 % 3 is -1."""
    if right == 0:
        raise CelError("modulus by zero")
    if (left, right) == (INT_MIN, -1):
        raise CelError("integer overflow")
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


def every(*terms: Callable[[], bool]) -> bool:
    """``&&``: false if any term is false, else the error of a term, else true."""
    return not _settle(terms, False)


def some(*terms: Callable[[], bool]) -> bool:
    """``||``: true if any term is true, else the error of a term, else false."""
    return _settle(terms, True)


def _settle(terms: tuple[Callable[[], bool], ...], decides: bool) -> bool:
    error: Exception | None = None
    for term in terms:
        try:
            if term() is decides:
                return True
        except Exception as exc:  # noqa: BLE001 - whatever a term raises is its error, kept until none decides
            error = exc
    if error is not None:
        raise error
    return False
