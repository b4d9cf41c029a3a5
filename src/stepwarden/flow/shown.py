"""What people are shown on our pages, and what they get there: results without any page.

``flow.pages`` and ``flow.account`` return these, ``console`` turns them into HTML. Times are microseconds since 1970
UTC. Everything here is in clear and for the person's own eyes; nothing of it is a secret but what says so.
"""

from typing import Literal

import msgspec

from stepwarden.flow.answers import ReasonText
from stepwarden.policy.approval import Approval
from stepwarden.stepup.assurance import FactorKind


class Browser(msgspec.Struct, frozen=True, kw_only=True):
    """Who looks at a page. ``key`` is the secret of its cookie: the same browser has the same; ``peer`` the socket's
    address, ``forwarded_for`` the header as it came (None: there was none)."""

    key: str
    peer: str = ""
    forwarded_for: str | None = None
    user_agent: str = ""
    language: str = "en"


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """A way to answer. ``credential`` is named where there are several of a kind that is sent somewhere; ``hint`` says
    where to (``a•••@example.com``); ``locked_until``: it is locked (0: it is not)."""

    factor: FactorKind
    credential: str = ""
    name: str = ""
    hint: str = ""
    locked_until: int = 0


class ChallengePage(msgspec.Struct, frozen=True, kw_only=True):
    """One challenge as the person sees it.

    ``approval`` are the policy's words for the action, for ``console.words`` to fill in. ``ready`` False: the first
    factor has not been proved yet, so ``choices`` are none. ``passkeys`` is what ``navigator.credentials.get``
    takes, as JSON ("" where none can answer). ``number`` is shown while a push waits. ``own``: it was asked for by
    our own pages, and ``back`` is the path of ours that goes on from there, with ``challenge`` and ``code``.
    """

    id: str
    actor: str
    action: str
    resource: str
    parameters: dict[str, str | int | bool]
    approval: Approval | None
    reasons: tuple[ReasonText, ...]
    choices: tuple[Choice, ...]
    expires: int
    now: int
    ready: bool
    passkeys: str = ""
    number: str = ""
    sent: tuple[str, ...] = ()
    own: bool = False
    back: str = "/account/continue"


class PagePassed(msgspec.Struct, frozen=True, kw_only=True):
    """A challenge was passed on our page. ``code`` (a secret) fetches the grant, once, within a minute or so.

    ``device`` is the cookie of a remembered device, "" where nobody asked for one.
    """

    challenge: str
    code: str
    device: str = ""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """One factor of a person's. ``strong``: it gives AAL2 by itself or on top of a password; ``left``: unused codes."""

    factor: FactorKind
    credential: str
    name: str
    since: int
    last_used: int
    strong: bool
    hardware: bool = False
    synced: bool = False
    left: int = 0


class SessionShown(msgspec.Struct, frozen=True, kw_only=True):
    """A session that holds something. ``where`` and ``agent`` in words, as of its last attempt; ``token`` names it."""

    token: str
    last: int
    where: str
    agent: str
    current: bool


class DeviceShown(msgspec.Struct, frozen=True, kw_only=True):
    """A remembered device, and until when."""

    device: str
    until: int


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt by (or as) this person. ``labelled``: somebody said what it was ("attack", "benign")."""

    id: str
    time: int
    action: str
    decision: Literal["allow", "step_up", "deny"]
    outcome: str
    where: str
    agent: str
    ip: str
    session: str


class AccountPage(msgspec.Struct, frozen=True, kw_only=True):
    """A person's own security. ``hold_until``: factors cannot be changed by a recovery code before (0: no hold)."""

    actor: str
    factors: tuple[Held, ...]
    sessions: tuple[SessionShown, ...]
    devices: tuple[DeviceShown, ...]
    activity: tuple[Activity, ...]
    hold_until: int
    kinds: tuple[FactorKind, ...]
    """What can be enrolled here."""


class TotpDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A TOTP secret that is not enrolled before a code shows that it arrived. All of it is secret."""

    secret: str
    uri: str
    svg: str


class AccountAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Whether something may be done on the account page: ``attempt`` names the allowed attempt ("" where none is
    needed), ``challenge`` the challenge to be passed first, ``refused`` the reasons for which it may not."""

    allowed: bool
    attempt: str = ""
    challenge: str = ""
    refused: tuple[ReasonText, ...] = ()
