"""Drafts: factors on their way to be enrolled, until the person has shown that they can use them.

An authenticator app shows its first code, an address receives one, a passkey answers a challenge; only then is anything
in the log. A draft is one person's, good once and for ten minutes, and lives in memory: after a restart one begins
again.

>>> drafts = Drafts(clock=lambda: 0, entropy=bytes)
>>> name = drafts.begin(Draft(actor="t", factor="totp", secret=b"s"))
>>> drafts.take(name, "t", "totp").secret, drafts.take(name, "t", "totp")
(b's', None)
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from stepwarden.flow.tokens import encode_token
from stepwarden.stepup.assurance import FactorKind

SECONDS: Final = 600
TRIES: Final = 5
MAX_DRAFTS: Final = 10_000
NAME_BYTES: Final = 18


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """``secret``: of a TOTP, or the challenge of a passkey; ``address``, ``code``: where a code was sent, and which."""

    actor: str
    factor: FactorKind
    secret: bytes = b""
    address: str = ""
    code: str = ""


class Drafts:
    """All drafts of one service. Bounded; the oldest go first."""

    def __init__(self, *, clock: Callable[[], int], entropy: Callable[[int], bytes]) -> None:
        """``clock`` gives microseconds."""
        self._clock = clock
        self._entropy = entropy
        self._known: OrderedDict[str, tuple[Draft, int, int]] = OrderedDict()

    def begin(self, draft: Draft) -> str:
        """Keep a draft; its name is a secret."""
        name = encode_token(self._entropy(NAME_BYTES))
        self._known[name] = (draft, self._clock() + SECONDS * 1_000_000, TRIES)
        if len(self._known) > MAX_DRAFTS:
            self._known.popitem(last=False)
        return name

    def find(self, name: str, actor: str, factor: str) -> Draft | None:
        """This person's draft of this kind; a look is one of its tries."""
        found = self._known.pop(name, None)
        if found is None:
            return None
        draft, until, tries = found
        if draft.actor != actor or draft.factor != factor or until <= self._clock() or not tries:
            return None
        self._known[name] = (draft, until, tries - 1)
        return draft

    def take(self, name: str, actor: str, factor: str) -> Draft | None:
        """The same, for the last time: of two at once one gets it."""
        draft = self.find(name, actor, factor)
        self._known.pop(name, None)
        return draft

    def drop(self, name: str) -> None:
        """Nobody goes on with it."""
        self._known.pop(name, None)
