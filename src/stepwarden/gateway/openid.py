"""What clients ask of our OpenID provider by themselves: discovery, pushed requests (RFC 9126), tokens (RFC 6749).

A ``visits.Site``: OAuth has its own shape for requests and errors (``{"error": "invalid_grant"}``), so these routes are
none of the API's, and its document does not list them; discovery does.

A client is an API key with the scope ``decide``: its id is the ``client_id``, the whole key the ``client_secret``, sent
as RFC 6749, section 2.3.1 has it, in the header or in the form, never both. Whatever is wrong with it gives one answer.
Nothing here is for browsers of people: see ``console.authorize``.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol
from urllib.parse import unquote_plus

import msgspec

from stepwarden.errors import BusyError, UnauthenticatedError
from stepwarden.flow.answers import ApiKey
from stepwarden.flow.openid_request import ErrorCode, RefusedRequestError, read_parameters
from stepwarden.gateway.exchange import JSON
from stepwarden.gateway.visits import FORM, Answered

MAX_BASIC: Final = 1_024
PAR, TOKEN, METADATA = "openid.par", "openid.token", "openid.metadata"
_NO_STORE: Final = ((b"cache-control", b"no-store"), (b"pragma", b"no-cache"))
_KEPT: Final = ((b"cache-control", b"public, max-age=300"),)
_BUSY: Final = 503


class Provider(Protocol):
    """``flow.openid.OpenIdProvider``. All calls on the loop's thread; they raise ``RefusedRequestError``."""

    def metadata(self) -> Mapping[str, Any]: ...

    def has(self, client_id: str) -> bool: ...

    def push(self, client_id: str, given: Mapping[str, str]) -> tuple[str, int]: ...

    async def redeem(self, client_id: str, given: Mapping[str, str]) -> dict[str, Any]: ...

    async def unauthenticated(self) -> None: ...


class _NotAClientError(Exception):
    """The client has not authenticated itself."""


class OpenIdSite:
    """All calls on the loop's thread."""

    routes: Sequence[tuple[str, str, str]] = (
        ("GET", "/.well-known/openid-configuration", METADATA),
        ("GET", "/.well-known/oauth-authorization-server", METADATA + ".oauth"),
        ("POST", "/openid/par", PAR),
        ("POST", "/openid/token", TOKEN),
    )

    def __init__(self, provider: Provider, authenticate: Callable[[str], ApiKey]) -> None:
        """``authenticate`` gives the key that a token is, or raises ``UnauthenticatedError``."""
        self._provider = provider
        self._authenticate = authenticate

    async def visit(
        self,
        name: str,
        *,
        segments: tuple[str, ...],
        query: bytes,
        body: bytes,
        headers: Mapping[bytes, bytes],
        peer: str,
    ) -> Answered:
        """See ``visits.Site``."""
        if name.startswith(METADATA):
            return 200, msgspec.json.encode(self._provider.metadata()), JSON, _KEPT
        try:
            if headers.get(b"content-type", b"").partition(b";")[0].strip().lower() != FORM.encode():
                raise RefusedRequestError("invalid_request", "send a form")
            given = read_parameters(body)
            client = self._client(given, headers)
            if name == PAR:
                address, seconds = self._provider.push(client, given)
                return _said(201, {"request_uri": address, "expires_in": seconds})
            return _said(200, await self._provider.redeem(client, given))
        except _NotAClientError:
            await self._provider.unauthenticated()
            return _wrong(401, "invalid_client", "the client is not authenticated", (_BASIC,))
        except RefusedRequestError as refused:
            return _wrong(400, refused.code, str(refused))
        except BusyError as busy:
            after = (b"retry-after", str(max(1, busy.retry_after)).encode())
            return _wrong(_BUSY, "temporarily_unavailable", "too much at once: ask again", (after,))

    def _client(self, given: Mapping[str, str], headers: Mapping[bytes, bytes]) -> str:
        """The client's id.

        Raises:
            RefusedRequestError: it authenticates itself in two ways.
            _NotAClientError: it does not, whatever is wrong.
        """
        authorization = headers.get(b"authorization")
        if authorization is not None and "client_secret" in given:
            raise RefusedRequestError("invalid_request", "authenticate in one way, not in two")
        if authorization is not None:
            named, secret = _basic(authorization)
            if given.get("client_id", named) != named:
                raise _NotAClientError
        else:
            named, secret = given.get("client_id", ""), given.get("client_secret", "")
        try:
            key = self._authenticate(secret)
        except UnauthenticatedError:
            raise _NotAClientError from None
        if key.id != named or "decide" not in key.scopes or not self._provider.has(named):
            raise _NotAClientError
        return named


_BASIC: Final = (b"www-authenticate", b'Basic realm="stepwarden"')


def _basic(authorization: bytes) -> tuple[str, str]:
    kind, _, text = authorization.partition(b" ")
    try:
        if kind.lower() != b"basic" or len(text) > MAX_BASIC:
            raise _NotAClientError
        named, colon, secret = b64decode(text, validate=True).decode("utf-8").partition(":")
    except (Base64Error, ValueError):
        raise _NotAClientError from None
    if not colon:
        raise _NotAClientError
    return unquote_plus(named), unquote_plus(secret)


def _said(status: int, value: Mapping[str, Any]) -> Answered:
    return status, msgspec.json.encode(value), JSON, _NO_STORE


def _wrong(
    status: int, code: ErrorCode, description: str, more: tuple[tuple[bytes, bytes], ...] = ()
) -> Answered:
    said = {"error": code, "error_description": description}
    return status, msgspec.json.encode(said), JSON, (*_NO_STORE, *more)
