"""Passkeys at the gate: what is signed is the very action, by a verified person, for our site, by a key of theirs."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from webauthn import verify_authentication_response

from stepwarden.events.entries import ChallengeAnswered, ChallengePassed, Demand, FactorEnrolled
from stepwarden.stepup import gate
from stepwarden.stepup.factors.webauthn import base64url, belongs, check_proof, unbase64url
from tests.stepup.world import ORIGIN, RP_ID, World


def last_pass(world: World) -> ChallengePassed:
    entry = world.log[-1]
    assert isinstance(entry, ChallengePassed)
    return entry


def test_a_passkey_is_two_factors_by_itself(world: World) -> None:
    """With the person verified it gives AAL2 on top of nothing at all: a sign-in needs no password."""
    key = world.enrol_passkey("alice", synced=True)
    offer = world.attempt("alice")[2]
    assert offer is not None
    assert not offer.ready
    passed = world.answer(offer.challenge, key.answer(world.options(offer.challenge), ORIGIN), "webauthn")
    assert isinstance(passed, gate.Passed)
    assert (passed.aal, passed.amr) == (2, ("mfa", "swk", "user"))


@pytest.mark.parametrize(("trust", "aal", "method"), [("attested", 2, "swk"), ("flags", 3, "hwk")])
def test_only_a_key_that_somebody_vouches_for_gives_aal3(
    world: World, trust: str, aal: int, method: str
) -> None:
    """An authenticator's own word for it is enough only where the operator says so."""
    key = world.enrol_passkey("alice", trust=trust)  # type: ignore[arg-type]
    challenge = world.open(proved=("pwd",))
    passed = world.answer(challenge, key.answer(world.options(challenge), ORIGIN), "webauthn")
    assert isinstance(passed, gate.Passed)
    assert passed.aal == aal
    assert method in passed.amr


def test_a_hardware_key_that_can_suddenly_be_copied_is_none(world: World) -> None:
    """Backup eligibility never changes on an honest authenticator; where it does, AAL3 is gone and it is noticed."""
    key = world.enrol_passkey("alice", trust="flags")
    challenge = world.open(proved=("pwd",))
    answer = key.answer(world.options(challenge), ORIGIN, synced=True, backed_up=True)
    passed = world.answer(challenge, answer, "webauthn")
    assert isinstance(passed, gate.Passed)
    assert passed.aal == 2
    assert last_pass(world).backup_changed


ATTACKS: dict[str, Callable[..., str]] = {
    "user_not_verified": lambda key, options: key.answer(options, ORIGIN, verified=False),
    "user_not_present": lambda key, options: key.answer(options, ORIGIN, present=False),
    "phishing_site": lambda key, options: key.answer(options, "https://warden.example.com.evil.example"),
    "plain_http": lambda key, options: key.answer(options, "http://warden.example.com"),
    "another_port": lambda key, options: key.answer(options, "https://warden.example.com:8443"),
    "for_another_site": lambda key, options: key.answer(options, ORIGIN, rp_id="evil.example"),
    "over_another_challenge": lambda key, options: key.answer(options, ORIGIN, challenge=bytes(32)),
    "a_registration_as_assertion": lambda key, options: key.answer(options, ORIGIN, kind="webauthn.create"),
    "in_somebody_elses_frame": lambda key, options: key.answer(options, ORIGIN, cross_origin=True),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attack_on_an_assertion(world: World, attack: str) -> None:
    """Whatever is wrong with it, it is simply not accepted, and counts."""
    key = world.enrol_passkey("alice")
    challenge = world.open(proved=("pwd",))
    assert world.answer(challenge, ATTACKS[attack](key, world.options(challenge)), "webauthn") == "wrong"
    assert world.state.people.wrong("alice", "webauthn") == 1


def test_attack_an_assertion_for_one_action_approves_another(world: World) -> None:
    """What was signed for a transfer of 100 says nothing of one of 1000."""
    key = world.enrol_passkey("alice")
    world.sign_in("alice", "s1")
    small = world.open(proved=("pwd",))
    large = world.attempt(
        "alice", "s1", action="transfer", parameters={"amount": 1000, "to": "DE02"}, proved=("pwd",)
    )[2]
    assert large is not None
    signed = key.answer(world.options(small), ORIGIN)
    assert world.answer(large.challenge, signed, "webauthn") == "wrong"
    assert isinstance(world.answer(small, signed, "webauthn"), gate.Passed)


def test_attack_a_captured_assertion_is_replayed(world: World) -> None:
    """A challenge ends once, and no other has its bytes."""
    key = world.enrol_passkey("alice")
    challenge = world.open(proved=("pwd",))
    signed = key.answer(world.options(challenge), ORIGIN)
    assert isinstance(world.answer(challenge, signed, "webauthn"), gate.Passed)
    assert world.answer(challenge, signed, "webauthn") == "closed"
    again = world.open(proved=("pwd",))
    assert world.answer(again, signed, "webauthn") == "wrong"


def test_attack_a_cloned_authenticator(world: World) -> None:
    """The one that comes second with an old counter is refused, and the log says why."""
    key = world.enrol_passkey("alice")
    challenge = world.open(proved=("pwd",))
    copy = key.clone()
    assert isinstance(
        world.answer(challenge, key.answer(world.options(challenge), ORIGIN), "webauthn"), gate.Passed
    )
    again = world.open(proved=("pwd",))
    assert world.answer(again, copy.answer(world.options(again), ORIGIN), "webauthn") == "cloned"
    entry = world.log[-1]
    assert isinstance(entry, ChallengeAnswered)
    assert entry.credential == "p1"


def test_attack_somebody_elses_passkey(world: World) -> None:
    """Mallory's own key is a good one, and not Alice's."""
    world.enrol_passkey("alice")
    theirs = world.enrol_passkey("mallory", "p2")
    challenge = world.open(proved=("pwd",))
    assert world.answer(challenge, theirs.answer(world.options(challenge), ORIGIN), "webauthn") == "wrong"


def test_attack_a_removed_passkey_is_used(world: World) -> None:
    """The secret may still lie somewhere: the log says that it is gone."""
    key = world.enrol_passkey("alice")
    world.enrol_passkey("alice", "p2")
    challenge = world.open(proved=("pwd",))
    world.remove("alice", "webauthn", "p1")
    assert world.answer(challenge, key.answer(world.options(challenge), ORIGIN), "webauthn") == "wrong"


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_no_changed_byte_is_accepted(data: st.DataObject) -> None:
    """Flip any bit of what is signed, or of the signature: refused, and never another error."""
    world = World()
    key = world.enrol_passkey("alice")
    challenge = world.open(proved=("pwd",))
    whole = json.loads(key.answer(world.options(challenge), ORIGIN))
    part = data.draw(st.sampled_from(["authenticatorData", "clientDataJSON", "signature"]))
    raw = bytearray(unbase64url(whole["response"][part]))
    raw[data.draw(st.integers(0, 10_000)) % len(raw)] ^= 1 << data.draw(st.integers(0, 7))
    whole["response"][part] = base64url(bytes(raw))
    assert world.answer(challenge, json.dumps(whole), "webauthn") == "wrong"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda data: data.decode("latin-1")))
def test_no_text_makes_the_gate_raise(text: str) -> None:
    """What a browser sends is anything at all."""
    world = World()
    world.enrol_passkey("alice")
    challenge = world.open(proved=("pwd",))
    assert world.answer(challenge, text, "webauthn") == "wrong"


def test_the_log_alone_proves_what_was_signed(world: World) -> None:
    """Public key from enrolment, nonce from the challenge, proof from the pass: enough for anybody, years later."""
    key = world.enrol_passkey("alice", synced=True)
    challenge = world.open(proved=("pwd",))
    asked = world.state.challenge(challenge)
    enrolled = next(entry for entry in world.log if isinstance(entry, FactorEnrolled) and entry.public_key)
    passkey = world.state.people.passkey("alice", "p1")
    assert asked is not None
    assert passkey is not None
    text = key.answer(world.options(challenge), ORIGIN)
    assert isinstance(world.answer(challenge, text, "webauthn"), gate.Passed)
    proof = last_pass(world).proof
    assert check_proof(proof, asked.issued.nonce, passkey) == (last_pass(world).sign_count, True, True)
    assert check_proof(proof, "00" * 32, passkey) is None
    # The library that we did not use for it says the same.
    said = verify_authentication_response(
        credential=text,
        expected_challenge=bytes.fromhex(asked.issued.nonce),
        expected_rp_id=RP_ID,
        expected_origin=ORIGIN,
        credential_public_key=unbase64url(enrolled.public_key),
        credential_current_sign_count=0,
        require_user_verification=True,
    )
    assert said.user_verified


@pytest.mark.parametrize(
    ("origin", "fits"),
    [
        ("https://example.com", True),
        ("https://warden.example.com:8443", True),
        ("http://example.com", False),
        ("https://example.com.evil.example", False),
        ("https://notexample.com", False),
        ("https://example.com@evil.example", False),
        ("https://example.com/path", False),
        ("javascript:https://example.com", False),
        ("https://[::1", False),
        ("", False),
    ],
)
def test_which_origins_belong_to_a_site(origin: str, fits: bool) -> None:
    """As a browser has it: the site itself or below it, over TLS."""
    assert belongs(origin, "example.com") is fits


def test_a_demand_by_method_is_met_by_that_method_alone(world: World) -> None:
    """Where a passkey is asked for, a code from an app is not offered, and does not pass."""
    world.enrol("alice")
    world.enrol_passkey("alice")
    demand = Demand(aal=2, bound=True, methods=("hwk", "swk"))
    offer = world.attempt("alice", "s1", action="factor.remove", demand=demand, proved=("pwd",))[2]
    assert offer is not None
    assert offer.factors == ("webauthn",)
    assert world.answer(offer.challenge, world.code("alice")) == "wrong"
