"""WebAuthn clients and a server library that others wrote, against a running Stepwarden."""

import json
from typing import Any

import httpx
import pytest

from tests.node.conftest import ORIGIN
from tests.node.outsiders import Device, emulator, soft_device, verify_outside
from tests.stepup.software_authenticator import VERIFIED, decode64, encode64
from tests.stories.asking import FIREFOX, Browser, entries, fetch, send

FLAGS = 32
"""Where they are in authenticator data."""


class Owner:
    """Somebody with a device, signed in to an application that has pages of its own."""

    def __init__(self, http: httpx.Client, name: str, device: Device) -> None:
        self.http, self.name, self.device = http, name, device
        self.seen = Browser(http, "198.51.100.7", FIREFOX, f"laptop of {name}")
        self.seen.sign_in(name, f"{name}-1")

    def draft(self) -> dict[str, Any]:
        """What a new passkey is asked for."""
        return send(self.http, f"/v1/actors/{self.name}/factors/webauthn/options", {})

    def enrol(self, *, status: int = 200, change: Any = None) -> dict[str, Any]:
        """Let the device make a passkey, and hand it in. ``change``: of what the device gave."""
        draft = self.draft()
        made = json.loads(self.device.tell(do="create", origin=ORIGIN, options=draft["options"]))
        answer = json.dumps(change(made) if change else made)
        body = {"draft": draft["draft"], "answer": answer, "name": "key", "attempt": ""}
        return send(self.http, f"/v1/actors/{self.name}/factors/webauthn", body, status=status)

    def asked(self, to: str = "DE02") -> str:
        """A transfer that is asked to be confirmed; the challenge."""
        about = {"session": f"{self.name}-1", "parameters": {"amount": 100, "currency": "EUR", "to": to}}
        return str(self.seen.ask("transfer", self.name, **about)["challenge"]["id"])

    def sign(self, challenge: str, origin: str = ORIGIN) -> str:
        """What the device gives for it."""
        options = fetch(self.http, f"/v1/challenges/{challenge}/webauthn")
        return self.device.tell(do="get", origin=origin, options=options)

    def answer(self, challenge: str, signed: str, *, status: int = 200) -> dict[str, Any]:
        body = {"factor": "webauthn", "answer": signed}
        return send(self.http, f"/v1/challenges/{challenge}/answer", body, status=status)

    def log(self, kind: str) -> list[dict[str, Any]]:
        return entries(self.http, actor=self.name, kind=kind)


def test_a_client_of_somebody_else_enrols_and_approves(http: httpx.Client) -> None:
    """From options to grant, with nothing of ours on the side of the person."""
    with emulator(verified=True) as device:
        owner = Owner(http, "nadia", device)
        owner.enrol()
        challenge = owner.asked()
        assert owner.answer(challenge, owner.sign(challenge))["aal"] == 2
        again = owner.asked("DE03")
        assert owner.answer(again, owner.sign(again))["aal"] == 2


def test_attack_a_client_of_somebody_else_that_verifies_nobody_is_refused(http: httpx.Client) -> None:
    """It may as well not be enrolled."""
    with emulator(verified=False) as device:
        owner = Owner(http, "nora", device)
        assert owner.enrol(status=422)["code"] == "input.invalid"
        assert not owner.log("factor.enrolled")


def test_an_outsider_verifies_an_approval_from_the_log_alone(http: httpx.Client) -> None:
    """The public key, the challenge and the assertion are there; another library, in another language, agrees."""
    with emulator(verified=True) as device:
        owner = Owner(http, "nils", device)
        owner.enrol()
        challenge = owner.asked()
        owner.answer(challenge, owner.sign(challenge))
    said = claimed(owner)
    found = verify_outside(**said)
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout) == {
        "verified": True,
        "counter": owner.log("challenge.passed")[0]["sign_count"],
    }


REFUSALS = {
    "nonce": "response challenge",
    "proof": "response challenge",
    "publicKey": "",  # it just does not verify
    "rpId": "RP ID hash",
    "origin": "response origin",
    "before": "counter value",
}


@pytest.mark.parametrize("part", REFUSALS)
def test_attack_an_outsider_is_shown_an_approval_that_was_changed(http: httpx.Client, part: str) -> None:
    """Whatever of it is another's, the library refuses."""
    name = f"nina-{part.lower()}"
    with emulator(verified=True) as device:
        owner = Owner(http, name, device)
        owner.enrol()
        for to in ("DE02", "DE03"):
            challenge = owner.asked(to)
            owner.answer(challenge, owner.sign(challenge))
        if part == "publicKey":
            other = Owner(http, f"{name}-2", device)
            other.enrol()
    said = claimed(owner)
    changed: dict[str, Any] = {
        "nonce": owner.log("challenge.issued")[1]["nonce"],
        "proof": owner.log("challenge.passed")[1]["proof"],
        "rpId": "localhost.example",
        "origin": "http://localhost:8701",
        "before": 1_000,
    }
    if part == "publicKey":
        changed["publicKey"] = other.log("factor.enrolled")[0]["public_key"]
    found = verify_outside(**said | {part: changed[part]})
    assert found.returncode == 1
    assert REFUSALS[part] in found.stderr
    assert not found.stdout or json.loads(found.stdout)["verified"] is False


def test_attack_soft_webauthn_is_not_enrolled_because_it_verifies_nobody(http: httpx.Client) -> None:
    """The best known client of tests says so of itself: its flag of user verification is never set."""
    with soft_device() as device:
        owner = Owner(http, "soft-1", device)
        assert owner.enrol(status=422)["code"] == "input.invalid"
        assert not owner.log("factor.enrolled")


def test_attack_soft_webauthn_approves_nothing_with_a_key_that_is_enrolled(http: httpx.Client) -> None:
    """Somebody has made its registration claim a verified user; what it signs afterwards gives it away."""
    with soft_device() as device:
        owner = Owner(http, "soft-2", device)
        owner.enrol(change=claim_verified)
        challenge = owner.asked()
        refused = owner.answer(challenge, owner.sign(challenge), status=403)
        assert refused["code"] == "challenge.refused"
        assert [entry["result"] for entry in owner.log("challenge.answered")] == ["wrong"]
        assert not owner.log("challenge.passed")


def claim_verified(made: dict[str, Any]) -> dict[str, Any]:
    """Set the flag: without attestation nobody has signed it."""
    whole = decode64(made["response"]["attestationObject"])
    at = whole.index(b"authData") + len(b"authData") + 2 + FLAGS
    changed = whole[:at] + bytes([whole[at] | VERIFIED]) + whole[at + 1 :]
    return {**made, "response": {**made["response"], "attestationObject": encode64(changed)}}


def claimed(owner: Owner) -> dict[str, Any]:
    """What the log says of the first approval, for an outsider."""
    (enrolled,) = owner.log("factor.enrolled")
    issued, passed = owner.log("challenge.issued")[0], owner.log("challenge.passed")[0]
    return {
        "nonce": issued["nonce"],
        "proof": passed["proof"],
        "publicKey": enrolled["public_key"],
        "rpId": enrolled["rp_id"],
        "origin": ORIGIN,
        "credential": encode64(passed["credential"].encode()),
        "before": enrolled.get("sign_count", 0),
    }
