"""Windows events as XML: ``<Event>...</Event>``, each on a line or on several, in ``<Events>`` or not.

>>> log = ['<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><EventID>4625</EventID>',
...        '</System>\\n<EventData><Data Name="TargetUserName">a &amp; b</Data></EventData></Event>']
>>> [(number, event)] = read_events(log)
>>> number, event["Event"]["System"], event["Event"]["EventData"]
(1, {'EventID': '4625'}, {'TargetUserName': 'a & b'})

This is no XML parser: it knows elements, attributes, text, the five characters that XML escapes, and characters by
their number. It has no document types, so there are no entities that expand into others or into files: an event with
``<!`` or with any other entity in it is refused as a whole, and given as text. What Windows writes has none of these.

A character that XML forbids (a name may hold any) is taken as it is: a parser would lose the failed sign-in with it.
"""

import re
from collections.abc import Iterable, Iterator

from stepwarden.connect.importers.reading import SPACE

MOST = 1 << 20
"""Characters of one event. Windows writes at most 64 KiB."""
_DEEPEST = 16
_START = re.compile(r"<Event(?=[\s>])")
_END = "</Event>"
_KNOWN = re.compile(r"<Event\s[^<>]{0,256}http://schemas\.microsoft\.com/win/2004/08/events/event[\"'\s]")
_TAG = re.compile(
    r"<(?P<end>/?)(?P<name>[A-Za-z_][\w.:-]{0,127})(?P<with>(?:\s+[\w.:-]{1,128}=(?:\"[^\"<]*\"|'[^'<]*'))*)\s*(?P<empty>/?)>"
)
_ATTRIBUTE = re.compile(r"([\w.:-]{1,128})=(?:\"([^\"<]*)\"|'([^'<]*)')")
_AROUND = re.compile(r"<\?xml [^<>]{0,256}\?>|</?Events(?:\s[^<>]{0,256})?>")
_ENTITY = re.compile(r"&(?:#([0-9]{1,7})|#[xX]([0-9A-Fa-f]{1,6})|(lt|gt|amp|quot|apos));|&")
_ESCAPED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}

Event = tuple[int, dict[str, object] | str]


class _RefusedError(Exception):
    """Not of the shape that is read."""


def is_xml(start: str) -> bool:
    """Whether a text begins like events in XML (lines of syslog begin with ``<34>``), and one of Windows is in it."""
    return start.lstrip(SPACE).startswith(("<?xml ", "<Event")) and _KNOWN.search(start) is not None


def read_events(blocks: Iterable[str]) -> Iterator[Event]:
    """Each event with the line it begins on, in the shape of ``evtx_dump``; or the text that is none."""
    for number, text, whole in _pieces(blocks):
        if not whole:
            yield number, text
            continue
        # an event that was cut off is followed by the next: it costs itself only
        begin = max(found.start() for found in _START.finditer(text))
        if begin:
            yield number, text[:begin]
            number += text.count("\n", 0, begin)
        try:
            yield number, _read(text[begin:])
        except _RefusedError:
            yield number, text[begin:]


def _pieces(blocks: Iterable[str]) -> Iterator[tuple[int, str, bool]]:
    """What begins like an event and ends like one; and what does not, each line of it that says something."""
    rest, number = "", 1
    for block in blocks:
        rest += block
        while True:
            found = _START.search(rest)
            begin = found.start() if found else max(rest.rfind("\n") + 1, len(rest) - MOST)
            yield from _between(rest[:begin], number)
            number += rest.count("\n", 0, begin)
            rest = rest[begin:]
            if found is None:
                break
            end = rest.find(_END)
            if end < 0 and len(rest) <= MOST:
                break
            whole = 0 <= end <= MOST
            size = end + len(_END) if whole else MOST
            yield number, rest[:size], whole
            number += rest.count("\n", 0, size)
            rest = rest[size:]
    yield from _between(rest, number)


def _between(text: str, number: int) -> Iterator[tuple[int, str, bool]]:
    for line in text.split("\n"):
        if said := _AROUND.sub("", line).strip(SPACE):
            yield number, said, False
        number += 1


def _read(text: str) -> dict[str, object]:
    system: dict[str, object] = {}
    data: dict[str, object] = {}
    path: list[str] = []
    named, at = "", 0
    while at < len(text):
        tag = _TAG.match(text, at)
        if tag is None:
            at = _content(text, at, path, named, system, data)
            continue
        at = tag.end()
        if tag["end"]:
            if not path or path.pop() != tag["name"] or tag["with"] or tag["empty"]:
                raise _RefusedError
            continue
        if len(path) == _DEEPEST or (not path and tag["name"] != "Event"):
            raise _RefusedError
        said = {name: _text(one or two) for name, one, two in _ATTRIBUTE.findall(tag["with"])}
        named = said.get("Name", "")
        if path == ["Event", "System"] and said:
            system.setdefault(tag["name"], said)
        if not tag["empty"]:
            path.append(tag["name"])
    if path:
        raise _RefusedError
    return {"Event": {"System": system, "EventData": data}}


def _content(
    text: str, at: int, path: list[str], named: str, system: dict[str, object], data: dict[str, object]
) -> int:
    """The text up to the next element, kept where it belongs; the first value of a name counts."""
    end = text.find("<", at)
    if end <= at:
        raise _RefusedError
    said = _text(text[at:end])
    if len(path) == 3 and path[:2] == ["Event", "System"] and not isinstance(system.get(path[2]), str):
        system[path[2]] = said.strip()
    elif path == ["Event", "EventData", "Data"] and named:
        data.setdefault(named, said)
    return end


def _text(value: str) -> str:
    return _ENTITY.sub(_character, value) if "&" in value else value


def _character(found: re.Match[str]) -> str:
    decimal, hexadecimal, name = found.groups()
    if name:
        return _ESCAPED[name]
    if not (decimal or hexadecimal):
        raise _RefusedError
    code = int(decimal) if decimal else int(hexadecimal, 16)
    return chr(code) if code <= 0x10FFFF and not 0xD800 <= code < 0xE000 else "\ufffd"
