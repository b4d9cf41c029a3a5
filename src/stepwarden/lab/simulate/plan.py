"""What people and attackers of a simulation plan to do, and what comes back to them.

People and attackers make ``Planned`` attempts in the public shape of ``POST /v1/attempts``; whoever runs them (the
engine in this process, or a client of a running server) decides each, and gives an ``Answered`` back. People do not
mind the answer: their life is a plain iterator in order of time. An attacker does: it is a generator that yields its
next attempt and is sent the answer to it.

>>> def once(planned: Planned) -> Script:
...     answered = yield planned
...     if answered.open:
...         ...  # it got in: the next step would follow here

Not here: who lives where (``world``, ``people``), the attacks (``lab.attackers``), deciding (``engine``).
"""

from collections.abc import Generator
from typing import Literal

import msgspec

from stepwarden.events.attempt import Attempt, Outcome
from stepwarden.events.entries import Verdict

Reply = Literal["pass", "fail", "ignore", "deny"]
"""What happens to a step-up: it is passed, answered wrongly, left alone, or the owner says that it was not them."""

Cohort = Literal["home", "mobile", "office", "vpn", "traveller", "night"]
Band = Literal["daily", "weekly", "monthly", "rare"]
"""How often somebody signs in: more than 4 times a week, at least weekly, at least monthly, less."""


class Planned(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One attempt that somebody will make.

    ``time`` in microseconds since 1970. ``attempt`` carries no outcome (it is not known when it is decided) and
    ``proved`` as an application would report it (``pwd`` where the password was right). ``outcome`` is how it ends
    where it is let through. ``reply`` is what comes of a step-up, after ``delay`` microseconds. ``person`` is the index
    of whoever's account it is, -1 for an account that does not exist; ``campaign`` that of the campaign, -1 for people.
    ``probe``: it is weighed and leaves no trace, so that detection can be measured at one moment of one account
    without changing what follows. ``opens``: the session that a sign-in which ends well opens, "" for none.
    """

    time: int
    attempt: Attempt
    outcome: Outcome
    person: int
    reply: Reply = "pass"
    delay: int = 20_000_000
    campaign: int = -1
    probe: bool = False
    opens: str = ""


class Answered(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What was answered: the decision, whether a step-up was passed, and whether the attempt went through at all.

    ``time`` is when that was known, in microseconds. ``open``: the action took place (allowed, or stepped up and
    passed, and the outcome was a success).
    """

    time: int
    decision: Verdict
    passed: bool
    open: bool


class Campaign(msgspec.Struct, frozen=True, kw_only=True):
    """One attack by one attacker, as its script says it: what the report counts by.

    ``attacker`` is the name of the script (``spraying-slow``), ``technique`` an ATT&CK id, ``began`` in microseconds.
    ``about`` says in one line what it does. ``takeover`` is the class of a takeover attacker (``naive``, ``vpn``,
    ``targeted``, ``very-targeted``), "" for other attacks.
    """

    index: int
    attacker: str
    technique: str
    began: int
    about: str
    takeover: str = ""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """What the report needs to know of a simulated person; how they live is the people's own affair."""

    index: int
    actor: str
    cohort: Cohort
    band: Band
    has_device_id: bool


Script = Generator[Planned, Answered, None]
"""An attack: yields attempts in order of time, is sent the answer to each."""
