"""A provider's public keys (RFC 7517), and which of them may have signed a token.

A key verifies one algorithm family and no other, whatever the token says:

    RSA, 2,048 to 8,192 bits    RS256, PS256
    EC, P-256                   ES256
    OKP, Ed25519                EdDSA

Keys of another kind, for encryption, or that cannot be read are passed over, as RFC 7517 (5) has it. Of each only its
public members are looked at: a provider that publishes a private key by mistake has it used as a public one.
"""

from typing import Annotated, Final

import jwt
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from stepwarden.errors import ProviderError

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

ALGORITHMS: Final = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}
"""Every algorithm that is taken, and the kind of key that it takes. All are asymmetric."""
MAX_KEYS: Final = 128
RSA_BITS: Final = range(2_048, 8_193)
_CURVES: Final = {"RSA": "", "EC": "P-256", "OKP": "Ed25519"}


class Jwk(msgspec.Struct, frozen=True, kw_only=True):
    """The members of a key that are looked at."""

    kty: str
    kid: str = ""
    use: str = ""
    alg: str = ""
    crv: str = ""
    n: Annotated[str, msgspec.Meta(max_length=1_400)] = ""
    e: Annotated[str, msgspec.Meta(max_length=12)] = ""
    x: Annotated[str, msgspec.Meta(max_length=64)] = ""
    y: Annotated[str, msgspec.Meta(max_length=64)] = ""

    def fits(self, kid: str, algorithm: str) -> bool:
        """Whether it may have signed a token that says so; ``kid`` "": the token names no key."""
        return (
            self.kty == ALGORITHMS.get(algorithm)
            and self.crv == _CURVES[self.kty]
            and self.alg in ("", algorithm)
            and self.use in ("", "sig")
            and kid in ("", self.kid)
        )

    def load(self) -> PublicKey:
        """The key itself.

        Raises:
            ProviderError: it is none.
        """
        try:
            found: object
            match self.kty:
                case "RSA":
                    found = RSAAlgorithm.from_jwk({"kty": "RSA", "n": self.n, "e": self.e})
                case "EC":
                    found = ECAlgorithm.from_jwk({"kty": "EC", "crv": self.crv, "x": self.x, "y": self.y})
                case _:
                    found = OKPAlgorithm.from_jwk({"kty": "OKP", "crv": self.crv, "x": self.x})
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, UnsupportedAlgorithm):
            raise ProviderError("the provider's key cannot be read") from None
        if not isinstance(found, PublicKey):
            raise ProviderError("the provider's key is not a public one")
        if isinstance(found, RSAPublicKey) and found.key_size not in RSA_BITS:
            raise ProviderError("the provider's key is too short, or too long")
        return found


class _KeySet(msgspec.Struct, frozen=True, kw_only=True):
    keys: Annotated[tuple[dict[str, object], ...], msgspec.Meta(max_length=MAX_KEYS)]


def read_keys(body: bytes) -> tuple[Jwk, ...]:
    """The keys of a set that could be ones of ours.

    Raises:
        ProviderError: it is no key set.
    """
    try:
        found = msgspec.json.decode(body, type=_KeySet)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise ProviderError("the provider's keys cannot be read") from None
    keys: list[Jwk] = []
    for each in found.keys:
        try:
            keys.append(msgspec.convert(each, Jwk, strict=True))
        except msgspec.ValidationError:
            continue
    return tuple(keys)


def choose(keys: tuple[Jwk, ...], kid: str, algorithm: str) -> Jwk | None:
    """The one key that may have signed; None where there is none, or more than one."""
    fitting = [one for one in keys if one.fits(kid, algorithm)]
    return fitting[0] if len(fitting) == 1 else None
