"""What the gate needs beside the log to look at an answer: secrets, keys, and whose site this is. Arguments only."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from stepwarden.events.entries import AAL
from stepwarden.stepup.people import FactorSecrets


class Minting(msgspec.Struct, frozen=True, kw_only=True):
    """What a grant says: for which challenge, of which level and methods, proved and ending when (microseconds)."""

    id: str
    challenge: str
    aal: AAL
    amr: tuple[str, ...]
    proved: int
    expires: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """``keyed``: HMAC-SHA-256 under a key of the log, in hex. ``mint``: the text of a grant, signed.

    ``rp_id`` is the site that passkeys are for, ``origins`` where it may ask for them.
    """

    secrets: FactorSecrets
    keyed: Callable[[bytes], str]
    mint: Callable[[Minting], str]
    rp_id: str
    origins: frozenset[str]


class ProviderAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What an OpenID provider's checked answer says: about whom (token), and when by its own clock (microseconds)."""

    actor: str
    aal: AAL
    methods: tuple[str, ...]
    auth_time: int


class Approved(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody answered to a push: whether they approve, and the number that they typed."""

    yes: bool
    number: str


Given = str | ProviderAnswer | Approved
"""An answer: typed or made by a browser, a provider's, or to a push."""
