"""What a log says of its attempts: joined from outcomes, challenges and labels, and weighed anew."""

from stepwarden.events.entries import (
    ChallengeExpired,
    ChallengeFailed,
    ChallengeIssued,
    ChallengePassed,
    FactorEnrolled,
    LabelApplied,
)
from stepwarden.lab.tuning.reading import own_log
from tests.lab.lab_house import shipped
from tests.lab.test_trace import HOUR, Log


def challenge(log: Log, name: str, attempt: int) -> None:
    log.add(
        ChallengeIssued,
        challenge=name,
        actor="ann",
        session="",
        action="login",
        nonce="0" * 64,
        binding="0" * 64,
        aal=2,
        expires=log.now + HOUR,
        ready=True,
        previous=attempt,
    )


def test_every_kind_of_label_reaches_its_attempt_and_the_most_reliable_counts() -> None:
    log = Log()
    told = [log.attempt("ann", ip="home", decision="step_up", outcome="unknown") for _ in range(5)]
    for name, attempt in zip("abcd", told, strict=False):
        challenge(log, name, attempt)
    passed = {
        "factor": "totp",
        "amr": ("otp",),
        "aal": 2,
        "grant": "0" * 64,
        "expires": log.now + HOUR,
        "session": "",
    }
    log.add(ChallengePassed, challenge="a", actor="ann", **passed)
    log.add(ChallengeFailed, challenge="b", actor="ann", factor="totp", reason="denied")
    log.add(ChallengeFailed, challenge="c", actor="ann", factor="totp")
    log.add(ChallengeExpired, challenge="d", actor="ann")
    log.add(LabelApplied, label="benign", source="analyst", reliability=95, previous=told[2], actor="ann")
    found = own_log(log.leaves, shipped(), lambda done: None).samples
    assert found.trust.tolist() == [0.9, 0.8, 0.95, 0.3, 0.0]
    assert found.attack.tolist() == [False, True, False, True, False]
    assert found.challenged.all()
    assert found.entry.tolist() == told


def test_terms_are_those_of_the_policy_asked_for_not_of_the_one_in_force_then() -> None:
    """The entries here hold no evidence at all: the terms come from their recorded signals."""
    log = Log()
    log.attempt("ann", ip="home", signals={"new_device": True})
    found = own_log(log.leaves, shipped(), lambda done: None).samples
    held = [rule for rule, term in zip(found.rules, found.terms[0], strict=True) if term]
    assert "new-device" in held


def test_a_wrong_password_is_no_label() -> None:
    log = Log()
    log.attempt("ann", ip="home", outcome="failure")
    assert own_log(log.leaves, shipped(), lambda done: None).samples.trust.tolist() == [0.0]


def test_steps_before_confirmed_attacks_are_found_across_persons_at_one_address() -> None:
    log = Log()
    for number in range(6):
        for other in range(3):
            log.attempt(f"u{number}{other}", ip=f"proxy{number}", outcome="failure")
        log.add(FactorEnrolled, actor=f"victim{number}", factor="totp", credential=f"c{number}")
        taken = log.attempt(f"victim{number}", ip=f"proxy{number}")
        log.add(LabelApplied, label="attack", source="analyst", reliability=90, previous=taken)
        log.now += 30 * HOUR
        log.attempt(f"honest{number}", ip=f"home{number}")
    found = own_log(log.leaves, shipped(), lambda done: None).patterns
    assert {("sign-in failed", "sign-in failed"), ("a factor was enrolled",)} <= {one.steps for one in found}
    assert all(one.attacks == 6 and one.honest == 0 for one in found[:2])
