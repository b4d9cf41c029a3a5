"""Passkeys, security keys, platform authenticators (WebAuthn Level 3): is this assertion right?

The steps of section 7.2 of the standard that are ours to take, in this order:

1. the answer is one JSON text of the shape of ``PublicKeyCredential.toJSON()``, of a credential that this person has;
2. client data: of type ``webauthn.get``, over exactly our challenge, from an origin of ours that belongs to our site,
   not from another's frame;
3. authenticator data: for our site (SHA-256 of the relying party's id), user present, user *verified*;
4. the signature, by the public key from enrolment, over authenticator data and SHA-256 of the client data;
5. the counter goes forward, where the authenticator has one: otherwise there are two of it (``cloned``).

``check_proof`` takes steps 2 to 4 from what the log holds, so that whoever audits does the very same.

The challenge is the commitment of ``binding``: what is signed is the action. Keys are read, and signatures verified, by
``webauthn`` and ``cryptography``. Not here: enrolment (``registration``), counting (``people``).
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from webauthn.helpers import (
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    verify_signature,
)
from webauthn.helpers.exceptions import WebAuthnException

from stepwarden.stepup.people import Passkey

MAX_ANSWER: Final = 8_192
"""Characters of an answer: an assertion has about 900."""
MAX_PROOF: Final = 6_144
USER_PRESENT, USER_VERIFIED, BACKUP_ELIGIBLE, BACKED_UP = 0x01, 0x04, 0x08, 0x10
_RP_ID_HASH, _FLAGS, _COUNT, _LEAST = slice(0, 32), 32, slice(33, 37), 37
KEYS = 4_096
"""Public keys kept ready to verify with."""


class _Response(msgspec.Struct, frozen=True):
    clientDataJSON: str  # noqa: N815  # the standard's names
    authenticatorData: str  # noqa: N815
    signature: str


class _Answer(msgspec.Struct, frozen=True):
    id: str
    response: _Response
    type: str = "public-key"


class _ClientData(msgspec.Struct, frozen=True):
    type: str
    challenge: str
    origin: str
    crossOrigin: bool = False  # noqa: N815
    topOrigin: str = ""  # noqa: N815


_read_answer = msgspec.json.Decoder(_Answer).decode
_read_client_data = msgspec.json.Decoder(_ClientData).decode


@dataclass(frozen=True, slots=True)
class Assertion:
    """An assertion that is right. ``proof`` is what the log keeps; ``cloned``: its counter went back."""

    credential: str
    proof: str
    sign_count: int
    synced: bool
    backed_up: bool
    cloned: bool


def base64url(data: bytes) -> str:
    """Without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def unbase64url(text: str) -> bytes:
    """Read back what ``base64url`` wrote, and nothing else.

    Raises:
        ValueError: for all other texts, a second spelling included.
    """
    data = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    if base64url(data) != text:
        raise ValueError("not base64url in its one spelling")
    return data


def check(
    text: str,
    *,
    nonce: str,
    credentials: Sequence[tuple[str, bytes, Passkey]],
    origins: Collection[str],
    rp_id: str,
) -> Assertion | None:
    """Look at an answer; None if it is not right, whatever is wrong with it.

    Args:
        text: as the browser gave it.
        nonce: the commitment that was to be signed, 64 hexadecimal digits.
        credentials: this person's: our id, the authenticator's id, what the log knows.
    """
    if len(text) > MAX_ANSWER:
        return None
    try:
        answer = _read_answer(text)
        raw_id = unbase64url(answer.id)
        response = answer.response
        signed = unbase64url(response.authenticatorData)
        client_data = unbase64url(response.clientDataJSON)
        signature = unbase64url(response.signature)
    except (msgspec.MsgspecError, UnicodeError, ValueError, RecursionError):
        return None
    if answer.type != "public-key":
        return None
    for credential, known_id, passkey in credentials:
        if not hmac.compare_digest(known_id, raw_id) or passkey.rp_id != rp_id:
            continue
        if not _holds(signed, client_data, signature, nonce, passkey, origins):
            return None
        count = int.from_bytes(signed[_COUNT], "big")
        return Assertion(
            credential=credential,
            proof=".".join(map(base64url, (signed, client_data, signature))),
            sign_count=count,
            synced=bool(signed[_FLAGS] & BACKUP_ELIGIBLE),
            backed_up=bool(signed[_FLAGS] & BACKED_UP),
            cloned=(count > 0 or passkey.sign_count > 0) and count <= passkey.sign_count,
        )
    return None


def check_proof(proof: str, nonce: str, passkey: Passkey) -> tuple[int, bool, bool] | None:
    """Whether a proof from the log is this passkey's signature over ``nonce``; which origin is asked of the site's id.

    Returns:
        Counter, and whether it is synced and backed up; None if it does not hold.
    """
    try:
        signed, client_data, signature = map(unbase64url, proof.split("."))
        origin = _read_client_data(client_data).origin
    except (msgspec.MsgspecError, UnicodeError, ValueError, RecursionError):
        return None
    if not _holds(signed, client_data, signature, nonce, passkey, (origin,)):
        return None
    flags = signed[_FLAGS]
    return (
        int.from_bytes(signed[_COUNT], "big"),
        bool(flags & BACKUP_ELIGIBLE),
        bool(flags & BACKED_UP),
    )


def belongs(origin: str, rp_id: str) -> bool:
    """Whether a browser would let this origin use a passkey of ``rp_id``: itself or below it, over TLS or at home."""
    try:
        parts = urlsplit(origin)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        return False
    at_home = parts.scheme == "http" and (host == "localhost" or host.endswith(".localhost"))
    return (parts.scheme == "https" or at_home) and (host == rp_id or host.endswith("." + rp_id))


def _holds(
    signed: bytes,
    client_data: bytes,
    signature: bytes,
    nonce: str,
    passkey: Passkey,
    origins: Collection[str],
) -> bool:
    """Steps 2 to 4."""
    try:
        said = _read_client_data(client_data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False
    wanted = base64url(bytes.fromhex(nonce))
    if said.type != "webauthn.get" or said.crossOrigin or said.topOrigin:
        return False
    if not hmac.compare_digest(said.challenge.encode(), wanted.encode()):
        return False
    if said.origin not in origins or not belongs(said.origin, passkey.rp_id):
        return False
    if len(signed) < _LEAST or not hmac.compare_digest(
        signed[_RP_ID_HASH], sha256(passkey.rp_id.encode()).digest()
    ):
        return False
    if not signed[_FLAGS] & USER_PRESENT or not signed[_FLAGS] & USER_VERIFIED:
        return False
    try:
        key, algorithm = _key(passkey.public_key)
        verify_signature(
            public_key=key,
            signature_alg=algorithm,
            signature=signature,
            data=signed + sha256(client_data).digest(),
        )
    except (InvalidSignature, UnsupportedAlgorithm, WebAuthnException, ValueError):
        return False
    return True


@lru_cache(maxsize=KEYS)
def _key(public_key: str) -> tuple[Any, Any]:
    # Reading a COSE key costs as much as verifying with it.
    decoded = decode_credential_public_key(unbase64url(public_key))
    return decoded_public_key_to_cryptography(decoded), decoded.alg
