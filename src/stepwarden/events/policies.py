"""Entries about policies: each step of a policy's life, the emergency, and what a second policy said of an attempt.

A policy lives: draft -> tested -> back-tested -> shadow -> canary -> live -> retired (``flow.lifecycle`` says which
step may follow which). ``policy.changed`` makes a policy live, whichever way; every other step is ``policy.stepped``.
Hashes of policies are the SHA-256 of the file's bytes, in hex.
"""

from typing import Literal

import msgspec

from stepwarden.events.base import Base, Verdict

Step = Literal["draft", "tested", "back-tested", "shadow", "canary", "withdrawn", "retired"]
"""``withdrawn`` takes a policy out of shadow or canary: it is a draft again, and keeps what it was tested by."""
Way = Literal["file", "promoted", "rolled-back"]
"""How a policy became live: it stood in the configured file, it was promoted, or it had been live before."""


class PolicyChanged(Base, frozen=True, kw_only=True, tag="policy.changed"):
    """From here on decisions are made by this policy. ``text`` is the whole file, ``policy`` its SHA-256.

    ``replaces`` is the hash of the policy that was live until now, ``reason`` why. ``forced``: why the policy was
    promoted without the steps that promotion asks for.
    """

    policy: str
    text: str
    name: str
    way: Way = "file"
    replaces: str = ""
    reason: str = ""
    forced: str = ""


class PolicyRefused(Base, frozen=True, kw_only=True, tag="policy.refused"):
    """A new policy could not be used; the one before stays. ``policy`` is the SHA-256 of what was refused."""

    policy: str
    reason: str
    line: int = 0
    column: int = 0


class PolicyStepped(Base, frozen=True, kw_only=True, tag="policy.stepped"):
    """A policy went a step of its life; who decides does not change, but for the actors of a canary.

    ``text`` (the whole file) and ``name`` stand with ``draft``. ``share`` is how many of 10,000 actors a canary
    decides for; ``alone``: by its own demand alone, not by the stronger of its and the live one's. ``digest`` is the
    SHA-256 (hex) of the report of a test or back-test, ``summary`` that report in one line.
    """

    policy: str
    step: Step
    text: str = ""
    name: str = ""
    share: int = 0
    alone: bool = False
    reason: str = ""
    digest: str = ""
    summary: str = ""


class PolicyEmergency(Base, frozen=True, kw_only=True, tag="policy.emergency"):
    """From here on every demand is the highest (``on``), or what the policy asks for again."""

    on: bool
    reason: str


class Beside(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What the policy that did not decide says of an attempt: one in shadow; or the live one, where a canary decided.

    ``risk`` in parts per million; ``decision`` what it would have answered by itself, the cap on prompts apart.
    ``added`` and ``removed`` are the rules that hold for the candidate and not for the live policy, and the reverse;
    the first 32 of them.
    ``alone``: what a canary's own demand would have led to, where that is not what was answered. ``failed``: the
    candidate could not be evaluated at all; the rest is then the worst that it could have said.
    """

    policy: str
    risk: int
    decision: Verdict
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    alone: Verdict | None = None
    failed: bool = False
