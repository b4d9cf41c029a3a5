"""Strict JSON: one text, one meaning."""

import json
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.errors import InputError, MalformedBodyError
from stepwarden.events.attempt import NO_CONTROL, Attempt
from stepwarden.gateway import authzen, wire
from stepwarden.gateway.challenges import SendRequest
from stepwarden.gateway.plain import without_control_patterns
from stepwarden.gateway.strictjson import Reader, repeated_key

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(
    ["a", "a:", '"', "\\", "é:"]
)


@st.composite
def written(draw: st.DrawFn, value: st.SearchStrategy[Any], depth: int = 3) -> tuple[str, bool]:
    """A JSON text with free spelling, and whether a key stands twice in one of its objects."""
    kind = draw(st.sampled_from(["scalar", "text", "list", "object"] if depth else ["scalar", "text"]))
    gap = draw(st.sampled_from(["", " ", "\n\t"]))
    if kind == "scalar":
        return json.dumps(draw(SCALARS)), False
    if kind == "text":
        return _spelt(draw, draw(TEXTS)), False
    parts = draw(st.lists(written(value, depth=depth - 1), max_size=4))
    repeated = any(found for _, found in parts)
    if kind == "list":
        return f"[{gap}" + f",{gap}".join(text for text, _ in parts) + "]", repeated
    keys = [draw(TEXTS) for _ in parts]
    pairs = [f"{_spelt(draw, key)}{gap}:{gap}{text}" for key, (text, _) in zip(keys, parts, strict=True)]
    return "{" + f"{gap},".join(pairs) + "}", repeated or len(set(keys)) < len(keys)


def _spelt(draw: st.DrawFn, text: str) -> str:
    if text and draw(st.booleans()) and draw(st.booleans()):
        return '"' + "".join(f"\\u{unit:04x}" for c in text for unit in _units(c)) + '"'
    return json.dumps(text, ensure_ascii=draw(st.booleans()))


def _units(character: str) -> list[int]:
    data = character.encode("utf-16-be")
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]


@given(written(SCALARS))
def test_a_repeated_key_is_found_in_every_spelling_and_nothing_else_is(case: tuple[str, bool]) -> None:
    """The answer is that of the definition: pairs against distinct keys, in every object."""
    text, repeated = case
    assert (repeated_key(text.encode()) is not None) == repeated


@given(
    st.recursive(
        SCALARS | TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=20
    )
)
def test_what_a_json_library_writes_has_no_repeated_key(value: object) -> None:
    """No false alarm, with and without escapes, compact or spread out."""
    for ascii_only in (True, False):
        for indent in (None, 2):
            text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
            assert repeated_key(text.encode()) is None


@pytest.mark.parametrize(
    "body",
    [
        b'{"action":"login","actor":"a","actor":"b"}',
        b'{"action":"login","actor":"a","\\u0061ctor":"b"}',
        b'{"action":"login","parameters":{"to":"a","to":"b"}}',
        b'{"action" : "login", "actor" : "a" , "actor":"a"}',
        b'{"action":"login","user_agent":"a:b","actor":"x:y","actor":"z"}',
    ],
)
def test_an_actor_named_twice_is_refused(body: bytes) -> None:
    """Two readers of one body must not see two actors."""
    with pytest.raises(MalformedBodyError, match="stands twice"):
        Reader(Attempt).read(body)


@given(
    st.lists(
        st.tuples(st.sampled_from(["action", "actor", "outcome", "ip"]), st.sampled_from(["a", "a:b", ""]))
    )
)
def test_a_body_is_read_exactly_if_no_key_repeats(pairs: list[tuple[str, str]]) -> None:
    """Defaults spelled out, colons in values, keys in any number: only a repeated key matters."""
    pairs = [
        (key, value if key in ("actor", "ip") else {"action": "x", "outcome": "unknown"}[key])
        for key, value in pairs
    ]
    keys = [key for key, _ in pairs]
    body = ("{" + ",".join(f'"{key}":"{value}"' for key, value in pairs) + "}").encode()
    try:
        Reader(Attempt).read(body)
    except MalformedBodyError:
        assert len(set(keys)) < len(keys)
    except InputError:
        assert "action" not in keys
    else:
        assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", MalformedBodyError),
        (b"null", InputError),
        (b"[]", InputError),
        (b'{"action":"login"} x', MalformedBodyError),
        (b'{"action":"login"}{}', MalformedBodyError),
        (b'{"action":"login",}', MalformedBodyError),
        (b"{'action':'login'}", MalformedBodyError),
        (b'\xef\xbb\xbf{"action":"login"}', MalformedBodyError),
        (b'{"action":"login","actor":"\xff"}', MalformedBodyError),
        (b'{"action":"login","actor":"\xed\xa0\x80"}', MalformedBodyError),
        (b'{"action":"login","actor":"\\ud800"}', MalformedBodyError),
        (b'{"action":"login","parameters":{"a":NaN}}', MalformedBodyError),
        (b'{"action":"login","parameters":{"a":Infinity}}', MalformedBodyError),
        (b'{"action":"login","parameters":{"a":1e999}}', InputError),
        (b'{"action":"login","parameters":{"a":1.5}}', InputError),
        (b'{"action":"login","parameters":{"a":9007199254740993}}', InputError),
        (b'{"action":"login","actor":1}', InputError),
        (b'{"action":"login","actor":null}', InputError),
        (b'{"action":"login","acter":"a"}', InputError),
        (b'{"action":"login","actor":"a\x01"}', MalformedBodyError),
        (b'{"action":"login","actor":"a\x7f"}', InputError),
        (b'{"action":"login","actor":"a\\u001b[31m"}', InputError),
        (b'{"action":"login","actor":"a\\r\\nb"}', InputError),
        ('{"action":"login","actor":"a\u2028b"}'.encode(), InputError),
        ('{"action":"login","actor":"a\x85b"}'.encode(), InputError),
        (b'{"action":"Login"}', InputError),
        (b'{"action":"login","place":{"country":"D1"}}', InputError),
        (b'{"action":"login","actor":"' + b"a" * 257 + b'"}', InputError),
        (b'{"a":' * 50_000, InputError),
        (b'{"action":' + b"[" * 50_000, InputError),
    ],
)
def test_bad_bodies_are_refused(body: bytes, error: type[InputError]) -> None:
    """Syntax is told from meaning; nothing else is raised."""
    with pytest.raises(error) as found:
        Reader(Attempt).read(body)
    assert found.type is error


def test_deep_nesting_where_anything_is_allowed_is_refused() -> None:
    """A hundred thousand brackets are an error of the body, not of the process."""
    start = b'{"subject":{"type":"u","id":"a","properties":{"x":'
    for filler in (b"[", b'{"a":', b'{"a\\u0062":'):
        with pytest.raises(MalformedBodyError):
            Reader(authzen.Evaluation).read(start + filler * 100_000)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_body_makes_reading_raise_anything_else(body: bytes) -> None:
    """Any bytes are an attempt or an InputError."""
    for reader in (Reader(Attempt), Reader(wire.Event), Reader(authzen.Evaluations)):
        with suppress(InputError):
            reader.read(body)


@pytest.mark.parametrize(
    "shape",
    [Attempt, wire.Event, wire.OutcomeReport, wire.ChallengeAnswer, wire.FactorRequest, authzen.Evaluations],
)
def test_the_twin_differs_by_the_control_pattern_only(shape: type[msgspec.Struct]) -> None:
    """Taking that pattern out of the schema of the type gives the schema of its twin."""

    def schema(kind: Any) -> Any:
        (top,), parts = msgspec.json.schema_components([kind])
        return json.loads(
            json.dumps([top, parts]).replace(json.dumps({"pattern": NO_CONTROL})[1:-1], '"x":0')
        )

    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: bare(part) for key, part in value.items() if key not in ("x", "description")}
        return [bare(part) for part in value] if isinstance(value, list) else value

    assert bare(schema(shape)) == bare(schema(without_control_patterns(shape)))
    assert NO_CONTROL not in repr(msgspec.json.schema_components([without_control_patterns(shape)]))


@given(
    st.text(st.characters(max_codepoint=0x2030), max_size=5),
    st.sampled_from(["actor", "session", "user_agent"]),
)
def test_both_ways_of_reading_agree(text: str, field: str) -> None:
    """A value is accepted exactly if the full type accepts it, whichever decoder was taken."""
    for ascii_only in (True, False):
        body = json.dumps({"action": "login", field: text}, ensure_ascii=ascii_only).encode()
        try:
            expected: Attempt | None = msgspec.json.decode(body, type=Attempt)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            expected = None
        try:
            found = Reader(Attempt).read(body)
        except InputError:
            assert expected is None
        else:
            assert expected is not None
            assert msgspec.json.encode(found) == msgspec.json.encode(expected)


def test_a_field_is_named_and_the_value_is_not_in_what_may_be_logged() -> None:
    """The path says where; what the sender wrote stands between quotes only."""
    with pytest.raises(InputError) as found:
        Reader(Attempt).read(b'{"action":"login","outcome":"alice"}')
    assert found.value.field == "$.outcome"
    assert str(found.value).split("'")[0] == "invalid enum value "
    with pytest.raises(InputError) as found:
        Reader(Attempt).read(b'{"action":"login","device":{"alice":1}}')
    assert found.value.field == "$.device"
    with pytest.raises(InputError) as found:
        Reader(Attempt).read(b"{}")
    assert found.value.field == "$.action"


@pytest.mark.parametrize(
    ("shape", "body"),
    [
        (wire.OutcomeReport, b'{"outcome":"success","outcome":"failure","session":""}'),
        (wire.OutcomeReport, b'{"outcome":"success","session":"a","session":"b"}'),
        (authzen.Subject, b'{"type":"user","id":"alice","id":"mallory"}'),
        (SendRequest, b'{"factor":"sms","factor":"email","credential":""}'),
    ],
)
def test_attack_a_repeated_key_hidden_by_a_default(shape: Any, body: bytes) -> None:
    """As many colons come as the struct has fields: the key stands twice all the same."""
    with pytest.raises(MalformedBodyError, match="stands twice"):
        Reader(shape).read(body)


def test_a_struct_that_would_hide_a_repeated_key_is_refused_at_once() -> None:
    """Whoever writes one hears of it at the start, also where it is inside another one."""

    class Inner(msgspec.Struct):
        a: int = 0

    class Outer(msgspec.Struct, omit_defaults=True):
        inner: list[Inner] = []

    with pytest.raises(ValueError, match="Inner"):
        Reader(Outer)
