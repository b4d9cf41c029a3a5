"""Signed tokens (JWS, RFC 7515) for those outside: grants by Ed25519, identity tokens by RSA as OpenID Connect wants
it.

Keys come as arguments; ``app.token_keys`` keeps them. Each has an id, the thumbprint of its public key (RFC 7638);
those that have been replaced stay in the key set until what they signed is over. Tokens are read by PyJWT; which
algorithm a token may have is decided by the key that its ``kid`` names, never by the token. Making one (section 3.1:
two segments of base64url, signed as they stand) is done here: it is part of every answer to a challenge, and at least a
quarter of what the library took was not the signature.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm

from stepwarden.errors import UnauthenticatedError

GRANT: Final = "at+jwt"
IDENTITY: Final = "JWT"
MAX_TOKEN: Final = 2_048
_encode = msgspec.json.Encoder().encode
_MEMBERS: Final = {"OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and what it is called outside."""

    private: Ed25519PrivateKey | RSAPrivateKey
    kid: str
    algorithm: str
    public: Mapping[str, Any]

    @classmethod
    def of(cls, private: Ed25519PrivateKey | RSAPrivateKey) -> "SigningKey":
        """The key with its id."""
        if isinstance(private, Ed25519PrivateKey):
            jwk, algorithm = OKPAlgorithm.to_jwk(private.public_key(), as_dict=True), "EdDSA"
        else:
            jwk, algorithm = RSAAlgorithm.to_jwk(private.public_key(), as_dict=True), "RS256"
        members = {name: jwk[name] for name in _MEMBERS[jwk["kty"]]}
        text = json.dumps(members, sort_keys=True, separators=(",", ":"))
        kid = _segment(sha256(text.encode()).digest()).decode()
        return cls(private, kid, algorithm, {**members, "kid": kid, "alg": algorithm, "use": "sig"})

    def __repr__(self) -> str:
        return f"SigningKey({self.kid})"

    def sign(self, data: bytes) -> bytes:
        """EdDSA (RFC 8037) or RS256 (RFC 7518), by the kind of key."""
        if isinstance(self.private, Ed25519PrivateKey):
            return self.private.sign(data)
        return self.private.sign(data, PKCS1v15(), SHA256())


class Jose:
    """Signs and reads the tokens of one log. The first key of each kind signs; all of them are shown."""

    def __init__(
        self, issuer: str, *, grants: Sequence[SigningKey], identities: Sequence[SigningKey]
    ) -> None:
        """``issuer``: our own public URL, which every token names."""
        self.issuer = issuer
        self._grants = tuple(grants)
        self._identities = tuple(identities)
        self._known = {key.kid: key for key in (*grants, *identities)}
        self._heads = {
            (kind, key.kid): _segment(_encode({"alg": key.algorithm, "kid": key.kid, "typ": kind}))
            for kind, keys in ((GRANT, self._grants), (IDENTITY, self._identities))
            for key in keys
        }

    def sign_grant(self, claims: Mapping[str, Any]) -> str:
        """A grant (RFC 9068)."""
        return self._sign(self._grants[0], GRANT, claims)

    def sign_identity(self, claims: Mapping[str, Any]) -> str:
        """An identity token (OpenID Connect Core)."""
        return self._sign(self._identities[0], IDENTITY, claims)

    def _sign(self, key: SigningKey, kind: str, claims: Mapping[str, Any]) -> str:
        said = _segment(_encode({"iss": self.issuer, **claims}))
        signed = self._heads[kind, key.kid] + b"." + said
        return (signed + b"." + _segment(key.sign(signed))).decode()

    def read(self, token: str, kind: str, *, audience: str | None, now: int) -> dict[str, Any]:
        """The claims of a token of ours that is not over.

        Args:
            kind: ``GRANT`` or ``IDENTITY``: one is never taken for the other.
            audience: whom it must be for; None: whomever.
            now: seconds since 1970.

        Raises:
            UnauthenticatedError: it is none, whatever is wrong with it.
        """
        refused = UnauthenticatedError("not a token of this service, or over")
        if len(token) > MAX_TOKEN:
            raise refused
        try:
            head = jwt.get_unverified_header(token)
            key = self._known.get(head.get("kid", ""))
            if key is None or head.get("typ") != kind:
                raise refused
            claims: dict[str, Any] = jwt.decode(
                token,
                key.private.public_key(),
                algorithms=[key.algorithm],
                audience=audience,
                issuer=self.issuer,
                options={
                    "require": ["exp", "iat", "iss"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_aud": audience is not None,
                },
            )
            over = int(claims["exp"]) <= now  # by the clock that we are given, not by the library's
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as exc:
            raise refused from exc
        if over:
            raise refused
        return claims

    def key_set(self) -> dict[str, Any]:
        """The public keys (RFC 7517)."""
        return {"keys": [dict(key.public) for key in self._known.values()]}


def _segment(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")
