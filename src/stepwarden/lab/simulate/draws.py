"""Chance that can be looked up: each number is a hash of what it is for, so nothing has to be drawn in order.

``mix`` takes a key apart into as many keys as there are values (the finaliser of SplitMix64: Steele, Lea and Flood,
OOPSLA 2014). The key of a person is ``mix(seed, index)``, that of their day ``mix(person, day)``, and so on. Whoever
knows what for can ask for any number of any day, and nobody's numbers depend on how many others there are.

>>> mix(1, 2) == mix(1, 2) != mix(2, 1)
True
>>> [below(mix(7, value), 6) for value in range(8)] == [int(one) for one in _dice(7, 8)]
True

Only integers and ``+ - * /`` of doubles: every machine gets the same. ``exp`` and ``normal`` are made from these, since
those of the C library differ in the last bit from one to the next.

Not here: secrets. These numbers are guessable by anybody who knows the seed, as they are meant to be.
"""

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate
from math import floor, ldexp
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Keys = NDArray[np.uint64]
MASK = (1 << 64) - 1
_GOLDEN, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_LN2 = 0.6931471805599453
_TERMS = 18


def mix(key: int, value: int) -> int:
    """The key for ``value`` under ``key``; 64 bits. ``value`` may be any integer."""
    bits = (key + (value + 1) * _GOLDEN) & MASK
    bits = (bits ^ bits >> 30) * _FIRST & MASK
    bits = (bits ^ bits >> 27) * _SECOND & MASK
    return bits ^ bits >> 31


def mixed(keys: Keys, values: Keys | int) -> Keys:
    """``mix`` of many at once. An integer may be negative; numbers in an array wrap around."""
    if isinstance(values, int):
        step = np.full(1, (values + 1) * _GOLDEN & MASK, dtype=np.uint64)
    else:
        step = (values + np.uint64(1)) * np.uint64(_GOLDEN)
    bits = keys + step
    bits = (bits ^ bits >> np.uint64(30)) * np.uint64(_FIRST)
    bits = (bits ^ bits >> np.uint64(27)) * np.uint64(_SECOND)
    return bits ^ bits >> np.uint64(31)


def below(key: int, count: int) -> int:
    """One of ``count`` numbers from 0 on, all as likely."""
    return key * count >> 64


def chosen(key: int, cumulative: tuple[int, ...]) -> int:
    """The position drawn by weights, given as their running sums.

    >>> chosen(0, (3, 10)), chosen(MASK, (3, 10))
    (0, 1)
    """
    return bisect_right(cumulative, below(key, cumulative[-1]))


def running(weights: Iterable[int]) -> tuple[int, ...]:
    """The running sums of weights."""
    return tuple(accumulate(weights))


def spread(weighted: Iterable[tuple[T, int]], parts: int = 1_024) -> tuple[T, ...]:
    """For each of so many equal parts of chance what it stands for: as many of each as its weight says.

    >>> spread((("often", 3), ("never", 0), ("rarely", 1)), parts=4)
    ('often', 'often', 'often', 'rarely')
    """
    values, weights = zip(*weighted, strict=True)
    sums = running(weights)
    return tuple(values[bisect_right(sums, part * sums[-1] // parts)] for part in range(parts))


def normal(key: int) -> float:
    """A number from the normal distribution, as the sum of twelve even ones: exact to three deviations or so."""
    total = 0
    for value in range(3):
        bits = mix(key, value)
        total += (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48)
    return (total - 393_210) / 65_536


def exp(power: float) -> float:
    """The exponential function for -700..700, by its series around the next power of two; the same everywhere."""
    twos = floor(power / _LN2 + 0.5)
    rest = power - twos * _LN2
    value = 1.0
    for term in range(_TERMS, 0, -1):
        value = 1.0 + value * rest / term
    return ldexp(value, twos)


def _dice(key: int, count: int) -> list[int]:
    keys = mixed(np.full(count, key, dtype=np.uint64), np.arange(count, dtype=np.uint64))
    return [below(int(one), 6) for one in keys]
