"""Secrets never reach the log: found by the name they are given and by their shape.

*By name*: a parameter called ``password``, ``accessToken`` or ``X-Api-Key`` holds a secret whatever its value
(``secret_name``). *By shape*: some secrets look like nothing else (``secret_shape``): JSON web tokens, our own keys,
``Bearer`` and ``Basic`` headers, PEM private keys, keys of AWS, GitHub, GitLab, Slack, Stripe, Google, npm and others,
``otpauth:`` URIs, ``Set-Cookie`` and cookie strings, URLs with a password or a secret query parameter,
``password=...``. Percent-encoded text (however often) and full-width letters are looked at in their plain spelling too.

*Refused or marked*: a transfer that is refused because of its memo is an outage. So a parameter is refused for what is
surely a secret only; what may be none (``Sort code: 20-00-00``, ``token: USDC``) is marked out where it is recorded.

>>> secret_name("newPassword"), secret_name("passport_number")
(True, False)
>>> redact("GET https://ann:hunter2@example.com/x?api_key=sesame&page=2")
'GET https://[redacted]@example.com/x?api_key=[redacted]&page=2'

With ``random=True`` long random-looking strings count too: 32 or more characters of base64 with capitals, small letters
and digits well mixed. An opaque identifier may look exactly so (which is why it is never a reason to refuse an
attempt, only to mark the text), and a secret in hexadecimal looks like a digest and is not found. Of the 11,475
distinct fields of the real logs that we test with, this rule takes 15 for a secret: 0.13% (``tests/events``).

Not found by any shape: a password that somebody types into the field for the user name. It runs on every decision:
``looks_plain`` clears what ordinary ids and paths look like in about a microsecond.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from stepwarden.errors import InputError

MARK: Final = "[redacted]"
SHORTEST: Final = 8
"""Characters; whatever is shorter has no shape."""
MOST_ENCODED: Final = 8
"""How often percent-encoding is undone."""
RANDOM_LENGTH: Final = 32
RANDOM_BITS: Final = 4.25
"""Shannon entropy per character from which on a long string counts as random; base64 of 24 bytes has about 4.5."""

_WHOLE: Final = frozenset(
    {
        "pass", "secret", "token", "otp", "totp", "pin", "pincode", "cvv", "cvc", "authorization", "bearer",
        "jwt", "cookie", "cookies", "setcookie", "code", "mfacode", "verificationcode", "sid", "sessid", "jsessionid",
        "passwort", "kennwort", "pw", "smscode", "securitycode", "onetimecode",
        "phpsessid", "connectsid", "aspxauth", "assertion", "clientassertion", "samlresponse", "proxyauthorization",
    }
)  # fmt: skip
_WORDS: Final = frozenset({"password", "passwd", "passphrase", "passcode"})
_ENDINGS: Final = (
    "password", "passwd", "passphrase", "passcode", "secret", "token", "cookie", "apikey", "secretkey", "privatekey",
    "accesskey", "sessionid", "sessionkey", "otpcode", "cvv", "cvc", "authcode", "recoverycode", "otp", "encryptionkey",
    "signingkey",
)  # fmt: skip
_LAST_WORDS: Final = frozenset({"pwd", "pin", "pass", "otp", "jwt", "credential", "credentials"})
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_APART: Final = re.compile(r"[^a-z0-9]+")

_NAME_IN_TEXT: Final = (
    # No prefix is matched: looking for one from every hyphen of a long text costs its length squared.
    r"(?:password|passwd|passphrase|secret|token|apikey|api[_-]key|access[_-]?key|auth[_-]?code|"
    r"private[_-]?key|session[_-]?id|sessid|credential|signature|(?<![A-Za-z0-9])(?:pwd|pass|otp|code|sid|sig|jwt|pin|"
    r"cvv|assertion|SAMLResponse|connect\.sid|authorization))"
)
_WORD: Final = "A-Za-z0-9+/_.~=-"
_SHAPES: Final[tuple[tuple[str, str], ...]] = (
    ("jwt", r"\bey[JA][A-Za-z0-9_-]{13,}+\.[A-Za-z0-9_-]{4,}+\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*){0,2}"),
    ("stepwarden key", r"\bsw_[0-9a-f]{12}_[0-9A-Za-z]{16,}"),
    ("pem", r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----[^\x00]*?(?:-----END [A-Z0-9 ]*-----|\Z)"),
    ("otpauth", r"(?i:otpauth(?:-migration)?://\S+)"),
    ("aws key", r"\b(?:AKIA|ASIA|AROA|ABIA|ACCA)(?=[A-Z]*[2-7])[A-Z2-7]{16}\b"),
    ("github token", r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})"),
    ("gitlab token", r"\bgl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas)-[A-Za-z0-9_-]{16,}"),
    ("slack token", r"\bxox[abeoprs]-[A-Za-z0-9-]{8,}|\bxapp-[0-9]-[A-Za-z0-9-]{8,}"),
    ("slack hook", r"(?i:https://hooks\.slack\.com/(?:services|workflows)/\S+)"),
    ("stripe key", r"\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}|\bwhsec_[A-Za-z0-9+/=]{16,}"),
    # With words between hyphens "sk-" begins a product's code.
    ("api key", r"\bsk-(?=[A-Za-z0-9_-]{0,40}[0-9])"
                r"(?:(?=[A-Za-z0-9_-]{0,40}[a-z0-9][A-Z])[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{20,})"
                r"|\b(?:AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,}|npm_[A-Za-z0-9]{30,}|pypi-Ag[A-Za-z0-9_-]{16,}"
                r"|dop_v1_[a-f0-9]{32,}|hvs\.[A-Za-z0-9_-]{20,}|SG\.[A-Za-z0-9_-]{16,}\.\S{16,})"),
    # Basic plans, bearer shares and weekly digests are none: these have digits, or capitals after small letters.
    ("header", rf"(?i:\b(?:bearer|negotiate)[ ]+)(?:(?=[{_WORD}]*[0-9])(?=[{_WORD}]*[A-Za-z])|(?=[{_WORD}]*[a-z][A-Z])"
               rf"|(?=[{_WORD}]{{20}}))[{_WORD}]{{8,}}"),
    ("header", r"(?i:\bbasic[ ]+)(?=[A-Za-z0-9+/]*(?:[0-9+=]|[a-z][A-Z]))[A-Za-z0-9+/]{8,}={0,2}(?![A-Za-z0-9_-])"),
    ("header", r"(?i:\bdigest[ ]+(?:username|realm|nonce|response|uri|qop)=[^\r\n]*)"),
    ("header", r"(?i:\b(?:proxy-)?authorization[\"'\\]*\s*[:=]\s*[\"'\\]*"
               r"(?:bearer|basic|digest|negotiate|token|apikey|aws4-hmac-sha256)\b(?:[ ]+\S+)?)"),
    ("cookie", r"(?i:\bset-cookie[\"'\\]*\s*[:=][^\r\n]*)"),
    ("cookie", r"(?i:\bcookie[\"'\\]*\s*[:=]\s*[\"'\\]*[a-z0-9_.-]+=[^\r\n]*)"),
    ("cookie", r"(?<![^\s;,:?&\"'(\[{])[A-Za-z0-9_.-]++=[^;,\s]++;\s*"
               r"(?i:(?:(?:path|domain|expires|max-age|samesite)\s*=|(?:secure|httponly)\b)[^\r\n]*)"),
)  # fmt: skip
"""What is surely a secret."""
_PERHAPS: Final = (
    r"\b(?:AKIA|ASIA|AROA|ABIA|ACCA)[A-Z2-7]{16}\b",
    r"(?i:\b(?:proxy-)?authorization[\"'\\]*\s*[:=]\s*[\"'\\]*\S+(?:[ ]+\S+)?)",
    r"(?i:\bcookie[\"'\\]*\s*[:=][^\r\n]*)",
)
"""What may be something else: marked, and no reason to refuse."""
_KNOWN: Final = re.compile(
    "|".join(f"(?:{pattern})" for pattern in (*(each for _, each in _SHAPES), *_PERHAPS))
)
_EACH: Final = tuple((kind, re.compile(pattern)) for kind, pattern in _SHAPES)
_USERINFO: Final = re.compile(r"(?<=://)[^/?#\s@]*:[^/?#\s]*(?=@)")
_EQUALS: Final = (
    r"[\]\"'\\]{0,6}\s{0,2}(?:=|%3D|:(?!//))\s{0,2}(?:\[\s{0,2}(?=[\"'\\]))?[(\"'\\]{0,6}",
    r"(?:[^\s&;,\"'<>\\]|\\(?![\"']))+",
)
"""What stands between a name and its value, with brackets, quotes and quotes inside quotes; and the value."""
_ASSIGNED: Final = re.compile(rf"(?i:({_NAME_IN_TEXT})({_EQUALS[0]})({_EQUALS[1]}))")
_SURELY: Final = re.compile(
    r"(?i:(?:password|passwd|passphrase|api[_-]?key|secret[_-]?key|access[_-]?key|private[_-]?key|session[_-]?id|sessid"
    r"|auth[_-]?code|[a-z0-9][_.-]?secret|(?:access|refresh|id|auth|session|csrf|api|bearer)[_-]?token"
    rf"|(?<![a-z0-9])(?:token|secret|pwd)(?==|%3D)){_EQUALS[0]}{_EQUALS[1]})"
)
"""Of those, the names that mean nothing else."""
_RUN: Final = re.compile(rf"[A-Za-z0-9+/_-]{{{RANDOM_LENGTH},}}={{0,2}}")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PREFIX: Final = re.compile(
    r"ey[A-Za-z0-9_-]{16}|sw_[0-9a-f]|A[KSRBC][IOC]A[A-Z2-7]|gh[pousr]_|github_pat|gl[a-z]{2,5}-|xox[abeoprs]-|xapp-|"
    r"[srp]k_[lt]|whsec_|sk-|AIza|ya29|npm_|pypi-|dop_v1|hvs\.|SG\.|-----B"
)
_TELLING: Final = (
    "bearer ", "basic ", "digest ", "negotiate ", "cookie", "authorization", "otpauth", "slack.com", "private key",
)  # fmt: skip
_NAMING: Final = (
    "pass", "pwd", "secret", "token", "key", "code", "sid", "sig", "otp", "jwt", "pin", "cvv", "sess", "credential",
    "assertion", "samlresponse",
)  # fmt: skip


@lru_cache(maxsize=4_096)
def secret_name(name: str) -> bool:
    """Whether something of this name is a secret: exact words, and endings such as ``...Password`` or ``...-token``."""
    name = _CAMEL.sub("_", _plain_spelling(name)).lower()
    words = [word.rstrip("0123456789") for word in _APART.split(name)]
    words = [word for word in words if word]
    joined = "".join(words)
    return bool(words) and (
        joined in _WHOLE
        or joined.endswith(_ENDINGS)
        or words[-1] in _LAST_WORDS
        or not _WORDS.isdisjoint(words)
    )


def looks_plain(text: str) -> bool:
    """Whether none of the known shapes can be in this text: the cheap look that almost everything passes."""
    if len(text) < SHORTEST:
        return True
    if "%" in text or not text.isascii():
        text = _plain_spelling(text)
    if _PREFIX.search(text) is not None:
        return False
    apart = "=" in text or ":" in text
    if not apart and " " not in text:
        return True
    low = text.lower()
    if any(word in low for word in _TELLING):
        return False
    if not apart:
        return True
    return not (
        ("://" in text and "@" in text)
        or ("=" in text and ";" in text)
        or any(word in low for word in _NAMING)
    )


def secret_shape(text: str, *, random: bool = False, sure: bool = False) -> str:
    """The kind of the first secret in the text, such as ``jwt``; empty where none is known by its shape.

    Args:
        random: long random-looking strings count too.
        sure: only what cannot be anything else.
    """
    if not looks_plain(text):
        for spelling in dict.fromkeys((text, _plain_spelling(text))):
            for kind, pattern in _EACH:
                if pattern.search(spelling):
                    return kind
            if _USERINFO.search(spelling):
                return "password in a URL"
            if (_SURELY if sure else _ASSIGNED).search(spelling):
                return "named secret"
            if not sure and _KNOWN.search(spelling):
                return "header or cookie"
    long = random and len(text) >= RANDOM_LENGTH
    return "random string" if long and any(map(_is_random, _RUN.findall(text))) else ""


def redact(text: str, *, random: bool = True) -> str:
    """The text with every secret in it replaced by ``MARK``; the text itself where there is none.

    Where a secret shows only in the plain spelling, that is what is given; all of it marked if it cannot be printed.
    """
    if not looks_plain(text):
        text = _marked_out(text)
        plain = _plain_spelling(text)
        if plain != text and (shown := _marked_out(plain)) != plain:
            text = shown if shown.isprintable() else MARK
    return _RUN.sub(_marked, text) if random and len(text) >= RANDOM_LENGTH else text


def _marked_out(text: str) -> str:
    text = _KNOWN.sub(MARK, text)
    text = _USERINFO.sub(MARK, text)
    return _ASSIGNED.sub(rf"\1\2{MARK}", text)


def _plain_spelling(text: str) -> str:
    """Percent-encoding undone, as often as it was done, and letters of other widths made plain."""
    for _ in range(MOST_ENCODED):
        if "%" not in text or (decoded := unquote(text)) == text:
            break
        text = decoded
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def redact_values(values: Mapping[str, str | int | bool]) -> dict[str, str | int | bool]:
    """Parameters as they may be recorded: values of secret names, and secret-shaped values, marked out."""
    return {
        redact(name): MARK
        if secret_name(name) and not isinstance(value, bool)
        else (redact(value) if isinstance(value, str) else value)
        for name, value in values.items()
    }


def refuse_secrets(parameters: Mapping[str, str | int | bool] | None) -> None:
    """Parameters are what an approval is bound to and what the log shows of it: no place for a secret.

    Raises:
        InputError: a name says that it is one, or a value has the shape of one.
    """
    for name, value in parameters.items() if parameters else ():
        named = not isinstance(value, bool) and secret_name(name)
        kind = isinstance(value, str) and secret_shape(value, sure=True)
        if named or kind:
            why = "by its name" if named else f"it looks like a {kind}"
            # The name is the sender's: between quotes, so that it is said and not logged (``gateway.refusals``).
            raise InputError(
                f'the parameter "{redact(name)}" is a secret ({why}): leave it out, secrets are never recorded',
                field="$.parameters",
            )
        if secret_shape(name, sure=True):
            raise InputError(
                "a parameter's name looks like a secret: name it otherwise", field="$.parameters"
            )


def _marked(match: "re.Match[str]") -> str:
    return MARK if _is_random(match[0]) else match[0]


def _is_random(run: str) -> bool:
    """Capitals, small letters and digits, well mixed; not a UUID, a digest, a path, or words joined together."""
    if _UUID.fullmatch(run) or ("/" in run.strip("/") and _is_path(run)):
        return False
    capitals = sum(map(str.isupper, run))
    small = sum(map(str.islower, run))
    digits = sum(map(str.isdigit, run))
    if min(capitals, small) < 4 or digits < 2:
        return False
    return entropy(run) >= RANDOM_BITS and _changes(run) >= 0.45


def _is_path(run: str) -> bool:
    """Segments that are short, as in paths; base64 has a slash in 64 characters."""
    return max(map(len, run.split("/"))) < RANDOM_LENGTH


def _changes(run: str) -> float:
    """How often the kind of character (capital, small, digit) changes; words joined together change seldom."""
    kinds = [0 if c.isupper() else 1 if c.islower() else 2 if c.isdigit() else 3 for c in run]
    return sum(map(_differ, kinds, kinds[1:])) / (len(run) - 1)


_differ: Callable[[int, int], bool] = int.__ne__


def entropy(text: str) -> float:
    """Shannon entropy in bits per character of the text's own letters."""
    length = len(text)
    return -sum(n / length * math.log2(n / length) for n in Counter(text).values()) if length else 0.0
