"""Strict reading of JSON: one text, one meaning.

msgspec refuses bad syntax, bad UTF-8, NaN, trailing bytes and wrong types by itself. It takes the last of two equal
keys in silence, which would let two readers of one body see two different actors. So a body is also refused when
any object in it, however deep, holds a key twice.

How that is known in about two microseconds: decode without types, encode again, and count the colons. Every pair
of an object has exactly one colon outside strings; strings without a backslash are copied byte for byte, so their
colons are the same in both texts. Two equal keys become one and a colon is missing. A body with a backslash (an
escaped colon, or a key spelled ``\\u0061``) is walked pair by pair instead.

>>> repeated_key(b'{"a": {"b": 1, "c": "b:"}}') is None
True
>>> repeated_key(b'{"a": {"b": 1, "b": 2}}')
'b'
>>> repeated_key(b'{"a": 1, "\\\\u0061": 2}')
'a'
"""

import json
import re
from typing import Generic, TypeVar

import msgspec

from stepwarden.errors import InputError, MalformedBodyError
from stepwarden.gateway.plain import spelling_defaults, without_control_patterns

T = TypeVar("T")
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_AT = re.compile(r" - at (?:`key` in )?`(?P<path>[^`]*)`$")


class _RepeatedKeyError(Exception):
    """Carries the key out of the walk."""


def _each_once(pairs: list[tuple[str, object]]) -> None:
    seen = set()
    for key, _ in pairs:
        if key in seen:
            raise _RepeatedKeyError(key)
        seen.add(key)


def _walk(body: bytes) -> str | None:
    try:
        # parse_int: a number of many thousand digits is refused by int() with an error of its own.
        json.loads(body, object_pairs_hook=_each_once, parse_int=float)
    except _RepeatedKeyError as found:
        return str(found)
    return None


def repeated_key(body: bytes) -> str | None:
    """The first key that stands twice in one object of a valid JSON text, or None.

    Raises:
        MalformedBodyError: not a JSON text, or nested too deeply.
    """
    try:
        if b"\\" not in body and body.count(b":") == _encode(_decode(body)).count(b":"):
            return None
        return _walk(body)
    except RecursionError as exc:
        raise MalformedBodyError("the JSON is nested too deeply") from exc
    except (msgspec.MsgspecError, ValueError) as exc:
        raise MalformedBodyError("not a JSON text") from exc


class Reader(Generic[T]):
    """Reads bodies of one type, strictly.

    Most of the time of typed decoding goes into the patterns that refuse control characters. A body that is ASCII
    without backslash and DEL cannot hold one inside a string (raw ones are bad syntax), so it is decoded by
    a twin of the type that lacks exactly those patterns.
    """

    __slots__ = ("_full", "_plain")

    def __init__(self, shape: type[T]) -> None:
        """Raises: ValueError: a struct in it does not omit its defaults, which would hide a repeated key."""
        if names := spelling_defaults(shape):
            raise ValueError(f"say omit_defaults=True in {', '.join(sorted(names))}")
        self._full = msgspec.json.Decoder(shape).decode
        self._plain = msgspec.json.Decoder(without_control_patterns(shape)).decode

    def read(self, body: bytes, *, at: str = "") -> T:
        """Read one JSON text.

        Args:
            at: what stands before the JSON path in ``field``, such as ``line 3: ``.

        Raises:
            MalformedBodyError: not JSON, or a key twice (400).
            InputError: JSON, and not what was asked for (422); ``field`` is the JSON path.
        """
        plain = body.isascii() and b"\\" not in body and b"\x7f" not in body
        try:
            value: T = self._plain(body) if plain else self._full(body)
        except msgspec.ValidationError as exc:
            raise invalid(exc, at=at) from exc
        except UnicodeDecodeError as exc:
            raise MalformedBodyError("not UTF-8", field=at + "$") from exc
        except RecursionError as exc:
            raise MalformedBodyError("the JSON is nested too deeply", field=at + "$") from exc
        except msgspec.DecodeError as exc:
            raise MalformedBodyError(_lower(str(exc)), field=at + "$") from exc
        # What was decoded holds each key once and leaves defaults out: as many colons in it as in the body means
        # that nothing was dropped. Otherwise (a default spelled out, or a repeated key) look closely.
        if plain and body.count(b":") == _encode(value).count(b":"):
            return value
        key = repeated_key(body)
        if key is not None:
            raise MalformedBodyError(f'the key "{key}" stands twice in one object', field=at + "$")
        return value


def invalid(exc: msgspec.ValidationError, *, at: str = "") -> InputError:
    """Say what msgspec found, with the path apart from the text and without patterns nobody can read.

    >>> error = invalid(msgspec.ValidationError("Object contains unknown field `x` - at `$.device`"))
    >>> str(error), error.field
    ('unknown field "x"', '$.device')
    """
    text, path = str(exc), "$"
    if found := _AT.search(text):
        text, path = text[: found.start()], found["path"]
    if text.startswith("Object contains unknown field `"):
        name = text.removeprefix("Object contains unknown field `").removesuffix("`")
        # The name is an invention of the sender: it stays out of the path, which is logged.
        return InputError(f'unknown field "{name}"', field=at + path)
    if "matching regex" in text:
        text = "not allowed: a control character, or characters outside the documented pattern"
    elif text.startswith("Object missing required field `"):
        name = text.removeprefix("Object missing required field `").removesuffix("`")
        text, path = f'the field "{name}" is missing', f"{path}.{name}"
    return InputError(_lower(text), field=at + path)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:] if not text.startswith("JSON") else text
