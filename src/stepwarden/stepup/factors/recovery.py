"""Recovery codes: 80 random bits each, written down by the person, each good once and never above AAL1.

>>> code = codes(bytes(range(10)))[0]
>>> code
'000G-40R4-0M30-E209'
>>> normalise("  ooog 4or4-om3o-e2o9 ") == normalise(code)
True

The alphabet is Crockford's base 32, without I, L, O and U; reading forgives what people confuse (I and L
for 1, O for 0), case, blanks and hyphens. After ``normalise`` a code has one spelling. Kept is only its
keyed hash: 80 random bits need no slow hash, and the key (16 random bytes, one for each code) keeps equal
codes apart.

Not here: which codes are used up (``people``).
"""

import hmac

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_BYTES = 10
CODE_LENGTH = 16
SALT_BYTES = 16
CODES_AT_ONCE = 10
_MAX_TYPED = 64
_CONFUSED = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


def codes(entropy: bytes) -> list[str]:
    """One code for each 10 bytes of fresh randomness, in groups of four characters."""
    if not entropy or len(entropy) % CODE_BYTES:
        raise ValueError("recovery codes take 10 random bytes each")
    made = []
    for first in range(0, len(entropy), CODE_BYTES):
        number = int.from_bytes(entropy[first : first + CODE_BYTES], "big")
        text = "".join(ALPHABET[number >> shift & 31] for shift in range(75, -1, -5))
        made.append("-".join(text[at : at + 4] for at in range(0, CODE_LENGTH, 4)))
    return made


def normalise(typed: str) -> str | None:
    """The one spelling of a code, or None for what is no code."""
    if len(typed) > _MAX_TYPED or not typed.isascii():
        return None
    text = typed.upper().translate(_CONFUSED)
    if len(text) != CODE_LENGTH or any(character not in ALPHABET for character in text):
        return None
    return text


def stored(code: str, salt: bytes) -> bytes:
    """What is kept of a code: the salt, then HMAC-SHA-256 under it."""
    text = normalise(code)
    if text is None or len(salt) != SALT_BYTES:
        raise ValueError("not a recovery code, or not a salt of 16 bytes")
    return salt + hmac.digest(salt, text.encode(), "sha256")


def matches(kept: bytes, typed: str) -> bool:
    """Whether this is the code that ``kept`` was made from."""
    text = normalise(typed)
    salt, expected = kept[:SALT_BYTES], kept[SALT_BYTES:]
    right = hmac.compare_digest(hmac.digest(salt, (text or "").encode(), "sha256"), expected)
    return right and text is not None
