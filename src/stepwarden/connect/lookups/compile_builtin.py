"""Makes the compact table from the data file of the ``geoip2fast`` package. Runs as a process of its own:

    python -m stepwarden.connect.lookups.compile_builtin geoip2fast-asn-ipv6.dat.gz networks.bin

The package's file is a gzipped pickle of Python lists and takes 120 MB when loaded, which is why whoever
needs the table starts this and waits, instead of loading it. A pickle can run code as it is read: this one
is as trusted as the code of the package that it was installed with, and no other file may be given here.

Two lists of networks stand in it, one with countries and one with the names of the networks' owners, each
sorted by first address. They become one list of rows at which either of them changes.
"""

import gzip
import pickle
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from stepwarden.connect.lookups.table import Contents, Row, value_of, write
from stepwarden.errors import LookupDataError

FORMATS = (120, 121)
_V4_END = 1 << 32
_V6_HALVES_END = 1 << 64
_SPECIAL_COUNTRIES = 16
"""The first countries of the list are reserved ranges, not countries."""

_MAX_NAME = 64
_UNKNOWN = 0


def changes(networks: Iterable[tuple[int, int, int]]) -> Iterator[Row]:
    """From (first, last, value), sorted, to the addresses at which the value becomes another one.

    >>> list(changes([(5, 9, 1), (10, 19, 1), (30, 39, 2)]))
    [(0, 0), (5, 1), (20, 0), (30, 2), (40, 0)]
    """
    yield 0, _UNKNOWN
    current, stop = _UNKNOWN, 0
    for first, last, value in networks:
        if first > stop and current != _UNKNOWN:
            yield stop, _UNKNOWN
            current = _UNKNOWN
        if value != current:
            yield first, value
            current = value
        stop = last + 1
    if current != _UNKNOWN:
        yield stop, _UNKNOWN


def merge(countries: Sequence[Row], names: Sequence[Row]) -> list[Row]:
    """One list of rows from two, both beginning at 0.

    >>> merge([(0, 0), (5, 1)], [(0, 0), (7, 2)]) == [(0, 0), (5, 1 << 20), (7, 1 << 20 | 2)]
    True
    """
    rows: list[Row] = []
    here = there = 0
    for start in sorted({start for start, _ in chain(countries, names)}):
        while here + 1 < len(countries) and countries[here + 1][0] <= start:
            here += 1
        while there + 1 < len(names) and names[there + 1][0] <= start:
            there += 1
        value = value_of(countries[here][1], names[there][1])
        if not rows or rows[-1][1] != value:
            rows.append((start, value))
    return rows


def upper_halves(rows: Sequence[Row]) -> list[Row]:
    """IPv6 rows by the upper 64 bits. Inside one /64, what holds at its beginning holds for all of it."""
    made: list[Row] = []
    for start, value in rows:
        half, rest = start >> 64, start & ((1 << 64) - 1)
        at = half + 1 if rest else half
        if made and made[-1][0] == at:
            made.pop()
        if not made or made[-1][1] != value:
            made.append((at, value))
    return made


def _networks(
    starts: Sequence[Sequence[int]],
    lengths: Sequence[Sequence[int]],
    values: Sequence[Sequence[int]],
) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]:
    v4: list[tuple[int, int, int]] = []
    v6: list[tuple[int, int, int]] = []
    for start, length, value in zip(
        chain.from_iterable(starts), chain.from_iterable(lengths), chain.from_iterable(values), strict=True
    ):
        if start < _V4_END:
            v4.append((start, start + (1 << (32 - length)) - 1, value))
        else:
            v6.append((start, start + (1 << (128 - length)) - 1, value))
    return v4, v6


def read(source: Path) -> Contents:
    """The contents of the package's data file.

    Raises:
        LookupDataError: it is missing, or in a format that this version does not know.
    """
    try:
        with gzip.open(source) as file:
            version, info, _, parts = pickle.load(file)  # noqa: S301  as trusted as the package's code
        if version not in FORMATS or not (info["country"] and info["asn"] and info["ipv6"]):
            raise LookupDataError(f"{source} is not country and network data in a known format")
        _, _, countries, names, starts, name_starts, ids, name_ids, lengths, name_lengths = parts
        v4, v6 = _networks(starts, lengths, ids)
        n4, n6 = _networks(name_starts, name_lengths, name_ids)
    except (OSError, EOFError, ValueError, KeyError, TypeError, pickle.UnpicklingError) as exc:
        raise LookupDataError(f"cannot read {source}: {exc}") from exc
    codes = ["  "] * _SPECIAL_COUNTRIES + [text.partition(":")[0] for text in countries[_SPECIAL_COUNTRIES:]]
    owners = [_clean(name) for name in names]
    owners[0] = ""
    is_country = [code if len(code) == 2 and code.isalpha() and code.isupper() else "  " for code in codes]
    return Contents(
        v4=[
            row for row in merge(list(changes(_known(v4, is_country))), list(changes(n4))) if row[0] < _V4_END
        ],
        v6=[
            row
            for row in upper_halves(merge(list(changes(_known(v6, is_country))), list(changes(n6))))
            if row[0] < _V6_HALVES_END
        ],
        countries=is_country,
        names=owners,
        origin=str(info["info"]),
    )


def _known(networks: list[tuple[int, int, int]], codes: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Networks whose country is none become unknown, number 0."""
    for first, last, value in networks:
        yield first, last, value if codes[value].strip() else _UNKNOWN


def _clean(name: str) -> str:
    """A network owner's name as it may stand in a log: printable, and not long."""
    return "".join(character for character in name if character.isprintable())[:_MAX_NAME].strip()


def main(arguments: Sequence[str]) -> int:
    """Compile; exit status 1 and one line on stderr say what went wrong."""
    source, target = arguments
    try:
        write(Path(target), read(Path(source)))
    except LookupDataError as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
