"""Enrolling a passkey (WebAuthn Level 3, section 7.1): what a browser is asked for, and whether its answer is one.

User verification is demanded, always: a key that signs for whoever holds it is no second factor. What the authenticator
says of itself is believed only as far as somebody vouches for it: its key is called ``hardware`` (and so gives AAL3)
where it is not synced and its attestation leads to a root that the operator named; or, if the operator says so
(``trust="flags"``), wherever it says that it is not synced.

The parsing and the cryptography of attestations are those of ``webauthn``. Not here: assertions (``webauthn``).
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec
from webauthn import (
    generate_registration_options,
    options_to_json,
    verify_registration_response,
)
from webauthn.helpers import parse_attestation_object
from webauthn.helpers.cose import COSEAlgorithmIdentifier as Algorithm
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AttestationFormat,
    AuthenticatorSelectionCriteria,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from stepwarden.stepup.factors.webauthn import base64url

Trust = Literal["attested", "flags"]
Roots = Mapping[str, Sequence[bytes]]
"""PEM certificates by attestation format (``packed``, ``tpm``, ``android-key``, ``apple`` ...)."""
MAX_ANSWER: Final = 32_768
CHALLENGE_BYTES: Final = 32
USER_ID_BYTES: Final = 32
ALGORITHMS: Final = [
    Algorithm.ECDSA_SHA_256,
    Algorithm.EDDSA,
    Algorithm.RSASSA_PKCS1_v1_5_SHA_256,
]


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey that may be enrolled. ``public_key`` as COSE in base64url, ``raw_id`` the authenticator's id for it."""

    public_key: str
    raw_id: bytes
    aaguid: str
    hardware: bool
    synced: bool
    backed_up: bool
    sign_count: int


def options(
    *,
    rp_id: str,
    rp_name: str,
    user_id: bytes,
    user_name: str,
    challenge: bytes,
    known: Sequence[bytes],
    attested: bool,
) -> str:
    """What ``navigator.credentials.create`` takes, as JSON.

    Args:
        user_id: 32 bytes that mean nothing outside this log: an authenticator may show or sync it.
        user_name: shown by the authenticator.
        known: the authenticators' ids of this person's passkeys, so that none is enrolled twice.
        attested: ask the authenticator to say what it is.
    """
    made = generate_registration_options(
        rp_id=rp_id,
        rp_name=rp_name,
        user_id=user_id,
        user_name=user_name,
        user_display_name=user_name,
        challenge=challenge,
        attestation=(
            AttestationConveyancePreference.DIRECT if attested else AttestationConveyancePreference.NONE
        ),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=one) for one in known],
        supported_pub_key_algs=ALGORITHMS,
    )
    return options_to_json(made)


def check(
    text: str, *, challenge: bytes, rp_id: str, origins: Sequence[str], roots: Roots, trust: Trust
) -> Registered | None:
    """The passkey that a browser's answer is for; None if it is none that may be enrolled."""
    if len(text) > MAX_ANSWER:
        return None
    try:
        found = verify_registration_response(
            credential=text,
            expected_challenge=challenge,
            expected_rp_id=rp_id,
            expected_origin=list(origins),
            require_user_verification=True,
            supported_pub_key_algs=ALGORITHMS,
            pem_root_certs_bytes_by_fmt={AttestationFormat(name): list(pems) for name, pems in roots.items()},
        )
        vouched = _vouched(found.attestation_object, roots)
    except (WebAuthnException, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        # The library reads what anybody sends; whatever it stumbles over is no passkey.
        return None
    synced = found.credential_device_type is CredentialDeviceType.MULTI_DEVICE
    return Registered(
        public_key=base64url(found.credential_public_key),
        raw_id=found.credential_id,
        aaguid=found.aaguid,
        hardware=not synced and (vouched or trust == "flags"),
        synced=synced,
        backed_up=found.credential_backed_up,
        sign_count=found.sign_count,
    )


def _vouched(attestation: bytes, roots: Roots) -> bool:
    """Whether a certificate of the authenticator's maker came along that leads to a root for its format."""
    found = parse_attestation_object(attestation)
    return bool(roots.get(AttestationFormat(found.fmt).value)) and bool(found.att_stmt.x5c)
