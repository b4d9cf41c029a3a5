"""The rules for an identity token (OpenID Connect Core 1.0, 3.1.3.7, RFC 9470), all of them, without any I/O.

    1  signed    RS256, PS256, ES256 or EdDSA, by the one key of the provider that its header names; never ``none``,
                 never HS*. Keys that the token brings along (``jwk``, ``jku``, ``x5u``) are not looked at; ``crit`` is
                 refused
    2  type      ``JWT`` or none: an access token or a logout token is no identity token
    3  iss       the issuer that was asked, letter for letter
    4  aud       our client id among it; several, or an ``azp``: ``azp`` is our client id
    5  exp, iat  not over, not from the future; 60 s of difference between the clocks are allowed
    6  nonce     the one of this very request, compared in constant time: the token was made for us, now
    7  auth_time there, not from the future, and no older than was asked for: measured against our own record of when
                 the browser was sent. A session from yesterday at the provider proves nothing today
    8  level     a value that the operator's table maps; missing or unknown: refused. One that is weaker than was asked
                 for gives what it maps to, and no more. Of a list only the values that were *asked for* count: what
                 else the person might be entitled to was not proved
    9  subject   a text that can be an actor's id; ``email`` only if the provider has verified it

``amr`` gives no level. It is filtered to the methods of RFC 8176 that we know and recorded: at some providers it
keeps what was used at sign-in, hours ago.

``at_hash`` is not looked at, because the access token is not used. Nor is the UserInfo endpoint: unsigned.
"""

import hmac
from typing import Annotated, Any, Final, Literal, get_args

import jwt
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm

from stepwarden.connect.openid.keys import ALGORITHMS, Jwk
from stepwarden.connect.openid.settings import ProviderSettings
from stepwarden.errors import ProviderError
from stepwarden.events.attempt import Identifier, Method

LEEWAY: Final = 60
"""Seconds that the provider's clock and ours may differ."""
MAX_TOKEN: Final = 32_768
_METHODS: Final = frozenset(get_args(Method))

_Time = Annotated[float, msgspec.Meta(ge=0, le=253_402_300_799)]
_Name = Annotated[str, msgspec.Meta(max_length=256)]


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """A token's header, which nobody has verified yet; ``kid`` "" where it names no key."""

    alg: Literal["RS256", "PS256", "ES256", "EdDSA"]
    kid: _Name = ""
    typ: _Name = "JWT"
    crit: msgspec.UnsetType = msgspec.UNSET
    b64: msgspec.UnsetType = msgspec.UNSET


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What a token is held against.

    Args:
        nonce: of the request.
        begun: when the browser was sent, microseconds since 1970 UTC by our clock.
        max_age: seconds before that at which the person may have proved themselves.
        now: microseconds since 1970 UTC by our clock.
    """

    nonce: str
    begun: int
    max_age: int
    now: int


class Proved(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says that holds; ``auth_time`` in microseconds."""

    subject: str
    aal: Literal[1, 2, 3]
    amr: tuple[Method, ...]
    auth_time: int


class _Claims(msgspec.Struct, frozen=True, kw_only=True):
    iss: str
    aud: str | list[str]
    exp: _Time
    iat: _Time
    nonce: str
    auth_time: _Time
    azp: str | None = None


def read_head(token: str) -> Head:
    """Read what a token says about its own signature.

    Raises:
        ProviderError: rules 1 and 2.
    """
    if len(token) > MAX_TOKEN or not token.isascii():
        raise ProviderError("the identity token is too long, or none")
    try:
        found = msgspec.convert(jwt.get_unverified_header(token), Head, strict=True)
    except (jwt.PyJWTError, msgspec.ValidationError, RecursionError):
        raise ProviderError("the identity token is not signed in a way that is taken") from None
    if found.typ.upper() != "JWT":
        raise ProviderError("the token is not an identity token")
    return found


def verify(token: str, head: Head, key: Jwk, settings: ProviderSettings, expected: Expected) -> Proved:
    """Check a token whose header was read and whose key was chosen.

    Raises:
        ProviderError: any of the rules; the message names the claim, never its value.
    """
    claims = _verified(token, head, key)
    try:
        found = msgspec.convert(claims, _Claims, strict=True)
    except msgspec.ValidationError:
        raise ProviderError("the identity token lacks a claim, or has one of another type") from None
    _check_parties(found, settings)
    _check_times(found, expected)
    if not hmac.compare_digest(found.nonce.encode(), expected.nonce.encode()):
        raise ProviderError("the identity token is for another request: nonce")
    return Proved(
        subject=_subject(claims, settings),
        aal=_level(claims.get(settings.level_claim), settings),
        amr=_methods(claims.get("amr")),
        auth_time=int(found.auth_time) * 1_000_000,
    )


def _verified(token: str, head: Head, key: Jwk) -> dict[str, Any]:
    if head.alg not in ALGORITHMS or not key.fits(head.kid, head.alg):
        raise ProviderError("the key is not one for this token")
    try:
        payload = jwt.PyJWS().decode(token, key.load(), algorithms=[head.alg])
        return msgspec.json.decode(payload, type=dict[str, Any])
    except (jwt.PyJWTError, ValueError, TypeError, UnsupportedAlgorithm, RecursionError):
        raise ProviderError("the identity token's signature does not verify") from None


def _check_parties(found: _Claims, settings: ProviderSettings) -> None:
    if found.iss != settings.issuer:
        raise ProviderError("the identity token is another issuer's: iss")
    audience = [found.aud] if isinstance(found.aud, str) else found.aud
    if settings.client_id not in audience:
        raise ProviderError("the identity token is for another client: aud")
    # Core (3.1.3.7): several audiences need an authorized party, and where there is one it has to be us.
    if found.azp != settings.client_id and (len(audience) > 1 or found.azp is not None):
        raise ProviderError("the identity token was asked for by another client: azp")


def _check_times(found: _Claims, expected: Expected) -> None:
    now = expected.now / 1_000_000
    if found.exp <= now - LEEWAY:
        raise ProviderError("the identity token is over: exp")
    if found.iat > now + LEEWAY:
        raise ProviderError("the identity token is from the future: iat")
    if found.auth_time > now + LEEWAY:
        raise ProviderError("the person proves themselves only in the future: auth_time")
    if found.auth_time < expected.begun / 1_000_000 - expected.max_age - LEEWAY:
        raise ProviderError("the person was not asked again: auth_time")


def _level(said: object, settings: ProviderSettings) -> Literal[1, 2, 3]:
    found: int | None
    if isinstance(said, str):
        found = settings.acr.get(said)
    elif isinstance(said, list) and settings.level_claim != "acr":
        found = max((settings.acr[one] for one in settings.asked if one in said), default=None)
    else:
        found = None
    match found:
        case 1 | 2 | 3:
            return found
        case _:
            raise ProviderError(f"the provider does not say that a level was proved: {settings.level_claim}")


def _methods(said: object) -> tuple[Method, ...]:
    # What cannot be read names no method: it never raises anybody, since the level does not come from here.
    listed = [one for one in said if isinstance(one, str)] if isinstance(said, list) else []
    return tuple(sorted(_METHODS.intersection(listed)))


def _subject(claims: dict[str, Any], settings: ProviderSettings) -> str:
    if settings.claim == "email" and claims.get("email_verified") is not True:
        raise ProviderError("the provider has not verified the address: email_verified")
    try:
        return msgspec.convert(claims.get(settings.claim), Identifier, strict=True)
    except msgspec.ValidationError:
        raise ProviderError(f"the provider does not say who it was: {settings.claim}") from None
