"""The checks that every request passes before a handler sees it, in this order.

1. the key (401) and its scope (403), before a byte of the body is read
2. content type and encoding (415)
3. the body: what was announced and what comes, up to its limit (413) and in its time (408)
4. the query: known names, each once, in canonical spelling (422)

All of them fail closed: what cannot be read is refused. The third happens in the listener, which has the bytes.
"""

import re
from datetime import datetime
from typing import TypeVar
from urllib.parse import parse_qsl, unquote_to_bytes

import msgspec

from stepwarden.errors import (
    ForbiddenError,
    InputError,
    MalformedBodyError,
    MediaTypeError,
    UnauthenticatedError,
)
from stepwarden.flow.answers import ApiKey, Scope
from stepwarden.gateway.exchange import Headers
from stepwarden.gateway.service import Service
from stepwarden.gateway.strictjson import invalid

T = TypeVar("T")
MAX_QUERY = 8192
MAX_BEARER = 256
_TOKEN = re.compile(rb"[A-Za-z0-9._~+/=-]+")
_MEDIA = re.compile(r"""([a-z0-9.+-]+/[a-z0-9.+-]+)\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?""")
_NO_KEY = "send a valid API key as Authorization: Bearer"


def authenticate(service: Service, headers: Headers) -> ApiKey:
    """Whose key this is. All that is wrong with one gives the same answer.

    Raises:
        UnauthenticatedError: no key, a malformed one, or one that is not known.
    """
    authorization = headers.get(b"authorization", b"")
    if authorization[:7].lower() != b"bearer " or len(authorization) > MAX_BEARER:
        raise UnauthenticatedError(_NO_KEY)
    token = authorization[7:]
    if _TOKEN.fullmatch(token) is None:
        raise UnauthenticatedError(_NO_KEY)
    try:
        return service.authenticate(token.decode("ascii"))
    except UnauthenticatedError:
        raise UnauthenticatedError(_NO_KEY) from None


def require(key: ApiKey, scope: Scope) -> None:
    """Raises ForbiddenError unless the key may do this. An auditor may do whatever only reads."""
    if scope not in key.scopes and not (scope == "read" and "audit" in key.scopes):
        raise ForbiddenError(f"this needs the scope {scope}")


def check_media(headers: Headers, media: tuple[str, ...]) -> None:
    """Raises MediaTypeError unless the body is of a type that is read, in UTF-8 and not compressed."""
    sent = headers.get(b"content-type", b"")
    if sent == b"application/json" and "application/json" in media and b"content-encoding" not in headers:
        return
    match = _MEDIA.fullmatch(sent.decode("latin-1").strip().lower())
    if match is None or match[1] not in media:
        raise MediaTypeError("send " + " or ".join(media), field="Content-Type")
    # A compressed body could unpack to any size: it is not read at all.
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise MediaTypeError("compressed bodies are not read", field="Content-Encoding")


def read_query(raw: bytes, shape: type[T] | None) -> T | None:
    """The query string as its struct; None where the operation has no query.

    Raises:
        InputError: an unknown, repeated, missing or malformed parameter; ``field`` is its name.
    """
    if shape is None:
        if raw:
            raise InputError("no query parameters are read here", field="query")
        return None
    if len(raw) > MAX_QUERY:
        raise InputError(f"a query has at most {MAX_QUERY} characters", field="query")
    try:
        pairs = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(raw),
            errors="strict",
            max_num_fields=32,
        )
    except ValueError as exc:
        raise InputError("not a query string", field="query") from exc
    given = dict(pairs)
    if len(given) < len(pairs):
        raise InputError("a parameter stands twice", field="query")
    try:
        query = msgspec.convert(given, shape, strict=False)
    except msgspec.ValidationError as exc:
        error = invalid(exc)
        name = error.field.removeprefix("$").removeprefix(".")
        raise InputError(str(error), field=name or "query") from exc
    for name, text in given.items():
        value = getattr(query, name)
        # "1.0" and "1e2" read as integers, "1700000000" as a date, "null" as not given: a value has one spelling.
        if (
            value is None
            or (isinstance(value, int) and str(value) != text)
            or (isinstance(value, datetime) and text[4:5] != "-")
        ):
            raise InputError("not the canonical spelling", field=name)
    return query


def decode_segment(raw: str) -> str:
    """One part of a path, percent-decoded once.

    Raises:
        MalformedBodyError: not UTF-8, or a broken escape.
    """
    if "%" not in raw:
        return raw
    try:
        if re.search(r"%(?![0-9A-Fa-f]{2})", raw):
            raise ValueError(raw)
        return unquote_to_bytes(raw).decode("utf-8")
    except ValueError as exc:
        raise MalformedBodyError("the path is not percent-encoded UTF-8", field="path") from exc
