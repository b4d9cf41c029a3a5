"""JSON records out of any of the ways in which logs are kept, in constant memory.

JSON lines, one array, objects written one after the other on several lines, and an object around an array
(``{"Records": [...]}`` of AWS, ``{"value": [...]}`` of Microsoft Graph, ``{"items": [...]}`` of Google,
``{"Events": [...]}`` of ``aws cloudtrail lookup-events``) all become the same sequence:

>>> [record for _, record in read_records(iter(['{"Records":[{"a":1},', '{"a":2}]}']))]
[{'a': 1}, {'a': 2}]
>>> [(line, record) for line, record in read_records(iter(['{"a":1}\\nnonsense\\n{"a":3}\\n']))][1]
(2, 'nonsense')

With JSON lines a record is counted by its line, otherwise by its number. What is no JSON is given as text: a line of
JSON lines costs that line; inside an array or between objects on several lines nobody can know where the next record
begins, so reading ends there. One record may have ``MAX_LINE`` characters (16 Mi); longer ones are given as text.
"""

import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain

import msgspec

from stepwarden.connect.importers.reading import MAX_LINE, SPACE, lines

Record = tuple[int, dict[str, object] | str]
_WRAPPED = re.compile(
    r'\s*\{\s*(?:"[^"\\]*"\s*:\s*(?:"(?:[^"\\]|\\.)*"|[-\w.+]+)\s*,\s*)*"(?:Records|records|value|items|Events)"\s*:\s*\['
)
_WRAPPERS = ("Records", "records", "value", "items", "Events")
_HEAD = 1 << 16
"""Characters within which a wrapper must have begun its array."""
_SPACE = re.compile(r"[\s,]*")
_decode = msgspec.json.Decoder().decode
_raw_decode = json.JSONDecoder(strict=False).raw_decode
_ERRORS = (msgspec.MsgspecError, ValueError, RecursionError)


def read_records(blocks: Iterable[str]) -> Iterator[Record]:
    """Each record with its number, or the text that is none."""
    source = iter(blocks)
    start = ""
    for block in source:
        start += block
        if len(start.lstrip(SPACE)) >= _HEAD:
            break
    if _is_lines(start):
        yield from _from_lines(chain((start,), source))
    else:
        yield from _Stream(start.lstrip(SPACE), source).records()


def _is_lines(start: str) -> bool:
    """JSON lines: the first line is one whole object and no wrapper, or the text does not begin like JSON at all."""
    head = start.lstrip(SPACE)
    if head[:1] not in ("[", "{"):
        return True
    line, newline, _ = head.partition("\n")
    if head[0] == "[" or (not newline and len(head) >= MAX_LINE) or _WRAPPED.match(line):
        return False
    try:
        _decode(line)
    except _ERRORS:
        # broken first line of JSON lines, or an object on several lines: those begin with a lone brace or one member
        return line.rstrip().endswith("}") or len(line) > 200
    return True


def _from_lines(blocks: Iterator[str]) -> Iterator[Record]:
    number = 0
    for line in lines(blocks):
        number += 1
        if not line or line.isspace():
            continue
        try:
            found = _decode(line.strip("\ufeff \t"))
        except _ERRORS:
            found = None
        yield from _unwrapped(number, found, line)


def _unwrapped(number: int, found: object, text: str) -> Iterator[Record]:
    if isinstance(found, dict):
        for name in _WRAPPERS:
            inner = found.get(name)
            if isinstance(inner, list) and all(isinstance(item, dict) for item in inner):
                yield from ((number, item) for item in inner)
                return
        yield number, found
    elif isinstance(found, list):
        for item in found:
            yield number, item if isinstance(item, dict) else text
    else:
        yield number, text


class _Stream:
    """A text that is read value by value. ``_buffer[_at:]`` is what has been read and not used."""

    def __init__(self, start: str, source: Iterator[str]) -> None:
        self._buffer = start
        self._at = 0
        self._source = source
        self._number = 0

    def records(self) -> Iterator[Record]:
        inside = ""
        while True:
            self._skip_space()
            if self._at >= len(self._buffer):
                return
            head = self._buffer[self._at]
            while not inside and head == "{" and len(self._buffer) - self._at < _HEAD and self._more():
                pass
            if not inside and head == "[":
                self._at += 1
                inside = "array"
            elif not inside and (wrapped := _WRAPPED.match(self._buffer, self._at)) is not None:
                self._at = wrapped.end()
                inside = "wrapper"
            elif inside and head == "]":
                self._at += 1
                if inside == "wrapper":
                    self._leave_wrapper()
                inside = ""
            else:
                found, text = self._value()
                self._number += 1
                yield self._number, found if isinstance(found, dict) else text
                if found is None:
                    return

    def _more(self) -> bool:
        """Read at least as much again, so that trying anew costs at most twice the text."""
        wanted = max(1, len(self._buffer) - self._at)
        pieces = [self._buffer[self._at :]]
        self._at = 0
        got = 0
        for block in self._source:
            pieces.append(block)
            got += len(block)
            if got >= wanted:
                break
        self._buffer = "".join(pieces)
        return got > 0

    def _skip_space(self) -> None:
        while True:
            found = _SPACE.match(self._buffer, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._buffer) or not self._more():
                return

    def _value(self) -> tuple[object, str]:
        while True:
            try:
                found, end = _raw_decode(self._buffer, self._at)
            except RecursionError:
                return None, self._buffer[self._at : self._at + 1000]
            except ValueError:
                if len(self._buffer) - self._at <= MAX_LINE and self._more():
                    continue
                return None, self._buffer[self._at : self._at + 1000]
            text = self._buffer[self._at : min(end, self._at + 1000)]
            self._at = end
            return (found if found is not None else False), text

    def _leave_wrapper(self) -> None:
        """Past the members after the array (a page token) and the closing brace, without reading them as records."""
        depth = 1
        while depth:
            self._skip_space()
            if self._at >= len(self._buffer):
                return
            head = self._buffer[self._at]
            if head in "{}[]:":
                depth += (head in "{[") - (head in "}]")
                self._at += 1
            elif self._value()[0] is None:
                self._at = len(self._buffer)
                return
