"""Secrets for tests: one of each kind that is known by its shape, and generators of more. None was ever a real one."""

import base64
import json
import string
from dataclasses import dataclass

from hypothesis import strategies as st

B64 = string.ascii_letters + string.digits
URL64 = B64 + "-_"


@dataclass(frozen=True)
class Secret:
    """``core`` must not be found anywhere; ``text`` is how it is sent. ``certain``: refused as a parameter's value.

    ``alone``: it is no word of a path.
    """

    kind: str
    text: str
    core: str
    certain: bool = True
    alone: bool = False


def jwt(payload: str, signature: str) -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
    body = base64.urlsafe_b64encode(json.dumps({"sub": payload}).encode()).decode().rstrip("=")
    return f"{head}.{body}.{signature}"


def _word(number: int) -> str:
    """37 random-looking characters, other ones for each number."""
    word = "q7Zx2Lm9Kv4Tb8Rn3Wp6Yc1Hd5Gs0Jf7Qa9Ze"
    return word[number:] + word[:number]


CORPUS = [
    Secret("jwt", jwt("anna", _word(1)), _word(1)),
    Secret("stepwarden", "sw_0123456789ab_" + "5eC7" * 16, "5eC7" * 16),
    Secret("bearer", f"Bearer {_word(2)[:20]}", _word(2)[:20], alone=True),
    Secret("basic", "Basic YW5uYTpodW50ZXIyMg==", "YW5uYTpodW50ZXIyMg==", alone=True),
    Secret(
        "pem", f"-----BEGIN PRIVATE KEY-----{_word(3) * 2}-----END PRIVATE KEY-----", _word(3), alone=True
    ),
    Secret("aws", "AKIAQ7ZX2LM5KV4TB3RN", "Q7ZX2LM5KV4TB3RN"),
    Secret("github", "ghp_" + _word(4)[:36], _word(4)[:36]),
    Secret("github-fine", "github_pat_" + _word(5), _word(5)),
    Secret("gitlab", "glpat-" + _word(6)[:20], _word(6)[:20]),
    Secret("slack", "xoxb-123456789012-" + _word(7)[:24], _word(7)[:24]),
    Secret("stripe", "sk_live_" + _word(8)[:24], _word(8)[:24]),
    Secret("google", "AIza" + _word(9)[:35], _word(9)[:35]),
    Secret("npm", "npm_" + _word(10)[:36], _word(10)[:36]),
    Secret(
        "otpauth",
        "otpauth://totp/Shop:anna?secret=JBSWY3DPEHPK3PXP&issuer=Shop",
        "JBSWY3DPEHPK3PXP",
        alone=True,
    ),
    Secret("url", "https://anna:hunter2222@example.com/", "hunter2222", alone=True),
    Secret("query", "https://example.com/cb?access_token=hunter3333&x=1", "hunter3333", alone=True),
    Secret("cookie", "Set-Cookie: sid=hunter4444; Path=/; HttpOnly", "hunter4444", alone=True),
    Secret("named", "password=hunter5555", "hunter5555", alone=True),
    Secret("random", _word(11), _word(11), certain=False),
]


def _of(alphabet: str, least: int, most: int) -> st.SearchStrategy[str]:
    # A fixed middle, so that what is looked for is no piece of the words around it ("password=password").
    return st.text(alphabet, min_size=least - 4, max_size=most - 4).map(
        lambda word: word[:4] + "0bQ9" + word[4:]
    )


SECRETS: st.SearchStrategy[Secret] = st.one_of(
    _of(URL64, 43, 43).map(lambda word: Secret("jwt", jwt("a", word), word)),
    _of("0123456789abcdef", 64, 64).map(lambda word: Secret("stepwarden", f"sw_0123456789ab_{word}", word)),
    _of(URL64, 12, 60).map(lambda word: Secret("bearer", f"Bearer {word}", word)),
    _of(B64, 12, 40).map(lambda word: Secret("basic", f"Basic {word}", word)),
    st.text(string.ascii_uppercase + "234567", min_size=16, max_size=16).map(
        lambda word: Secret("aws", f"AKIA{word}", f"AKIA{word}")
    ),
    _of(B64, 36, 36).map(lambda word: Secret("github", f"gho_{word}", word)),
    _of(B64, 24, 30).map(lambda word: Secret("slack", f"xoxp-1-{word}", word)),
    _of(B64, 24, 99).map(lambda word: Secret("stripe", f"rk_live_{word}", word)),
    _of(URL64, 35, 35).map(lambda word: Secret("google", f"AIza{word}", word)),
    _of(string.ascii_uppercase + "234567", 16, 32).map(
        lambda word: Secret("otpauth", f"otpauth://totp/A:b?secret={word}&issuer=A", word)
    ),
    _of(B64 + "!$*-_.~", 8, 30).map(lambda word: Secret("url", f"https://anna:{word}@example.com/x", word)),
    _of(URL64 + ".~", 8, 60).map(
        lambda word: Secret("query", f"https://example.com/?api_key={word}&x=1", word)
    ),
    _of(URL64, 8, 60).map(lambda word: Secret("cookie", f"Set-Cookie: s={word}; Secure", word)),
    _of(URL64 + "!$*", 8, 40).map(lambda word: Secret("named", f"password={word}", word)),
)
"""Generated ones. None is a piece of ordinary text: their random parts have 8 characters or more."""
