"""Codes that are sent to a person (mail, text message), and requests to approve that show a number (push).

Both are six digits, good for one challenge, and a new one ends the one before. What the log holds is a hash under the
log's own key: a million codes are tried in a second by whoever has a plain one.

>>> code(bytes(5))
'000000'

With a push the page shows the number and the person types it where they approve: who is asked out of the blue has none.
(A tap on "yes" proves too little, and two digits do, too: NIST SP 800-63B-4, section 3.1.3, asks for six.)
Not here: delivery (``flow.couriers``), counting (``people``).
"""

from typing import Final

DIGITS: Final = 6
ENTROPY: Final = 5
MAX_SENT = 3
"""Deliveries for one challenge."""


def code(entropy: bytes) -> str:
    """Six digits from 5 fresh random bytes. (2**40 is no multiple of 10**6: the bias is less than one in a million.)"""
    if len(entropy) != ENTROPY:
        raise ValueError("a code takes 5 random bytes")
    return f"{int.from_bytes(entropy, 'big') % 10**DIGITS:0{DIGITS}d}"


def normalise(typed: str) -> str | None:
    """Six digits, as they may be typed or pasted: blanks and a hyphen between them do not matter."""
    text = typed.replace(" ", "").replace("-", "")
    return text if len(text) == DIGITS and text.isascii() and text.isdigit() else None
