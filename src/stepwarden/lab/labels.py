"""Files of labels: what analysts, a ticket system or another product found out about attempts, to be put into the log.

CSV with a header, or JSON lines. ``attempt`` is the attempt's id or its index; ``label`` attack or benign;
``reliability`` (1 to 100) and ``source`` may be left out and are then as the command says.

>>> list(read(["attempt,label", "12-abcdefgh,attack"], source="soc", reliability=90))
[Label(attempt='12-abcdefgh', label='attack', source='soc', reliability=90)]
>>> list(read(['{"attempt": "7", "label": "maybe"}'], source="soc", reliability=90))
Traceback (most recent call last):
  ...
stepwarden.errors.InputError: line 1: a label is attack or benign, not 'maybe'

Each becomes an entry of its own. Not here: applying them.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Literal, NamedTuple

import msgspec

from stepwarden.errors import InputError

KEYS = ("attempt", "label", "source", "reliability")


class Label(NamedTuple):
    """What somebody says of an attempt; ``reliability`` in percent."""

    attempt: str
    label: Literal["attack", "benign"]
    source: str
    reliability: int


def read(lines: Iterable[str], *, source: str, reliability: int) -> Iterator[Label]:
    """The labels of a file, line by line.

    Raises:
        InputError: a line is neither; it names the line and what was expected.
    """
    rows = iter(lines)
    first = next(rows, None)
    if first is None:
        raise InputError("the file of labels is empty: expected CSV with a header, or JSON lines")
    json = first.lstrip("\ufeff").lstrip().startswith("{")
    for number, row in _json(chain([first], rows)) if json else _csv(chain([first.lstrip("\ufeff")], rows)):
        yield _label(number, row, source, reliability)


def _json(lines: Iterable[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = msgspec.json.decode(line)
        except msgspec.MsgspecError as exc:
            raise InputError(f"line {number}: not JSON: {exc}") from exc
        if not isinstance(row, dict):
            raise InputError(f"line {number}: expected an object with {', '.join(KEYS)}")
        yield number, row


def _csv(lines: Iterable[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(lines)
    missing = {"attempt", "label"} - set(reader.fieldnames or ())
    if missing:
        raise InputError(f"line 1: the header must name {' and '.join(sorted(missing))}")
    for row in reader:
        yield reader.line_num, row


def _label(number: int, row: Mapping[str, Any], source: str, reliability: int) -> Label:
    label = str(row.get("label") or "").strip().lower()
    if label not in ("attack", "benign"):
        raise InputError(f"line {number}: a label is attack or benign, not {label[:32]!r}")
    attempt = str(row.get("attempt") or "").strip()
    if not attempt[:1].isdecimal():
        raise InputError(f"line {number}: expected an attempt's id or index, not {attempt[:32]!r}")
    given = str(row.get("reliability") or reliability).strip()
    if not given.isdecimal() or not 1 <= int(given) <= 100:
        raise InputError(f"line {number}: reliability is a percentage, 1 to 100, not {given[:32]!r}")
    return Label(
        attempt=attempt,
        label="attack" if label == "attack" else "benign",
        source=str(row.get("source") or source).strip()[:64],
        reliability=int(given),
    )
