"""YAML to a tree of texts, each with its place in the file. Only what a policy needs of YAML is accepted.

>>> document = parse("rules:\\n- when: a > 1\\n")
>>> document.items[0][0].text, document.items[0][1].items[0].items[0][1].line
('rules', 2)

Mappings, sequences and scalars; every scalar is its text, what it means is for ``fields`` to say. Refused:
tags, anchors and aliases (so nothing can grow when read), keys that are not plain text, two of the same
key, several documents, more than eight levels, more than fits into one log entry.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import yaml

from stepwarden.errors import PolicyError

MAX_ENCODED = 60_000
"""A policy is logged as one entry, whose leaf has at most 65,535 bytes; this is its text as a JSON string."""

MAX_LEVELS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """``style`` is YAML's: "" plain, ' or " quoted, | or > block. ``line``, ``column`` are 1-based."""

    text: str
    style: str
    line: int
    column: int
    index: int
    source: str

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column in the file of the character at ``offset`` of the text."""
        index = _index(self, offset)
        line = self.source.count("\n", 0, index) + 1
        return line, index - (self.source.rfind("\n", 0, index) + 1) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    items: "tuple[Node, ...]"
    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A mapping, its keys in the file's order."""

    items: "tuple[tuple[Scalar, Node], ...]"
    line: int
    column: int


Node = Scalar | Listing | Table


def parse(text: str) -> Node:
    """The one document in the text.

    Raises:
        PolicyError: not YAML, or more of YAML than a policy may use; with line and column.
    """
    if len(text) > MAX_ENCODED:
        raise PolicyError(f"the policy is too long: at most {MAX_ENCODED:,} characters, escaped as JSON")
    try:
        if len(msgspec.json.encode(text)) > MAX_ENCODED:
            raise PolicyError(f"the policy is too long: at most {MAX_ENCODED:,} characters, escaped as JSON")
        events = yaml.parse(text, Loader=yaml.SafeLoader)
        return _Composer(text, events).document()
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise PolicyError(f"not YAML: {exc.problem or exc.context}", line=line, column=column) from exc
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as exc:
        # A character that YAML forbids, a surrogate, an escape beyond Unicode: PyYAML gives no place
        # for these.
        raise PolicyError(f"not YAML: {str(exc).splitlines()[0]}") from exc


class _Composer:
    def __init__(self, source: str, events: Iterator[yaml.Event]) -> None:
        self._source = source
        self._events = events

    def document(self) -> Node:
        self._next()
        start = self._next()
        if isinstance(start, yaml.StreamEndEvent):
            raise PolicyError("the policy is empty", line=1, column=1)
        root = self._node(self._next(), 1)
        self._next()
        more = self._next()
        if not isinstance(more, yaml.StreamEndEvent):
            raise _fault("a policy is one document; expected the end of the file", more)
        return root

    def _next(self) -> yaml.Event:
        return next(self._events)

    def _node(self, event: yaml.Event, level: int) -> Node:
        if level > MAX_LEVELS:
            raise _fault("nested too deeply", event)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _fault("anchors and aliases are not accepted: write it out", event)
        if getattr(event, "tag", None) is not None:
            raise _fault("YAML tags are not accepted", event)
        line, column, index = _place(event)
        if isinstance(event, yaml.ScalarEvent):
            style = event.style or ""
            return Scalar(
                text=event.value, style=style, line=line, column=column, index=index, source=self._source
            )
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(item := self._next(), yaml.SequenceEndEvent):
                items.append(self._node(item, level + 1))
            return Listing(items=tuple(items), line=line, column=column)
        return Table(items=tuple(self._pairs(level)), line=line, column=column)

    def _pairs(self, level: int) -> Iterator[tuple[Scalar, Node]]:
        seen: dict[str, int] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._node(event, level + 1)
            if not isinstance(key, Scalar):
                raise PolicyError("a key must be plain text", line=key.line, column=key.column)
            if key.text in seen:
                first = f"the first is on line {seen[key.text]}"
                raise PolicyError(
                    f"{key.text[:64]!r} stands here twice; {first}", line=key.line, column=key.column
                )
            seen[key.text] = key.line
            yield key, self._node(self._next(), level + 1)


def _place(event: yaml.Event) -> tuple[int, int, int]:
    """Line and column, 1-based, and the offset in the source."""
    mark = event.start_mark
    if mark is None:
        raise ValueError("every event of a parsed text has a mark")
    return mark.line + 1, mark.column + 1, mark.index


def _fault(message: str, event: yaml.Event) -> PolicyError:
    line, column, _ = _place(event)
    return PolicyError(message, line=line, column=column)


def _index(scalar: Scalar, offset: int) -> int:
    """The offset in the source of the character at ``offset`` of the scalar's text.

    Folding and escapes make the two differ; we walk both side by side. Where they part (an escape that we
    do not follow), the start of the scalar is the best answer.
    """
    source, here = scalar.source, scalar.index
    if scalar.style in ("|", ">"):
        here = source.find("\n", here) + 1
    elif scalar.style in ("'", '"'):
        here += 1
    for char in scalar.text[:offset]:
        if char in " \n":
            here = _over_space(scalar, here)
            continue
        while here < len(source) and source[here] in " \n\r":
            here += 1
        if source.startswith({"'": "''", '"': "\\"}.get(scalar.style, "\0"), here):
            here += 1
        if not source.startswith(char, here):
            return scalar.index
        here += 1
    while here < len(source) and source[here] in " \n\r" and offset < len(scalar.text.rstrip()):
        if scalar.text[offset] in " \n":
            break
        here += 1
    return min(here, len(source))


def _over_space(scalar: Scalar, here: int) -> int:
    """Past one blank of the text: one on its line, or a whole line break with the next indentation."""
    source = scalar.source
    end = here
    while end < len(source) and source[end] in " \t\r\n":
        end += 1
    if end == here:
        # The break before took the empty lines of the text along.
        return here
    return end if "\n" in source[here:end] else here + 1
