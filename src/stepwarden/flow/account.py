"""A person's own page: what they have to prove themselves with, where they are signed in, what was done in their name.

The application vouches that somebody has signed in, and gets a *ticket* for them: good once, for a minute. With it a
browser enters, and gets a session of its own (``page-...``), which is like any other session in the log: to see the
page (``security.open``) takes the strongest factor that the person has, freshly, and so does every change
(``factor.enroll``, ``factor.remove``, ``security.sessions``, ``security.devices``). These are ordinary attempts,
decided and recorded like those of an application; there is no second way in.

Saying "this wasn't me" needs no further proof: it only ever takes rights away.

A page session belongs to the browser that entered. Where its network or its kind of agent changes, it is as if it had
not been opened yet: the page is shown once ``security.open`` was decided anew, with the new place and agent in it.
"""

import hmac
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Final, TypeVar

import msgspec

from stepwarden.errors import ForbiddenError, InputError, NotFoundError, UnauthenticatedError
from stepwarden.events.attempt import Attempt, Device, Method
from stepwarden.events.entries import DeviceForgotten, SessionRevoked
from stepwarden.flow.answers import Answer
from stepwarden.flow.attempts import Attempts
from stepwarden.flow.enrolments import Enrolments
from stepwarden.flow.notices import Notices
from stepwarden.flow.overview import PAGE_SECONDS, Overviews
from stepwarden.flow.pages import Pages
from stepwarden.flow.recorder import Recorder
from stepwarden.flow.shown import AccountAnswer, AccountPage, Browser, TotpDraft
from stepwarden.stepup.factors.webauthn import base64url

BY: Final = "page"
BACK: Final = "/account/continue"
TICKET_SECONDS: Final = 60
SESSION_SECONDS: Final = PAGE_SECONDS
SECRET_BYTES: Final = 24
CHANGE_WITHIN: Final = 60_000_000
"""Microseconds between the attempt that allows a change and the change."""
MAX_KEPT: Final = 10_000
ENTER: Final = "account.enter"
OPEN: Final = "security.open"
Send = Callable[[str, str, str, str], Awaitable[None]]
"""Sends a code: kind of factor, address, code, language."""
Label = Callable[[str], Awaitable[object]]
"""Says of an attempt, by its name, that the person says it was not them."""
Whence = Callable[[str, str | None, str], tuple[str, str]]
"""Where a request comes from, by peer, forwarded chain and user agent (``Describer.whence``)."""
Draw = Callable[[str], str]
"""The QR code of a text, as SVG."""


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """Who may enter, what the application saw them prove, and where they go back to. ``until`` in microseconds."""

    actor: str
    proved: tuple[Method, ...]
    return_to: str
    device: str
    until: int


class _Session(msgspec.Struct, kw_only=True):
    actor: str
    token: str
    session: str
    browser: bytes
    proved: tuple[Method, ...]
    return_to: str
    device: str
    until: int
    whence: tuple[str, str]
    opened: bool = False
    drafts: dict[str, str] = {}


class Account:
    """All calls on the loop's thread. Satisfies ``console.service.Account``."""

    def __init__(
        self,
        recorder: Recorder,
        attempts: Attempts,
        pages: Pages,
        enrolments: Enrolments,
        overviews: Overviews,
        notices: Notices,
        *,
        label: Label,
        send: Send,
        draw: Draw,
        token_of: Callable[[str], str],
        whence: Whence,
        entropy: Callable[[int], bytes],
    ) -> None:
        """``token_of`` gives the token of a session."""
        self._token_of = token_of
        self._whence = whence
        self._recorder = recorder
        self._attempts = attempts
        self._pages = pages
        self._enrolments = enrolments
        self._overviews = overviews
        self._notices = notices
        self._label = label
        self._send = send
        self._draw = draw
        self._entropy = entropy
        self._tickets: OrderedDict[bytes, Ticket] = OrderedDict()
        self._sessions: OrderedDict[bytes, _Session] = OrderedDict()

    def ticket(self, actor: str, *, proved: tuple[Method, ...], return_to: str, device: str = "") -> str:
        """A ticket for somebody who has just signed in to the application that asks.

        ``device`` is its id of their device: what it knows them by is no new device on our page.
        """
        text = base64url(self._entropy(SECRET_BYTES))
        until = self._recorder.now() + TICKET_SECONDS * 1_000_000
        _keep(
            self._tickets,
            _name(text),
            Ticket(actor=actor, proved=proved, return_to=return_to, device=device, until=until),
        )
        return text

    async def enter(self, ticket: str, browser: Browser) -> str:
        """See ``console.service.Account``."""
        found = self._tickets.pop(_name(ticket), None)
        if found is None or found.until <= self._recorder.now():
            raise NotFoundError("this address was used, or is over: open your security page again")
        person, _ = self._recorder.people.find_or_make(found.actor)
        secret = base64url(self._entropy(SECRET_BYTES))
        session = _Session(
            actor=found.actor,
            token=person.token,
            session="page-" + base64url(self._entropy(SECRET_BYTES)),
            browser=_name(browser.key),
            proved=found.proved,
            return_to=found.return_to,
            device=found.device,
            until=self._recorder.now() + SESSION_SECONDS * 1_000_000,
            whence=self._from(browser),
        )
        answer = await self._decide(session, browser, ENTER, "", "", within="")
        if answer.decision == "deny":
            raise ForbiddenError("this cannot be opened now")
        if answer.decision == "allow":
            await self._attempts.report(
                answer.id, outcome="success", proved=found.proved, session=session.session, by=BY
            )
        _keep(self._sessions, _name(secret), session)
        return secret

    async def ask(
        self,
        session: str,
        browser: Browser,
        action: str,
        *,
        resource: str = "",
        code: str = "",
        challenge: str = "",
    ) -> AccountAnswer:
        """See ``console.service.Account``."""
        found = self._session(session, browser)
        if action != OPEN:
            self._check_opened(found)
        first = not self._recorder.state.stepup.people.enrolled(found.token)
        if first and action.startswith("factor."):
            return AccountAnswer(allowed=True)
        grant = ""
        if code:
            grant = (await self._pages.collect(challenge, code, by=BY, own=True)).grant
        answer = await self._decide(found, browser, action, resource, grant, within=found.session)
        if answer.decision == "allow":
            await self._attempts.report(answer.id, outcome="success", proved=(), session="", by=BY)
            found.opened = found.opened or action == OPEN
            return AccountAnswer(allowed=True, attempt=answer.id)
        if answer.decision == "step_up" and answer.challenge is not None:
            self._pages.is_ours(answer.challenge.id, BACK)
            return AccountAnswer(allowed=False, challenge=answer.challenge.id)
        return AccountAnswer(allowed=False, refused=answer.reasons)

    async def _decide(
        self, found: _Session, browser: Browser, action: str, resource: str, grant: str, *, within: str
    ) -> Answer:
        attempt = Attempt(
            action=action,
            actor=found.actor,
            session=within,
            resource=resource,
            peer=browser.peer,
            forwarded_for=browser.forwarded_for,
            user_agent=_plain(browser.user_agent),
            device=Device(id=found.device) if found.device else None,
            proved=found.proved,
            grant=grant,
        )
        return await self._attempts.decide(attempt, by=BY, idempotency_key="")

    def is_of(self, session: str, browser: Browser) -> bool:
        """See ``console.service.Account``."""
        found = self._sessions.get(_name(session))
        if found is None or not hmac.compare_digest(found.browser, _name(browser.key)):
            return False
        whence = self._from(browser)
        if found.whence != whence:
            found.whence, found.opened = whence, False
        return True

    async def overview(self, session: str) -> AccountPage:
        """See ``console.service.Account``."""
        found = self._opened(session)
        return await self._overviews.of(found.actor, found.token, self._token_of(found.session))

    async def begin_totp(self, session: str) -> TotpDraft:
        """See ``console.service.Account``."""
        found = self._opened(session)
        name, made = self._enrolments.begin_totp(found.actor)
        found.drafts = {**found.drafts, "totp": name}
        return TotpDraft(secret=made.secret, uri=made.uri, svg=self._draw(made.uri))

    async def confirm_totp(self, session: str, attempt: str, *, code: str, name: str) -> None:
        """See ``console.service.Account``."""
        found = self._opened(session)
        await self._enrolments.confirm_totp(
            found.actor, draft=found.drafts.get("totp", ""), code=code, name=name, attempt=attempt, by=BY
        )

    async def begin_passkey(self, session: str) -> str:
        """See ``console.service.Account``."""
        found = self._opened(session)
        name, options = self._enrolments.begin_passkey(found.actor)
        found.drafts = {**found.drafts, "webauthn": name}
        return options

    async def confirm_passkey(self, session: str, attempt: str, *, answer: str, name: str) -> None:
        """See ``console.service.Account``."""
        found = self._opened(session)
        draft = found.drafts.get("webauthn", "")
        await self._enrolments.enrol_passkey(
            found.actor, draft=draft, answer=answer, name=name, attempt=attempt, by=BY
        )

    async def begin_address(self, session: str, *, factor: str, address: str, language: str) -> None:
        """See ``console.service.Account``."""
        found = self._opened(session)
        if factor not in self._overviews.sends:
            raise InputError("nothing can be sent this way here", field="factor")
        name, code = self._enrolments.begin_address(found.actor, factor, address)
        found.drafts = {**found.drafts, factor: name, "address": factor}
        await self._send(factor, self._enrolments.check_address(factor, address), code, language)

    async def confirm_address(self, session: str, attempt: str, *, code: str) -> None:
        """See ``console.service.Account``."""
        found = self._opened(session)
        factor = found.drafts.get("address", "")
        await self._enrolments.confirm_address(
            found.actor,
            factor=factor,
            draft=found.drafts.get(factor, ""),
            code=code,
            attempt=attempt,
            by=BY,
        )

    async def recovery_codes(self, session: str, attempt: str) -> list[str]:
        """See ``console.service.Account``."""
        found = self._opened(session)
        return await self._enrolments.make_recovery_codes(found.actor, attempt=attempt, by=BY)

    async def remove(self, session: str, attempt: str, *, factor: str, credential: str) -> None:
        """See ``console.service.Account``."""
        found = self._opened(session)
        await self._enrolments.remove(
            found.actor, factor=factor, credential=credential, attempt=attempt, by=BY
        )

    async def end_session(self, session: str, attempt: str, *, token: str) -> None:
        """See ``console.service.Account``."""
        found = self._opened(session)
        index = self._allowed(found, attempt, "security.sessions")
        await self._revoke(found, token[:64], index, "ended by the person")

    async def forget_device(self, session: str, attempt: str, *, device: str) -> None:
        """See ``console.service.Account``."""
        found = self._opened(session)
        recorder = self._recorder
        entry = DeviceForgotten(
            time=recorder.now(),
            id=recorder.new_id(),
            previous=self._allowed(found, attempt, "security.devices"),
            by=BY,
            actor=found.token,
            device=device[:64],
        )
        await recorder.append(entry).durable

    async def not_me(self, session: str, activity: str) -> None:
        """See ``console.service.Account``."""
        found = self._opened(session)
        index, decided, _, _ = self._attempts.find(activity)
        if decided.facts.actor != found.token:
            raise NotFoundError("there is no such attempt")
        await self._label(activity)
        if decided.facts.session not in ("", self._token_of(found.session)):
            await self._revoke(found, decided.facts.session, index, "the person says that it was not them")
        self._notices.tell(found.token, "not_me")

    async def leave(self, session: str) -> None:
        """See ``console.service.Account``."""
        found = self._sessions.pop(_name(session), None)
        if found is not None:
            await self._revoke(found, self._token_of(found.session), -1, "left")

    def return_to(self, session: str) -> str:
        """See ``console.service.Account``."""
        found = self._sessions.get(_name(session))
        return found.return_to if found is not None else ""

    # -- inside

    def _from(self, browser: Browser) -> tuple[str, str]:
        return self._whence(browser.peer, browser.forwarded_for, _plain(browser.user_agent))

    def _session(self, secret: str, browser: Browser) -> _Session:
        found = self._known(secret)
        if not hmac.compare_digest(found.browser, _name(browser.key)):
            raise UnauthenticatedError("open your security page again from the application")
        return found

    def _known(self, secret: str) -> _Session:
        found = self._sessions.get(_name(secret))
        if found is None or found.until <= self._recorder.now():
            raise UnauthenticatedError("open your security page again from the application")
        return found

    def _opened(self, secret: str) -> _Session:
        found = self._known(secret)
        self._check_opened(found)
        return found

    def _check_opened(self, found: _Session) -> None:
        if not found.opened:
            raise ForbiddenError("this page has not been opened yet")
        # What is ended from elsewhere ends here too.
        if self._recorder.state.stepup.standings.is_revoked(found.token, self._token_of(found.session)):
            raise UnauthenticatedError("this session was ended: sign in again")

    def _allowed(self, found: _Session, attempt: str, action: str) -> int:
        """The index of the allowed attempt for a change that is made now."""
        index, decided, _, _ = self._attempts.find(attempt)
        facts = decided.facts
        if (facts.action, facts.actor, decided.decision) != (action, found.token, "allow"):
            raise ForbiddenError("this was not allowed")
        if self._recorder.now() - decided.time > CHANGE_WITHIN:
            raise ForbiddenError("this was allowed too long ago")
        return index

    async def _revoke(self, found: _Session, token: str, index: int, reason: str) -> None:
        recorder = self._recorder
        entry = SessionRevoked(
            time=recorder.now(),
            id=recorder.new_id(),
            previous=index,
            by=BY,
            actor=found.token,
            session=token,
            kept="" if token else self._token_of(found.session),
            reason=reason,
        )
        await recorder.append(entry).durable


def _plain(user_agent: str) -> str:
    """A user agent as an attempt takes it."""
    return "".join(character for character in user_agent if character.isprintable())[:2_048]


def _name(secret: str) -> bytes:
    """What a secret is kept under: whoever reads our memory does not find it there."""
    return sha256(b"stepwarden page v1\n" + secret.encode("utf-8", "replace")).digest()


V = TypeVar("V")


def _keep(known: "OrderedDict[bytes, V]", key: bytes, value: V) -> None:
    known[key] = value
    if len(known) > MAX_KEPT:
        known.popitem(last=False)
