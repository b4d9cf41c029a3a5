"""What is taken for a secret, what is not, and how often that is wrong on logs that nobody here wrote."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.errors import InputError
from stepwarden.events.redaction import (
    MARK,
    redact,
    redact_values,
    refuse_secrets,
    secret_name,
    secret_shape,
)
from tests.events.secrets import CORPUS, SECRETS, Secret

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)


@pytest.mark.parametrize("secret", CORPUS, ids=lambda secret: secret.kind)
def test_a_secret_of_every_kind_is_found_and_gone(secret: Secret) -> None:
    """As it is, and in the middle of other text."""
    for text in (secret.text, f"curl/8.1 {secret.text} (x)", f"/reset/{secret.text}"):
        if text.startswith("/") and secret.alone:
            continue
        assert secret_shape(text, random=True), text
        assert secret.core not in redact(text), text
        assert MARK in redact(text)


@settings(deadline=None, max_examples=300)
@given(
    secret=SECRETS,
    before=st.sampled_from(["", "GET /x ", "a=1 ", '{"v":"']),
    after=st.sampled_from(["", " end", '"}']),
)
def test_generated_secrets_are_found_and_gone(secret: Secret, before: str, after: str) -> None:
    """Whatever the random part, and whatever stands around it; what is left is left the second time as well."""
    text = before + secret.text + after
    assert secret.core not in redact(text)
    assert redact(redact(text)) == redact(text)


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_redacted_without_trouble(text: str) -> None:
    """No text raises, and marking out is done once."""
    once = redact(text)
    assert redact(once) == once
    if not secret_shape(text, random=True):
        assert once == text


NAMES = """
password passwd pwd secret token access_token refreshToken apiKey api_key X-Api-Key authorization cookie Set-Cookie otp
code pin cvv cvv2 client_secret newPassword password2 user.password id_token csrfToken JSESSIONID PHPSESSID connect.sid
session_cookie private-key aws_secret_access_key recoveryCode passphrase db-passwd
"""
OTHERS = """
amount payee currency country_code postcode barcode encoder passport passenger compass pinned spin key monkey author
tokens_used secretary session path cookbook iban tokenizer shipping codec opinion
"""


@pytest.mark.parametrize("name", NAMES.split())
def test_names_that_say_secret(name: str) -> None:
    """However it is spelled: refused where something is decided, marked where it only happened."""
    assert secret_name(name)
    with pytest.raises(InputError, match=re.escape(name)) as caught:
        refuse_secrets({name: "x"})
    assert caught.value.field == "$.parameters"
    assert redact_values({name: 1234}) == {name: MARK}


@pytest.mark.parametrize("name", OTHERS.split())
def test_names_that_only_sound_like_it(name: str) -> None:
    """What an approval is bound to goes through."""
    assert not secret_name(name)
    refuse_secrets({name: "100"})


def test_a_flag_is_no_secret() -> None:
    """`password: true` says that one was given, not which."""
    refuse_secrets({"password": True})
    assert redact_values({"password": True}) == {"password": True}


@pytest.mark.parametrize("secret", [one for one in CORPUS if one.certain], ids=lambda secret: secret.kind)
def test_a_value_with_the_shape_of_a_secret_is_refused(secret: Secret) -> None:
    """In a value, and in a name; the message repeats nothing of it."""
    with pytest.raises(InputError) as caught:
        refuse_secrets({"note": secret.text})
    assert secret.core not in str(caught.value)
    with pytest.raises(InputError) as caught:
        refuse_secrets({secret.text: "x"})
    assert secret.core not in str(caught.value) + caught.value.field


@pytest.mark.parametrize(
    "text",
    [
        AGENT, "alice", "alice@example.com", "tenant/alice", "auth0|5f7c8ec7c33c6c004bbafe82", "account:17",
        "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "arn:aws:iam::123456789012:user/Development/product_1234/bob",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709", "/api/v2/tenants/4711/documents/annual-report-2025-final.pdf",
        "https://example.com/a?page=2&sort=name", "urn:uuid:3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "DE89370400440532013000",
        "CN=Alice Example,OU=People,DC=example,DC=com", "S-1-5-21-3623811015-3361044348-30300820-1013",
        "Linux_x86_64-glibc2.35-Firefox/128.0", "the basic plan", "a token of thanks", "key: value", "12:30",
        "code review",
        "com.example.application.settings.NotificationPreferencesActivity", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "2001:db8::1",
        "ticket=4711; priority=high", "bearer of bad news",
    ],
)  # fmt: skip
def test_ordinary_text_is_left_alone(text: str) -> None:
    """Names, ids, paths, agents, digests, distinguished names."""
    assert redact(text) == text


def test_an_opaque_subject_id_is_no_reason_to_refuse() -> None:
    """A pairwise subject id of OpenID Connect looks random: it is marked in free text, and not as an id."""
    pairwise = "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ7tZ9cWx3"
    assert redact(pairwise, random=False) == pairwise
    assert not secret_shape(pairwise)
    refuse_secrets({"subject": pairwise})


def fields() -> Iterator[str]:
    """Distinct words and fields of the real logs: where people's names, agents, ids and resources stand."""
    for path in (DATA / "loghub_ssh" / "OpenSSH_2k.log", DATA / "loghub_ssh" / "Linux_2k.log"):
        for line in path.read_text(encoding="latin-1").splitlines():
            yield line.partition("]: ")[2] or line
    for path in (DATA / "secrepo_authlog").glob("*auth*"):
        if path.suffix not in (".gz", ".zip"):
            for line in path.read_text(encoding="latin-1").splitlines()[:4_000]:
                yield line.partition("]: ")[2] or line
    for name in ("o365_audit/logins_dedup.jsonl", "vendor_events/cases.jsonl", "crowdsec/cases.jsonl"):
        for line in (DATA / name).read_text(encoding="utf-8").splitlines():
            yield from strings(json.loads(line))


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)


def test_few_fields_of_real_logs_are_taken_for_random_secrets() -> None:
    """The rule that guesses (long and random) errs in less than one of 200 distinct fields. Prints the figures."""
    if not DATA.exists():
        pytest.skip(f"there are no real logs at {DATA}")
    distinct = {text for text in fields() if 0 < len(text) <= 2_048}
    random = {text for text in distinct if secret_shape(text, random=True) == "random string"}
    print(f"{len(random)} of {len(distinct)} distinct fields look random: {len(random) / len(distinct):.3%}")
    assert len(distinct) > 5_000
    assert len(random) / len(distinct) < 0.005


def test_real_secrets_are_caught_in_shapes_that_others_print() -> None:
    """As shells, proxies and frameworks write them: what we did not think of ourselves when writing the patterns."""
    jwt = ".".join(
        base64.urlsafe_b64encode(part).decode().rstrip("=")
        for part in (b'{"alg":"HS256"}', b'{"sub":"1"}', b"x" * 32)
    )
    for text in (
        f"Authorization: Bearer {jwt}",
        "curl -H 'authorization: Basic dXNlcjpodW50ZXIyMg=='",
        f"/cb?code=4/0AX4XfWh&state=a#id_token={jwt}",
        "https://u:hunter22@db.example.com:5432/app",
        "PGPASSWORD=hunter22 psql",
        "login failed: password: hunter22",
        "?sig=hunter22hunter22",
        "mysql --password=hunter22",
        '{"password":"hunter22"}',
        "user=a&passwd=hunter22",
        "Set-Cookie: sid=hunter22; Path=/; HttpOnly",
        "Cookie: a=b; sessionid=hunter22",
        "X-Api-Key: hunter22",
        "otpauth://totp/A:b?secret=hunter22&issuer=A",
        "token%3Dhunter22",
    ):
        shown = redact(text)
        assert "hunter22" not in shown, shown
        assert "dXNlcj" not in shown
        assert jwt[20:] not in shown
