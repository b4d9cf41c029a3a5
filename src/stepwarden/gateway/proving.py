"""What the gateway needs of proving who one is: challenges, factors, sessions, grants, the way to one's own page.

``flow.proving.Proving`` satisfies it by its shape. As of ``service.Service``: what records something returns once that
is durable, and nothing but ``StepwardenError`` is raised.
"""

from typing import Any, Protocol

from stepwarden.events.attempt import Method
from stepwarden.flow.answers import PassedAnswer
from stepwarden.flow.entrances import Entrance
from stepwarden.flow.factors import FactorView
from stepwarden.flow.grants import Introspected


class Challenges(Protocol):
    """Challenges that an application handles itself. All but ``passkeys`` are entries."""

    def passkeys(self, challenge_id: str) -> str:
        """What ``navigator.credentials.get`` takes, as JSON. Raises: ChallengeError: no passkey can answer."""
        ...

    async def send(self, challenge_id: str, *, factor: str, credential: str, language: str, by: str) -> None:
        """Send a code. Raises: ChallengeError, BusyError: too many; CourierError: it could not be delivered."""
        ...

    async def collect(self, challenge_id: str, code: str, *, by: str) -> PassedAnswer:
        """Fetch what was passed on our page. Raises: ChallengeClosedError: it is no such code, was used, or is over."""
        ...

    async def deny(self, challenge_id: str, *, by: str) -> None:
        """The person says that it was not them. Raises: ChallengeClosedError."""
        ...

    async def pushed(self, challenge_id: str, *, report: str, yes: bool, number: str) -> None:
        """What was answered to a push; ``report`` is the id of the message that says so.

        Raises:
            UnauthenticatedError: the same report came before.
            ChallengeError: it did not pass.
        """
        ...


class Factors(Protocol):
    """Factors that an application manages. ``attempt`` as in ``service.Service.enrol_totp``."""

    async def listing(self, actor: str, *, by: str) -> tuple[FactorView, ...]:
        """What a person can prove themselves with; that it was read is an entry."""
        ...

    def begin_passkey(self, actor: str) -> tuple[str, str]:
        """A draft's name, and what ``navigator.credentials.create`` takes, as JSON."""
        ...

    async def enrol_passkey(
        self, actor: str, *, draft: str, answer: str, name: str, attempt: str, by: str
    ) -> None:
        """Raises: ForbiddenError, InputError: not a passkey that can be enrolled; ConflictError: it is already."""
        ...

    async def enrol_address(self, actor: str, *, factor: str, address: str, attempt: str, by: str) -> None:
        """Raises: ForbiddenError, InputError: not an address of this kind."""
        ...

    async def remove(self, actor: str, *, factor: str, credential: str, attempt: str, by: str) -> None:
        """Raises: NotFoundError, ForbiddenError."""
        ...

    async def reset(self, actor: str, *, reason: str, by: str) -> int:
        """Take all of a person's factors away; how many. Raises: InputError: no reason, or it names the person."""
        ...


class Sessions(Protocol):
    """Ending what stands, on the application's word. Both raise ``NotFoundError`` where nobody is known by this id."""

    async def revoke(self, actor: str, *, session: str, reason: str, by: str) -> None:
        """End a session (the application's id, in clear), or ("") all."""
        ...

    async def forget_device(self, actor: str, *, device: str, by: str) -> None:
        """Forget a remembered device, or ("") all."""
        ...


class Entrances(Protocol):
    """The way to a person's own page."""

    def page(
        self, actor: str, *, proved: tuple[Method, ...], return_to: str, language: str, device: str
    ) -> Entrance:
        """Raises: InputError: ``return_to`` leads to no registered application."""
        ...


class KeySet(Protocol):
    """The keys that tokens are signed by."""

    def key_set(self) -> dict[str, Any]:
        """The public keys (RFC 7517)."""
        ...


class Grants(Protocol):
    """Grants for those who protect an action themselves."""

    @property
    def jose(self) -> KeySet:
        """The keys."""
        ...

    def introspect(self, token: str) -> Introspected:
        """What a token says, if it is a grant of ours that is not over and not used."""
        ...

    async def redeem(self, token: str, *, by: str) -> Introspected:
        """Use it up; of any number at once one is told that it was active."""
        ...


class Proving(Protocol):
    """All of them. Called from the event loop's thread only."""

    @property
    def challenges(self) -> Challenges: ...

    @property
    def factors(self) -> Factors: ...

    @property
    def sessions(self) -> Sessions: ...

    @property
    def entrances(self) -> Entrances: ...

    @property
    def grants(self) -> Grants: ...

    @property
    def push_secret(self) -> bytes:
        """What a push provider signs its reports with; b"" where there is none."""
        ...
