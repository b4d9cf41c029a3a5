"""The software authenticator against the library that reads passkeys: honest, it is believed; lying, it is not."""

import json

import pytest

from stepwarden.stepup.factors import registration, webauthn
from stepwarden.stepup.people import Passkey
from tests.stepup.software_authenticator import Maker, SoftwareAuthenticator, encode64

SITE, RP = "https://warden.example.com", "warden.example.com"
CHALLENGE = bytes(range(32))
PACKED_ROOT = "packed"


def options() -> str:
    """What a page is given to enrol."""
    return registration.options(
        rp_id=RP,
        rp_name="Stepwarden",
        user_id=bytes(32),
        user_name="alice",
        challenge=CHALLENGE,
        known=(),
        attested=True,
    )


def enrol(
    device: SoftwareAuthenticator, *, roots: registration.Roots, **how: bool
) -> registration.Registered | None:
    """What our side makes of its answer."""
    made = device.register(options(), SITE, **how)  # type: ignore[arg-type]  # only flags come here
    return registration.check(
        made, challenge=CHALLENGE, rp_id=RP, origins=[SITE], roots=roots, trust="attested"
    )


@pytest.mark.parametrize("synced", [False, True])
def test_an_honest_one_is_enrolled_and_believed(synced: bool) -> None:
    """What it registers verifies, and so does what it signs; its counter goes on."""
    device = SoftwareAuthenticator()
    found = enrol(device, roots={}, synced=synced)
    assert found is not None
    assert (found.synced, found.hardware) == (synced, False)
    passkey = Passkey(found.public_key, RP, hardware=False, synced=synced, backed_up=synced, sign_count=0)
    asked = json.dumps({"challenge": encode64(CHALLENGE), "rpId": RP})
    seen = webauthn.check(
        device.answer(asked, SITE),
        nonce=CHALLENGE.hex(),
        credentials=[("c1", found.raw_id, passkey)],
        origins={SITE},
        rp_id=RP,
    )
    assert seen is not None
    assert (seen.sign_count, seen.cloned) == (0 if synced else 1, False)


def test_one_with_a_maker_is_hardware_under_its_root_only() -> None:
    """A maker's certificate counts where its root is trusted; another maker's root refuses it."""
    maker, other = Maker(), Maker()
    found = enrol(SoftwareAuthenticator(maker), roots={PACKED_ROOT: [maker.root_pem]})
    assert found is not None
    assert found.hardware
    assert enrol(SoftwareAuthenticator(maker), roots={PACKED_ROOT: [other.root_pem]}) is None


@pytest.mark.parametrize("how", [{"verified": False}, {"present": False}])
def test_attack_one_that_verified_nobody_is_not_enrolled(how: dict[str, bool]) -> None:
    """Whoever found a key cannot enrol it."""
    assert enrol(SoftwareAuthenticator(), roots={}, **how) is None
