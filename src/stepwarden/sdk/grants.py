"""Verifying a grant without asking anybody: the signature, who made it, for how long, at which level, for what.

>>> one = action_hash("transfer", "alice", "account/7", {"cents": 100, "to": "DE02"})
>>> one == action_hash("transfer", "alice", "account/7", {"to": "DE02", "cents": 100})
True

In this order, and each step ends it:

1. a token of at most 2,048 characters, ``typ`` ``at+jwt``, ``alg`` EdDSA and nothing else, no extension
2. signed by the one key that its ``kid`` names, an Ed25519 key of the key set that you fetched
3. ``iss`` is yours to say; ``aud`` where you say one; it is not over, and not from the future
4. ``acr`` is one of the levels that would do, or above
5. ``auth_time`` is at most ``max_age`` seconds ago
6. ``action_hash`` is that of what is about to be done (compared in constant time)

That it was not used before only Stepwarden knows: ``introspect``, ``redeem``, or an attempt with the grant. PyJWT and
``cryptography`` do the reading; they are loaded at the first call.
"""

import hmac
import time
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import msgspec

from stepwarden.sdk.answers import Grant
from stepwarden.sdk.errors import BadGrantError

LEVELS: Final = {"nist-aal1": 1, "nist-aal2": 2, "nist-aal3": 3}
MAX_TOKEN: Final = 2_048
SKEW: Final = 60
"""Seconds that two clocks may differ by, where a time lies ahead."""
_NEEDED: Final = ("iss", "sub", "exp", "iat", "acr", "auth_time")
_encode = msgspec.json.Encoder(order="sorted").encode


def action_hash(
    action: str, actor: str, resource: str = "", parameters: Mapping[str, str | int | bool] | None = None
) -> str:
    """The claim ``action_hash`` of a grant for this very action (SHA-256, hex).

    What looks like a secret (a token, a card's number) is masked by Stepwarden before it is hashed, so an action that
    holds one has another hash there.
    """
    text = _encode(["stepwarden action v1", action, actor, resource, sorted((parameters or {}).items())])
    return sha256(text).hexdigest()


def level_of(acr_values: str) -> int:
    """The least level among these names, separated by blanks.

    Raises:
        ValueError: none of them is known.
    """
    found = [LEVELS[name] for name in acr_values.split() if name in LEVELS]
    if not found:
        raise ValueError(f"none of these levels is known: {acr_values!r}; known are {', '.join(LEVELS)}")
    return min(found)


def verify_grant(
    token: str,
    *,
    jwks: Mapping[str, Any],
    issuer: str,
    audience: str = "",
    acr: str = "",
    max_age: int = -1,
    action_hash: str = "",
    now: float | None = None,
) -> Grant:
    """What a grant says, if it is good for this.

    Args:
        jwks: what ``Client.key_set`` gave.
        issuer: Stepwarden's public URL, as you know it: never taken from the token.
        audience: the id of the API key that asked; "": whoever's.
        acr: the levels that would do, separated by blanks; "": any.
        max_age: seconds; -1: any.
        action_hash: of what is about to be done; "": whatever it is for.
        now: seconds since 1970; by default this machine's clock.

    Raises:
        BadGrantError: it is not, whatever is wrong with it.
    """
    wanted = level_of(acr) if acr else 0
    claims = _read(token, jwks, issuer, audience)
    found = _grant(claims)
    moment = time.time() if now is None else now
    refused = BadGrantError("not a grant that is good for this")
    if found.exp <= moment or claims["iat"] > moment + SKEW or found.auth_time > moment + SKEW:
        raise refused
    if LEVELS.get(found.acr, 0) < wanted:
        raise refused
    if max_age >= 0 and found.auth_time + max_age < moment:
        raise refused
    if action_hash and not hmac.compare_digest(found.action_hash.encode(), action_hash.encode()):
        raise refused
    return found


def _read(token: str, jwks: Mapping[str, Any], issuer: str, audience: str) -> dict[str, Any]:
    import jwt  # loaded here: it brings a whole library of cryptography, and most callers only ask

    refused = BadGrantError("not a grant that is good for this")
    if not issuer or len(token) > MAX_TOKEN:
        raise refused
    try:
        head = jwt.get_unverified_header(token)
        if (head.get("alg"), head.get("typ")) != ("EdDSA", "at+jwt") or {"crit", "b64"} & head.keys():
            raise refused
        keys = [key for key in jwks.get("keys", ()) if key.get("kid") == head.get("kid")]
        if len(keys) != 1 or (keys[0].get("kty"), keys[0].get("crv")) != ("OKP", "Ed25519"):
            raise refused
        claims: dict[str, Any] = jwt.decode(
            token,
            jwt.PyJWK(keys[0], algorithm="EdDSA"),
            algorithms=["EdDSA"],
            issuer=issuer,
            audience=audience or None,
            options={
                "require": list(_NEEDED),
                "verify_exp": False,  # by the moment that the caller names
                "verify_iat": False,
                "verify_aud": bool(audience),
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
        raise refused from exc
    return claims


def _grant(claims: dict[str, Any]) -> Grant:
    whole = ("exp", "iat", "auth_time")
    if any(type(claims[name]) is not int for name in whole) or not isinstance(claims["acr"], str):
        raise BadGrantError("not a grant that is good for this")
    amr = claims.get("amr", ())
    return Grant(
        sub=str(claims["sub"]),
        acr=claims["acr"],
        amr=tuple(map(str, amr)) if isinstance(amr, list) else (),
        auth_time=claims["auth_time"],
        exp=claims["exp"],
        jti=str(claims.get("jti", "")),
        aud=str(claims.get("aud", "")),
        action=str(claims.get("action", "")),
        action_hash=str(claims.get("action_hash", "")),
    )
