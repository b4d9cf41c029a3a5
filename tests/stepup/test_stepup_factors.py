"""Factors: what an answer looks like and when it is right."""

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.stepup.factors import recovery, totp

SEED = b"12345678901234567890"
RFC_6238 = [  # appendix B, SHA-1, last six of its eight digits
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
    (20000000000, "353130"),
]
RFC_4226 = [
    "755224",
    "287082",
    "359152",
    "969429",
    "338314",
    "254676",
    "287922",
    "162583",
    "399871",
    "520489",
]


@pytest.mark.parametrize(("second", "code"), RFC_6238)
def test_totp_gives_the_codes_of_rfc_6238(second: int, code: str) -> None:
    """The published vectors."""
    assert totp.at(SEED, second // 30) == code


def test_totp_gives_the_codes_of_rfc_4226() -> None:
    """The counter vectors that the time steps are made of."""
    assert [totp.at(SEED, count) for count in range(10)] == RFC_4226


@given(st.binary(min_size=14, max_size=64), st.integers(0, 10**11))
def test_totp_agrees_with_another_implementation(secret: bytes, second: int) -> None:
    """Every secret and time gives what pyotp gives."""
    assert totp.at(secret, second // 30) == pyotp.TOTP(totp.base32(secret)).at(second)


@pytest.mark.parametrize(("off", "accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_the_window_is_one_step_to_each_side(off: int, accepted: bool) -> None:
    """Two steps away is too far."""
    now = 1_234_567_890_000_000
    step = totp.step_of(now) + off
    assert (totp.matching_step(SEED, totp.at(SEED, step), now) == step) == accepted


@given(st.integers(0, 10**9), st.integers(-200, 200))
def test_a_code_is_right_in_its_step_and_one_around(second: int, off: int) -> None:
    """A code of another step than the last, this and the next is wrong (but for a collision of digits)."""
    now = second * 1_000_000
    step = max(0, totp.step_of(now) + off)
    matched = totp.matching_step(SEED, totp.at(SEED, step), now)
    near = abs(step - totp.step_of(now)) <= 1
    assert (matched is not None) == near or totp.at(SEED, step) in {
        totp.at(SEED, s) for s in range(max(0, totp.step_of(now) - 1), totp.step_of(now) + 2)
    }


@pytest.mark.parametrize(
    "spelling",
    ["287 082", " 287082", "287082\n", "+87082", "２８７０８２", "0287082", "28708", "", "²87082", "2_7082"],
)
def test_two_spellings_of_one_code(spelling: str) -> None:
    """Only six ASCII digits are a code."""
    assert totp.matching_step(SEED, spelling, 59_000_000) is None
    assert totp.matching_step(SEED, "287082", 59_000_000) == 1


@given(st.text(max_size=12))
def test_no_text_makes_totp_raise(text: str) -> None:
    """Any text is an answer, mostly a wrong one."""
    totp.matching_step(SEED, text, 59_000_000)


def test_the_otpauth_address_escapes_what_would_change_its_meaning() -> None:
    """An account name cannot bring its own parameters along, and apps read back what was meant."""
    made = totp.uri(SEED, issuer="Acme Bank", account="a:b?secret=x&issuer=Evil/%0a")
    parsed = pyotp.parse_uri(made)
    assert isinstance(parsed, pyotp.TOTP)
    assert parsed.secret == totp.base32(SEED)
    assert parsed.issuer == "Acme Bank"
    assert made.count("?") == 1
    assert made.count("issuer=") == 1


@given(st.binary(min_size=10, max_size=10))
def test_a_recovery_code_survives_writing_down(entropy: bytes) -> None:
    """80 bits in, one code out; read in lower case, without hyphens, with O for 0 and L for 1 it is the same."""
    code = recovery.codes(entropy)[0]
    kept = recovery.stored(code, b"s" * 16)
    for typed in (
        code,
        code.lower(),
        code.replace("-", ""),
        code.replace("0", "o").replace("1", "l"),
        f" {code} ",
    ):
        assert recovery.matches(kept, typed)
    text = recovery.normalise(code)
    assert text is not None
    assert recovery.normalise(text) == text
    number = 0
    for character in text:
        number = number * 32 + recovery.ALPHABET.index(character)
    assert number.to_bytes(10, "big") == entropy


@given(st.text(max_size=80))
def test_no_text_makes_recovery_raise(text: str) -> None:
    """Any text is normalised to sixteen characters of the alphabet, or is no code."""
    found = recovery.normalise(text)
    assert found is None or (len(found) == 16 and set(found) <= set(recovery.ALPHABET))
    assert not recovery.matches(recovery.stored("0" * 15 + "Z", b"s" * 16), text) or found == "0" * 15 + "Z"


def test_what_is_kept_of_a_code_does_not_match_nothing() -> None:
    """No code at all is not the code whose normal form is empty."""
    import hmac

    kept = b"s" * 16 + hmac.digest(b"s" * 16, b"", "sha256")
    assert not recovery.matches(kept, "")
    assert not recovery.matches(kept, "not a code")


@pytest.mark.parametrize("bad", [b"", b"123456789"])
def test_recovery_codes_want_enough_entropy(bad: bytes) -> None:
    """A code is never made of fewer than 80 bits."""
    with pytest.raises(ValueError, match="random bytes"):
        recovery.codes(bad)
