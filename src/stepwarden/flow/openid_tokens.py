"""What our OpenID provider says: identity tokens, access tokens, and what it is able to do.

``auth_time`` is when what is said was really proved, by our clock; it cannot be moved, for there are no refresh tokens.
``acr`` is the level that was reached, which need not be the one that was asked for: a browser may have changed the
question, unless it was pushed.
"""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import msgspec

from stepwarden.events.base import AAL
from stepwarden.events.levels import LEVELS, acr_of
from stepwarden.flow.answers import PassedAnswer
from stepwarden.flow.jose import GRANT, Jose
from stepwarden.flow.openid_request import AuthorizationRequest
from stepwarden.stepup.assurance import spoken

TOKEN_SECONDS: Final = 300
SECOND: Final = 1_000_000
HALF: Final = 16
"""Bytes of a hash that ``at_hash`` has, for RS256."""
PATHS: Final = {
    "authorization_endpoint": "/openid/authorize",
    "pushed_authorization_request_endpoint": "/openid/par",
    "token_endpoint": "/openid/token",
    "jwks_uri": "/.well-known/jwks.json",
}


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody has proved: the level and methods by their names outside, and when, in seconds since 1970."""

    acr: str
    amr: tuple[str, ...]
    auth_time: int


def proof_of(aal: AAL, amr: tuple[str, ...], at: int) -> Proof:
    """The proof of a level by these methods; ``at`` in microseconds."""
    return Proof(acr=acr_of(aal), amr=spoken(amr), auth_time=at // SECOND)


def proof_by_grant(jose: Jose, passed: PassedAnswer, *, client: str, now: int) -> Proof:
    """The proof that a grant of our own is for; ``now`` in microseconds."""
    claims = jose.read(passed.grant, GRANT, audience=client, now=now // SECOND)
    return Proof(acr=claims["acr"], amr=tuple(claims["amr"]), auth_time=claims["auth_time"])


def token_response(
    jose: Jose, request: AuthorizationRequest, proof: Proof, *, now: int, jti: str
) -> dict[str, Any]:
    """What the token endpoint answers; ``now`` in microseconds."""
    issued = now // SECOND
    said: dict[str, Any] = {
        "sub": request.actor,
        "aud": request.client.id,
        "iat": issued,
        "exp": issued + TOKEN_SECONDS,
        "auth_time": proof.auth_time,
        "acr": proof.acr,
        "amr": list(proof.amr),
    }
    access = jose.sign_grant({**said, "client_id": request.client.id, "jti": jti, "scope": "openid"})
    named = {"nonce": request.nonce} if request.nonce else {}
    identity = jose.sign_identity({**said, **named, "at_hash": hash_of(access)})
    return {
        "access_token": access,
        "token_type": "Bearer",
        "expires_in": TOKEN_SECONDS,
        "scope": "openid",
        "id_token": identity,
    }


def hash_of(access_token: str) -> str:
    """``at_hash``: the left half of the token's SHA-256 (OpenID Connect Core, section 3.1.3.6)."""
    digest = sha256(access_token.encode("ascii")).digest()
    return urlsafe_b64encode(digest[:HALF]).rstrip(b"=").decode()


def metadata(issuer: str) -> Mapping[str, Any]:
    """OpenID Connect Discovery 1.0 and RFC 8414: one document for both."""
    return {
        "issuer": issuer,
        **{name: issuer + path for name, path in PATHS.items()},
        "scopes_supported": ["openid"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "acr_values_supported": list(LEVELS),
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_supported": [
            "iss",
            "sub",
            "aud",
            "exp",
            "iat",
            "auth_time",
            "nonce",
            "acr",
            "amr",
            "at_hash",
        ],
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "require_pushed_authorization_requests": False,
        "authorization_response_iss_parameter_supported": True,
    }
