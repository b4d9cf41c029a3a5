"""A WebAuthn authenticator in software: what a browser with a passkey would send, and what one that lies would.

Independent of the code under test: nothing of ``stepwarden`` or ``webauthn`` is used, only ES256 by ``cryptography``
and CBOR by ``cbor2``. Both methods take the options as a page gets them (JSON) and return the JSON text of
``PublicKeyCredential.toJSON()``.

>>> passkey = SoftwareAuthenticator()
>>> options = '{"rp":{"id":"localhost","name":"x"},"user":{"id":"AA","name":"a"},"challenge":"AAAA"}'
>>> made = passkey.register(options, "http://localhost:8700")
>>> json.loads(made)["type"], len(passkey.credentials)
('public-key', 1)

By default it is honest: the user is verified, the counter goes up by one with each answer, the key is not synced.
Every argument after ``origin`` makes it something else: ``verified=False`` (somebody found the key), ``counter=1``
(a clone), ``challenge`` or ``rp_id`` (a relayed answer), an ``origin`` of somebody else (phishing).
"""

import copy
import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Self

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

PRESENT, VERIFIED, ELIGIBLE, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40
ES256: Final = -7
_AAGUID_OID = x509.ObjectIdentifier("1.3.6.1.4.1.45724.1.1.4")


def encode64(data: bytes) -> str:
    """base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decode64(text: str) -> bytes:
    """Read it back."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass(slots=True)
class Credential:
    """One key pair for one site."""

    id: bytes
    rp_id: str
    key: EllipticCurvePrivateKey
    user: str
    counter: int = 0
    synced: bool = False
    backed_up: bool = False


class Maker:
    """Somebody who makes authenticators and vouches for them: a root, and a certificate for one model under it."""

    def __init__(self, aaguid: bytes = bytes(range(16))) -> None:
        self.aaguid = aaguid
        root_key, self.key = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
        root_name = _name("Maker Root", unit="Roots")
        root = _certificate(root_name, root_name, root_key, root_key, aaguid=None)
        self.root_pem = root.public_bytes(Encoding.PEM)
        leaf_name = _name("Maker Authenticator", unit="Authenticator Attestation")
        leaf = _certificate(leaf_name, root_name, self.key, root_key, aaguid=aaguid)
        self.certificate = leaf.public_bytes(Encoding.DER)


@dataclass(slots=True)
class SoftwareAuthenticator:
    """All credentials of one device. ``maker`` vouches for it, if there is one."""

    maker: Maker | None = None
    credentials: list[Credential] = field(default_factory=list)

    def register(
        self,
        options_json: str,
        origin: str,
        *,
        verified: bool = True,
        present: bool = True,
        synced: bool = False,
        backed_up: bool | None = None,
        counter: int = 0,
        rp_id: str | None = None,
        challenge: bytes | None = None,
        attestation: str = "packed",
        kind: str = "webauthn.create",
    ) -> str:
        """Make a credential.

        Args:
            synced: the key may be copied (backup eligible); ``backed_up`` None: as ``synced``.
            rp_id, challenge: in place of those of the options.
            attestation: ``packed`` (by the maker, or without one by the credential itself) or ``none``.
        """
        options = json.loads(options_json)
        backed_up = synced if backed_up is None else backed_up
        made = Credential(
            id=os.urandom(32),
            rp_id=options["rp"]["id"] if rp_id is None else rp_id,
            key=generate_private_key(SECP256R1()),
            user=options["user"]["id"],
            counter=counter,
            synced=synced,
            backed_up=backed_up,
        )
        numbers = made.key.public_key().public_numbers()
        x, y = (value.to_bytes(32, "big") for value in (numbers.x, numbers.y))
        public = cbor2.dumps({1: 2, 3: ES256, -1: 1, -2: x, -3: y})
        aaguid = self.maker.aaguid if self.maker is not None else bytes(16)
        attested = aaguid + len(made.id).to_bytes(2, "big") + made.id + public
        flags = _flags(present, verified, synced, backed_up) | ATTESTED
        signed = _authenticator_data(made.rp_id, flags, counter) + attested
        client_data = _client_data(
            kind, decode64(options["challenge"]) if challenge is None else challenge, origin
        )
        statement: dict[str, Any] = {}
        if attestation == "packed":
            signer = self.maker.key if self.maker is not None else made.key
            statement = {"alg": ES256, "sig": _sign(signer, signed + sha256(client_data).digest())}
            if self.maker is not None:
                statement["x5c"] = [self.maker.certificate]
        whole = cbor2.dumps({"fmt": attestation, "attStmt": statement, "authData": signed})
        self.credentials.append(made)
        return _public_key_credential(
            made.id,
            {
                "clientDataJSON": encode64(client_data),
                "attestationObject": encode64(whole),
                "transports": ["internal"],
            },
        )

    def answer(
        self,
        options_json: str,
        origin: str,
        *,
        verified: bool = True,
        present: bool = True,
        counter: int | None = None,
        synced: bool | None = None,
        backed_up: bool | None = None,
        rp_id: str | None = None,
        challenge: bytes | None = None,
        kind: str = "webauthn.get",
        cross_origin: bool = False,
    ) -> str:
        """Sign what the options ask for, with the first credential of ours that they allow.

        Args:
            counter: None: one more than last time, or 0 for ever if it began there and is synced.
            synced, backed_up: None: as at registration.
            rp_id, challenge: in place of those of the options.

        Raises:
            LookupError: there is no such credential here; a browser would say ``NotAllowedError``.
        """
        options = json.loads(options_json)
        used = self._allowed(options)
        if counter is None:
            counter = 0 if used.synced and used.counter == 0 else used.counter + 1
            used.counter = counter
        flags = _flags(
            present,
            verified,
            used.synced if synced is None else synced,
            used.backed_up if backed_up is None else backed_up,
        )
        signed = _authenticator_data(used.rp_id if rp_id is None else rp_id, flags, counter)
        wanted = decode64(options["challenge"]) if challenge is None else challenge
        client_data = _client_data(kind, wanted, origin, cross_origin=cross_origin)
        signature = _sign(used.key, signed + sha256(client_data).digest())
        return _public_key_credential(
            used.id,
            {
                "clientDataJSON": encode64(client_data),
                "authenticatorData": encode64(signed),
                "signature": encode64(signature),
                "userHandle": used.user,
            },
        )

    def clone(self) -> Self:
        """The same keys in another device, with the counters as they are now."""
        return type(self)(self.maker, [copy.copy(one) for one in self.credentials])

    def _allowed(self, options: dict[str, Any]) -> Credential:
        wanted = {decode64(one["id"]) for one in options.get("allowCredentials") or ()}
        for known in self.credentials:
            if known.rp_id == options["rpId"] and (not wanted or known.id in wanted):
                return known
        raise LookupError("no credential of this authenticator is allowed")


def _flags(present: bool, verified: bool, synced: bool, backed_up: bool) -> int:
    named = ((present, PRESENT), (verified, VERIFIED), (synced, ELIGIBLE), (backed_up, BACKED_UP))
    return sum(flag for on, flag in named if on)


def _authenticator_data(rp_id: str, flags: int, counter: int) -> bytes:
    return sha256(rp_id.encode()).digest() + bytes([flags]) + counter.to_bytes(4, "big")


def _client_data(kind: str, challenge: bytes, origin: str, *, cross_origin: bool = False) -> bytes:
    said = {"type": kind, "challenge": encode64(challenge), "origin": origin, "crossOrigin": cross_origin}
    return json.dumps(said, separators=(",", ":")).encode()


def _sign(key: EllipticCurvePrivateKey, data: bytes) -> bytes:
    return key.sign(data, ECDSA(SHA256()))


def _public_key_credential(raw_id: bytes, response: dict[str, Any]) -> str:
    named = encode64(raw_id)
    return json.dumps(
        {
            "id": named,
            "rawId": named,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": response,
        }
    )


def _name(common: str, *, unit: str) -> x509.Name:
    parts = (
        (NameOID.COUNTRY_NAME, "DE"),
        (NameOID.ORGANIZATION_NAME, "Maker"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
        (NameOID.COMMON_NAME, common),
    )
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: EllipticCurvePrivateKey,
    signer: EllipticCurvePrivateKey,
    *,
    aaguid: bytes | None,
) -> x509.Certificate:
    """A certificate as the section on packed attestation wants it; ``aaguid`` None: a root."""
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=aaguid is None, path_length=None), critical=True)
    )
    if aaguid is not None:
        value = x509.UnrecognizedExtension(_AAGUID_OID, b"\x04\x10" + aaguid)
        made = made.add_extension(value, critical=False)
    return made.sign(signer, SHA256())
