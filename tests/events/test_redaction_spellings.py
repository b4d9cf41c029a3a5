"""Secrets in second spellings are found; what only resembles one never makes a decision fail.

A transfer that is refused for its memo is an outage, so only what is surely a secret is refused. What may be one is
marked out where it would be recorded, and decided all the same.
"""

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.errors import InputError
from stepwarden.events.redaction import MARK, redact, refuse_secrets, secret_name, secret_shape

CORE = "q7Zx2Lm9Kv4Tb8Rn"
PLAIN = [
    f"Authorization: Bearer {CORE}",
    f"password={CORE}",
    f"https://anna:{CORE}@example.com/",
    f"Set-Cookie: sid={CORE}; Path=/; HttpOnly",
    f'{{"password":"{CORE}"}}',
]


@pytest.mark.parametrize("plain", PLAIN)
@pytest.mark.parametrize("times", [1, 2, 3])
def test_attack_a_secret_that_is_percent_encoded(plain: str, times: int) -> None:
    """Once or several times over, as proxies and loggers do: refused as a parameter, gone from what is recorded."""
    text = plain
    for _ in range(times):
        text = quote(text, safe="")
    assert CORE not in redact(text)
    assert CORE not in redact(f"GET /cb?to={text}&page=2")
    with pytest.raises(InputError):
        refuse_secrets({"note": text})


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(json.dumps({"password": CORE})),
        json.dumps({"body": json.dumps({"user": "a", "client_secret": CORE})}),
        f'{{"password": ["{CORE}"]}}',
        f"password=({CORE})",
        f"user[password]={CORE}",
        f"user%5Bpassword%5D={CORE}",
        f"Mozilla/5.0 (X11) Authorization: Basic {base64.b64encode(f'a:{CORE}'.encode()).decode()}",
        f"PASSWORD={CORE}",
        f"\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44={CORE}",
    ],
)
def test_attack_a_secret_inside_other_text(text: str) -> None:
    """JSON in a string, lists, nested names, capitals, full-width letters."""
    assert CORE not in redact(text)
    assert secret_shape(text)


@pytest.mark.parametrize(
    "name",
    [
        "user[password]", "user[password][0]", "user%5Bpassword%5D", "login.PASSWORD", "PassWord",
        "\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44", "sms_code", "securityCode", "passwort", "pw",
    ],
)  # fmt: skip
def test_attack_a_secret_name_in_another_spelling(name: str) -> None:
    """Nested, encoded, in capitals, in full-width letters."""
    assert secret_name(name)
    with pytest.raises(InputError):
        refuse_secrets({name: "x"})


@pytest.mark.parametrize(
    "value",
    [
        "DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "ORD-2026-000123456789",
        "eyewear-collection-2026.example.com.", "eyelash-extension-service.spa-berlin.booking",
        "sk-2026-winter-collection-jacket", "desk-sk-anders-drawer-unit-white", "pypi-warehouse-mirror-production",
        "ASIAPACIFICLOGISTICS", "Basic subscription", "basic membership, monthly", "Basic Membership",
        "weekly digest newsletter", "file digest da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "negotiate settlement", "bearer certificate", "to the bearer shareholders",
        "Sort code: 20-00-00", "invoice code: 12345", "SWIFT code: DEUTDEFF500", "promo code=SUMMER26",
        "season pass: adult", "token: USDC", "signature: J. Smith", "Fortune cookie: 12 pcs", "cookie=oatmeal",
        "pre-authorization: 4711", "authorization: approved", "20%", "50% off, code: X", "100%25 wool", "a%20b",
        "PIN: see letter", "ticket 4711; path: left", "credential: none",
    ],
)  # fmt: skip
def test_what_only_resembles_a_secret_refuses_no_transfer(value: str) -> None:
    """Account numbers, digests, product codes, memos: the decision is made."""
    refuse_secrets({"memo": value})


@pytest.mark.parametrize(
    "text",
    [
        "Basic subscription", "Basic Membership", "weekly digest newsletter", "bearer certificate",
        "file digest da39a3ee5e6b4b0d3255bfef95601890afd80709", "sk-2026-winter-collection-jacket",
        "eyewear-collection-2026.example.com.", "pypi-warehouse-mirror-production", "100%25 wool", "a%20b",
        "/files/50%25/%7Eanna",
    ],
)  # fmt: skip
def test_words_that_begin_like_a_secret_are_recorded_as_they_came(text: str) -> None:
    """Product names, host names, paths."""
    assert redact(text) == text


def test_what_may_be_a_secret_is_marked_where_it_is_recorded() -> None:
    """Not refused, and not readable either."""
    assert redact("the code: 482913 is yours") == f"the code: {MARK} is yours"
    assert redact("cookie=9f8e7d6c5b") == f"{MARK}"


@given(st.text('%25aB=:[] "\\password\x80', max_size=80))
def test_marking_out_is_done_once_whatever_is_encoded(text: str) -> None:
    """Another look finds nothing more."""
    once = redact(text)
    assert redact(once) == once


@pytest.mark.parametrize("end", ["key=", "=", ";", "@", "password=x"])
@pytest.mark.parametrize(
    "piece",
    ["a-", "a.", "sk-", "eyJaaaaaaaaaaaaaaaaaaa-", "a=", "bearer ", "cookie:", "password[", "://a:", "%25"],
)
def test_attack_a_text_made_to_keep_the_look_busy(piece: str, end: str) -> None:
    """The look costs as much as the text is long, not its square: with the square this would take minutes."""
    for number in range(4):
        text = (piece * 2_000)[: 2_000 - number] + end
        assert redact(redact(text)) == redact(text)
