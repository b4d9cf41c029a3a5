"""What the pages need of the flow: two Protocols, which ``flow.pages.Pages`` and ``flow.account.Account`` satisfy.

All calls on the loop's thread. They raise ``StepwardenError`` and nothing else that a visitor could provoke: of these
``ChallengeError`` and its kinds, ``ForbiddenError`` (another browser's), ``NotFoundError``, ``InputError`` and
``BusyError`` are to be told to the person in words, the rest as "something went wrong".
"""

from typing import Protocol

from stepwarden.flow.shown import (
    AccountAnswer,
    AccountPage,
    Browser,
    ChallengePage,
    PagePassed,
    TotpDraft,
)


class Pages(Protocol):
    """Challenges on our own page. The first browser that opens a challenge is the only one that may answer it."""

    async def challenge(self, challenge: str, browser: Browser) -> ChallengePage:
        """Raises: ChallengeClosedError: it has ended, or never was; ForbiddenError: another browser's."""
        ...

    async def send(
        self, challenge: str, browser: Browser, *, factor: str, credential: str, words: str
    ) -> None:
        """Send a code, or a request to approve. ``words``: what is approved, one line in the person's language.

        Raises:
            BusyError: too many were sent; CourierError: it could not be delivered.
        """
        ...

    async def answer(
        self, challenge: str, browser: Browser, *, factor: str, answer: str, remember: bool
    ) -> PagePassed:
        """Raises: ChallengeError and its kinds. ``remember``: remember this device."""
        ...

    async def waiting(self, challenge: str, browser: Browser) -> PagePassed | None:
        """What a push has become: passed, or (None) not answered yet. Raises: ChallengeClosedError: it was refused."""
        ...

    async def deny(self, challenge: str, browser: Browser) -> None:
        """It was not me: the challenge ends, and the risk rises."""
        ...

    async def to_provider(self, challenge: str, browser: Browser) -> str:
        """The URL of the OpenID provider that is to prove who this is."""
        ...

    async def from_provider(
        self, browser: Browser, *, state: str, code: str, error: str, issuer: str
    ) -> PagePassed:
        """What the provider's answer, brought by the browser, comes to. Raises: ProviderError, ChallengeError."""
        ...


class Account(Protocol):
    """A person's own page: factors, sessions, devices, activity. ``session`` is the secret of the page's cookie."""

    async def enter(self, ticket: str, browser: Browser) -> str:
        """Use up a ticket that the application asked for; the secret of the page session.

        Raises:
            NotFoundError: it is none, was used, or is over.
        """
        ...

    def is_of(self, session: str, browser: Browser) -> bool:
        """Whether this browser entered this page session. From another place or agent, it has to be opened anew."""
        ...

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
        """Whether ``action`` may be done now. ``code`` and ``challenge``: of the challenge that was passed for it.

        Actions: ``security.open`` (to see the page), ``factor.enroll``, ``factor.remove``, ``security.sessions`` (end
        one), ``security.devices`` (forget one).
        """
        ...

    async def overview(self, session: str) -> AccountPage:
        """Raises: UnauthenticatedError: no such page session, or its time is over; ForbiddenError: not opened yet."""
        ...

    async def begin_totp(self, session: str) -> TotpDraft:
        """A new draft; the one before is void."""
        ...

    async def confirm_totp(self, session: str, attempt: str, *, code: str, name: str) -> None:
        """Raises: InputError: the code is not that of the draft (5 tries)."""
        ...

    async def begin_passkey(self, session: str) -> str:
        """What ``navigator.credentials.create`` takes, as JSON."""
        ...

    async def confirm_passkey(self, session: str, attempt: str, *, answer: str, name: str) -> None:
        """Raises: InputError: not a passkey that can be enrolled."""
        ...

    async def begin_address(self, session: str, *, factor: str, address: str, language: str) -> None:
        """Send a code to a new mail address (``email``) or telephone number (``sms``)."""
        ...

    async def confirm_address(self, session: str, attempt: str, *, code: str) -> None:
        """Raises: InputError: the code is not the one that was sent (5 tries)."""
        ...

    async def recovery_codes(self, session: str, attempt: str) -> list[str]:
        """Ten new codes; those before are void."""
        ...

    async def remove(self, session: str, attempt: str, *, factor: str, credential: str) -> None: ...

    async def end_session(self, session: str, attempt: str, *, token: str) -> None:
        """End one session of this person's, or (empty) all but this one."""
        ...

    async def forget_device(self, session: str, attempt: str, *, device: str) -> None:
        """Forget one remembered device, or (empty) all."""
        ...

    async def not_me(self, session: str, activity: str) -> None:
        """This attempt was not me: it is labelled, its session is ended, and the risk of this account rises."""
        ...

    async def leave(self, session: str) -> None:
        """The page session is over."""
        ...

    def return_to(self, session: str) -> str:
        """Where the application wants the person to go back to; "" where it did not say."""
        ...
