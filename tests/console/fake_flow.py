"""A flow that keeps the promises of ``console.service`` in memory, with a person in it who is easily described.

The right code is always ``123456`` (any factor), the right passkey's answer ``{"good":true}``. What the pages ask of it
is written down in ``asked``; nothing here knows of HTTP.
"""

import msgspec

from stepwarden.errors import (
    ChallengeClosedError,
    ChallengeError,
    ForbiddenError,
    InputError,
    NotFoundError,
    StepwardenError,
    UnauthenticatedError,
)
from stepwarden.flow.answers import ReasonText
from stepwarden.flow.shown import (
    AccountAnswer,
    AccountPage,
    Activity,
    Browser,
    ChallengePage,
    Choice,
    DeviceShown,
    Held,
    PagePassed,
    SessionShown,
    TotpDraft,
)
from stepwarden.policy.approval import Approval, parse_template

NOW = 1_800_000_000_000_000
MINUTE = 60_000_000
CODE = "collectable-code-secret"
RIGHT = "123456"
PASSKEY = '{"good":true}'
RECOVERY = tuple(f"{number:04d}-ABCD-EFGH-JKMN" for number in range(10))
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
SVG = '<svg width="10" height="10"><path d="M0 0h10v10H0z" fill="#000"/></svg>'
OPTIONS = (
    '{"challenge":"AAAA","rpId":"warden.example.com","allowCredentials":[],"userVerification":"required"}'
)
TRANSFER = Approval(
    {
        "en": parse_template("Transfer {amount|money currency} to {to|account}"),
        "de": parse_template("{amount|money currency} an {to|account} überweisen"),
    }
)
REASONS = (
    ReasonText(rule="new-device", text="You have not used this device before", weight=1.2),
    ReasonText(rule="usual", text="This is where and how you usually work", weight=-0.7),
    ReasonText(rule="own", text="The <b>moon</b> is full", weight=0.4),
)


def page(**changes: object) -> ChallengePage:
    """An ordinary transfer with these changes."""
    usual = ChallengePage(
        id="12-transfer",
        actor="anna@example.com",
        action="transfer",
        resource="",
        parameters={"amount": 120_000, "currency": "EUR", "to": "DE89370400440532013000"},
        approval=TRANSFER,
        reasons=REASONS,
        choices=(Choice(factor="webauthn"), Choice(factor="totp"), Choice(factor="recovery")),
        expires=NOW + 5 * MINUTE,
        now=NOW,
        ready=True,
        passkeys=OPTIONS,
    )
    return msgspec.structs.replace(usual, **changes)


ALL_CHOICES = (
    Choice(factor="webauthn"),
    Choice(factor="provider"),
    Choice(factor="totp"),
    Choice(factor="push", credential="p1"),
    Choice(factor="sms", credential="s1", hint="•••23"),
    Choice(factor="email", credential="e1", hint="a•••@example.com"),
    Choice(factor="email", credential="e2", hint="b•••@example.org"),
    Choice(factor="recovery"),
)


class FakePages:
    """Challenges by id. ``fails``: the next call of this name raises that."""

    def __init__(self) -> None:
        self.open = {"12-transfer": page()}
        self.browsers: dict[str, str] = {}
        self.passed: PagePassed | None = None
        self.asked: list[tuple[object, ...]] = []
        self.fails: dict[str, StepwardenError] = {}

    def add(self, **changes: object) -> None:
        """Open a challenge."""
        made = page(**changes)
        self.open[made.id] = made

    def _for(self, name: str, challenge: str, browser: Browser) -> ChallengePage:
        self.asked.append((name, challenge, browser.key))
        if name in self.fails:
            raise self.fails.pop(name)
        found = self.open.get(challenge)
        if found is None:
            raise ChallengeClosedError("the challenge is closed")
        if self.browsers.setdefault(challenge, browser.key) != browser.key:
            raise ForbiddenError("this was opened in another browser")
        return found

    def _end(self, challenge: str) -> PagePassed:
        del self.open[challenge]
        return PagePassed(challenge=challenge, code=CODE, device="device-cookie-secret")

    async def challenge(self, challenge: str, browser: Browser) -> ChallengePage:
        return self._for("challenge", challenge, browser)

    async def send(
        self, challenge: str, browser: Browser, *, factor: str, credential: str, words: str
    ) -> None:
        found = self._for("send", challenge, browser)
        self.asked.append(("sent", factor, credential, words))
        number = "42" if factor == "push" else found.number
        self.open[challenge] = msgspec.structs.replace(found, sent=(*found.sent, factor), number=number)

    async def answer(
        self, challenge: str, browser: Browser, *, factor: str, answer: str, remember: bool
    ) -> PagePassed:
        self._for("answer", challenge, browser)
        self.asked.append(("answered", factor, answer, remember))
        if answer != (PASSKEY if factor == "webauthn" else RIGHT):
            raise ChallengeError("the answer was not accepted")
        return self._end(challenge)

    async def waiting(self, challenge: str, browser: Browser) -> PagePassed | None:
        self._for("waiting", challenge, browser)
        return self._end(challenge) if self.passed is not None else None

    async def deny(self, challenge: str, browser: Browser) -> None:
        self._for("deny", challenge, browser)
        del self.open[challenge]

    async def to_provider(self, challenge: str, browser: Browser) -> str:
        self._for("to_provider", challenge, browser)
        return "https://login.example.net/authorize?client_id=x&state=op-state"

    async def from_provider(
        self, browser: Browser, *, state: str, code: str, error: str, issuer: str
    ) -> PagePassed:
        if state != "op-state" or error:
            raise ChallengeError("not accepted")
        self._for("from_provider", "12-transfer", browser)
        return self._end("12-transfer")


def account_page(**changes: object) -> AccountPage:
    """A person with everything."""
    usual = AccountPage(
        actor="anna@example.com",
        factors=(
            Held(
                factor="webauthn",
                credential="c1",
                name="Work key",
                since=NOW - 90 * 1440 * MINUTE,
                last_used=NOW - 5 * MINUTE,
                strong=True,
                hardware=True,
            ),
            Held(
                factor="webauthn",
                credential="c2",
                name="Phone",
                since=NOW - 40 * 1440 * MINUTE,
                last_used=NOW - 1440 * MINUTE,
                strong=True,
                synced=True,
            ),
            Held(
                factor="totp",
                credential="c3",
                name="",
                since=NOW - 400 * 1440 * MINUTE,
                last_used=0,
                strong=True,
            ),
            Held(
                factor="email",
                credential="c4",
                name="anna@example.com",
                since=NOW - 400 * 1440 * MINUTE,
                last_used=0,
                strong=False,
            ),
            Held(
                factor="recovery",
                credential="c5",
                name="",
                since=NOW - 400 * 1440 * MINUTE,
                last_used=0,
                strong=False,
                left=8,
            ),
        ),
        sessions=(
            SessionShown(token="s1", last=NOW, where="DE", agent="Firefox, Linux", current=True),
            SessionShown(token="s2", last=NOW - 300 * MINUTE, where="DE", agent="Safari, iOS", current=False),
        ),
        devices=(DeviceShown(device="d1", until=NOW + 20 * 1440 * MINUTE),),
        activity=(
            _attempt("31-a", 2, "transfer", "step_up", "success"),
            _attempt("30-b", 9, "login", "allow", "success"),
            _attempt(
                "29-c", 700, "login", "deny", "failure", where="BR", agent="Chrome, Windows", ip="203.0.113.9"
            ),
            _attempt(
                "28-d",
                710,
                "login",
                "allow",
                "failure",
                where="BR",
                agent="Chrome, Windows",
                ip="203.0.113.9",
            ),
        ),
        hold_until=0,
        kinds=("webauthn", "totp", "email", "sms", "recovery"),
    )
    return msgspec.structs.replace(usual, **changes)


def _attempt(name: str, minutes: int, action: str, decision: str, outcome: str, **where: str) -> Activity:
    told = {"where": "DE", "agent": "Firefox, Linux", "ip": "198.51.100.7"} | where
    return msgspec.convert(
        {
            "id": name,
            "time": NOW - minutes * MINUTE,
            "action": action,
            "decision": decision,
            "outcome": outcome,
            "session": "s1",
            **told,
        },
        Activity,
    )


class FakeAccount:
    """Page sessions by secret. ``free``: no challenge is asked; else one named ``9-ACTION`` in ``pages``."""

    def __init__(self, pages: FakePages) -> None:
        self.pages = pages
        self.page = account_page()
        self.sessions: dict[str, str] = {}
        self.opened: set[str] = set()
        self.tickets = {"ticket-1", "ticket-2"}
        self.free = True
        self.refused: tuple[ReasonText, ...] = ()
        self.back = "https://shop.example.com/settings"
        self.asked: list[tuple[object, ...]] = []
        self.done: list[tuple[object, ...]] = []

    def _known(self, session: str) -> None:
        if session not in self.sessions:
            raise UnauthenticatedError("open your security page again from the application")

    def _may(self, session: str, attempt: str) -> None:
        self._known(session)
        if session not in self.opened:
            raise ForbiddenError("this page has not been opened yet")
        if not attempt:
            raise ForbiddenError("this was not allowed")

    def is_of(self, session: str, browser: Browser) -> bool:
        return self.sessions.get(session) == browser.key

    async def enter(self, ticket: str, browser: Browser) -> str:
        if ticket not in self.tickets:
            raise NotFoundError("this address was used, or is over")
        self.tickets.remove(ticket)
        secret = f"page-session-secret-number-{len(self.done) + len(self.sessions):08d}"
        self.sessions[secret] = browser.key
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
        self._known(session)
        if self.sessions[session] != browser.key:
            raise UnauthenticatedError("open your security page again from the application")
        self.asked.append((action, resource, code, challenge))
        if self.refused:
            return AccountAnswer(allowed=False, refused=self.refused)
        named = f"9-{action}-{resource.replace(' ', '.')}"
        if self.free or (code == CODE and challenge == named):
            self.opened |= {session} if action == "security.open" else set()
            return AccountAnswer(allowed=True, attempt=f"attempt-{action}")
        self.pages.add(id=named, action=action, resource=resource, parameters={}, approval=None, own=True)
        return AccountAnswer(allowed=False, challenge=named)

    async def overview(self, session: str) -> AccountPage:
        self._known(session)
        if session not in self.opened:
            raise ForbiddenError("this page has not been opened yet")
        return self.page

    async def begin_totp(self, session: str) -> TotpDraft:
        self._known(session)
        return TotpDraft(secret=SECRET, uri="otpauth://totp/x", svg=SVG)

    async def confirm_totp(self, session: str, attempt: str, *, code: str, name: str) -> None:
        self._may(session, attempt)
        self._right(code)
        self.done.append(("totp", name))

    async def begin_passkey(self, session: str) -> str:
        self._known(session)
        return '{"challenge":"AAAA","rp":{"id":"warden.example.com","name":"W"},"user":{"id":"AAAA"}}'

    async def confirm_passkey(self, session: str, attempt: str, *, answer: str, name: str) -> None:
        self._may(session, attempt)
        if answer != PASSKEY:
            raise InputError("this passkey could not be enrolled: begin again")
        self.done.append(("passkey", name))

    async def begin_address(self, session: str, *, factor: str, address: str, language: str) -> None:
        self._known(session)
        if "@" not in address and not address.startswith("+"):
            raise InputError("not an address")
        self.done.append(("send", factor, address, language))

    async def confirm_address(self, session: str, attempt: str, *, code: str) -> None:
        self._may(session, attempt)
        self._right(code)
        self.done.append(("address",))

    async def recovery_codes(self, session: str, attempt: str) -> list[str]:
        self._may(session, attempt)
        self.done.append(("recovery",))
        return list(RECOVERY)

    async def remove(self, session: str, attempt: str, *, factor: str, credential: str) -> None:
        self._may(session, attempt)
        self.done.append(("remove", factor, credential))

    async def end_session(self, session: str, attempt: str, *, token: str) -> None:
        self._may(session, attempt)
        self.done.append(("end_session", token))

    async def forget_device(self, session: str, attempt: str, *, device: str) -> None:
        self._may(session, attempt)
        self.done.append(("forget_device", device))

    async def not_me(self, session: str, activity: str) -> None:
        self._known(session)
        self.done.append(("not_me", activity))

    async def leave(self, session: str) -> None:
        self.sessions.pop(session, None)

    def return_to(self, session: str) -> str:
        return self.back if session in self.sessions else ""

    @staticmethod
    def _right(code: str) -> None:
        if code != RIGHT:
            raise InputError("the code is not the one")
