"""The rest of the API as bytes: challenges, factors, sessions, grants. As ``wire``, of which it is the second half."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import msgspec

from stepwarden.sdk.answers import Entrance, Factor, Grant, PasskeyDraft
from stepwarden.sdk.errors import UnavailableError
from stepwarden.sdk.wire import Request, Response, check, read


class _Entrance(msgspec.Struct, frozen=True):
    url: str
    expires: str


class _Factor(msgspec.Struct, frozen=True):
    factor: str
    credential: str
    since: str
    last_used: str = ""
    strong: bool = False
    hardware: bool = False
    synced: bool = False
    left: int = 0


class _Factors(msgspec.Struct, frozen=True):
    factors: tuple[_Factor, ...]


class _Draft(msgspec.Struct, frozen=True):
    draft: str
    options: dict[str, Any]


class _Removed(msgspec.Struct, frozen=True):
    removed: int


class _Grant(msgspec.Struct, frozen=True):
    active: bool
    sub: str = ""
    aud: str = ""
    acr: str = ""
    amr: tuple[str, ...] = ()
    auth_time: int = 0
    exp: int = 0
    jti: str = ""
    action: str = ""
    action_hash: str = ""


class _Done(msgspec.Struct, frozen=True):
    done: bool


class _Keys(msgspec.Struct, frozen=True):
    keys: list[dict[str, Any]]


def challenge_request(challenge_id: str, what: str, body: dict[str, str]) -> Request:
    """``what``: ``send``, ``collect`` or ``deny``."""
    return _post(f"/v1/challenges/{quote(challenge_id, safe='')}/{what}", body)


def options_request(challenge_id: str) -> Request:
    return Request(
        method="GET", path=f"/v1/challenges/{quote(challenge_id, safe='')}/webauthn", repeatable=True
    )


def page_body(proved: Iterable[str], return_to: str, language: str, device: str) -> dict[str, Any]:
    """What is sent for the way to somebody's own page."""
    body = {"proved": list(proved), "return_to": return_to, "language": language}
    return body | ({"device": device} if device else {})


def person_request(actor: str, what: str, body: dict[str, Any]) -> Request:
    """``what`` is the rest of the path; its own parts are ours or quoted by ``part``."""
    return _post(f"/v1/actors/{quote(actor, safe='')}/{what}", body)


def factors_request(actor: str) -> Request:
    return Request(method="GET", path=f"/v1/actors/{quote(actor, safe='')}/factors", repeatable=True)


def grant_request(what: str, name: str, grant: str) -> Request:
    return _post(f"/v1/grants/{what}", {name: grant})


def keys_request() -> Request:
    return Request(method="GET", path="/.well-known/jwks.json", repeatable=True)


def part(text: str) -> str:
    """A part of a path."""
    return quote(text, safe="")


def _post(path: str, body: dict[str, Any]) -> Request:
    return Request(method="POST", path=path, body=msgspec.json.encode(body))


def read_done(response: Response) -> None:
    if not read(check(response), _Done).done:
        raise UnavailableError("an answer that makes no sense: it is not done")


def read_options(response: Response) -> dict[str, Any]:
    """What ``navigator.credentials.get`` takes."""
    try:
        return msgspec.json.decode(check(response), type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise UnavailableError(f"an answer that makes no sense: {exc}") from exc


def read_draft(response: Response) -> PasskeyDraft:
    found = read(check(response), _Draft)
    return PasskeyDraft(draft=found.draft, options=found.options)


def read_entrance(response: Response) -> Entrance:
    found = read(check(response), _Entrance)
    return Entrance(url=found.url, expires=found.expires)


def read_factors(response: Response) -> tuple[Factor, ...]:
    found = read(check(response), _Factors)
    return tuple(Factor(**msgspec.structs.asdict(one)) for one in found.factors)


def read_removed(response: Response) -> int:
    return read(check(response), _Removed).removed


def read_grant(response: Response) -> Grant | None:
    found = read(check(response), _Grant)
    if not found.active:
        return None
    said = msgspec.structs.asdict(found)
    del said["active"]
    return Grant(**said)


def read_keys(response: Response) -> dict[str, Any]:
    return {"keys": read(check(response), _Keys).keys}
