"""The part of the fake service that is about proving who one is: fixed answers, and a memory of what it was asked."""

from collections.abc import Callable
from typing import Any

from stepwarden.errors import ChallengeClosedError, InputError, NotFoundError
from stepwarden.events.attempt import Method
from stepwarden.flow.answers import PassedAnswer
from stepwarden.flow.entrances import Entrance
from stepwarden.flow.factors import FactorView
from stepwarden.flow.grants import Introspected

EXPIRES = 1_767_225_600_000_000
PUSH_SECRET = b"p" * 32
GRANT = "eyJ.good.grant"
CODE = "right-code"
CREATE = '{"challenge":"AAAA","rp":{"id":"warden.example","name":"Stepwarden"}}'
GET = (
    '{"challenge":"AAAA","rpId":"warden.example","allowCredentials":[{"type":"public-key","id":"BBBB"}],'
    '"userVerification":"required","timeout":300000}'
)
JWKS = {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k", "alg": "EdDSA", "use": "sig", "x": "AAAA"}]}
ACTIVE = Introspected(
    active=True, iss="https://warden.example", sub="alice", token_type="Bearer", acr="nist-aal2", amr=("otp",)
)


class FakeJose:
    def key_set(self) -> dict[str, Any]:
        return JWKS


class FakeGrants:
    """Knows one grant, which is good once."""

    def __init__(self, called: Callable[[str, object], None]) -> None:
        self._called = called
        self._used = False
        self.jose = FakeJose()

    def introspect(self, token: str) -> Introspected:
        self._called("introspect", token)
        return ACTIVE if token == GRANT and not self._used else Introspected(active=False)

    async def redeem(self, token: str, *, by: str) -> Introspected:
        self._called("redeem", (token, by))
        found = ACTIVE if token == GRANT and not self._used else Introspected(active=False)
        self._used = self._used or token == GRANT
        return found


class FakeProving:
    """All parts in one; ``called`` is told of each call."""

    def __init__(self, called: Callable[[str, object], None], passed: PassedAnswer) -> None:
        self._called = called
        self._passed = passed
        self.grants = FakeGrants(called)
        self.push_secret = PUSH_SECRET
        self.reports: list[tuple[str, bool, str]] = []

    @property
    def challenges(self) -> "FakeProving":
        return self

    @property
    def factors(self) -> "FakeProving":
        return self

    @property
    def sessions(self) -> "FakeProving":
        return self

    @property
    def entrances(self) -> "FakeProving":
        return self

    def passkeys(self, challenge_id: str) -> str:
        self._called("passkeys", challenge_id)
        return GET

    async def send(self, challenge_id: str, *, factor: str, credential: str, language: str, by: str) -> None:
        self._called("send", (challenge_id, factor, credential, language, by))

    async def collect(self, challenge_id: str, code: str, *, by: str) -> PassedAnswer:
        self._called("collect", (challenge_id, code, by))
        if code == "wrong":
            raise ChallengeClosedError("the challenge is closed")
        return self._passed

    async def deny(self, challenge_id: str, *, by: str) -> None:
        self._called("deny", (challenge_id, by))

    async def pushed(self, challenge_id: str, *, report: str, yes: bool, number: str) -> None:
        self._called("pushed", (challenge_id, yes, number))
        self.reports.append((report, yes, number))

    async def listing(self, actor: str, *, by: str) -> tuple[FactorView, ...]:
        self._called("listing", (actor, by))
        return (
            FactorView(
                factor="totp",
                credential="9c0e11223344",
                since=EXPIRES,
                last_used=0,
                strong=True,
                hardware=False,
                synced=False,
                left=0,
            ),
        )

    def begin_passkey(self, actor: str) -> tuple[str, str]:
        self._called("begin_passkey", actor)
        return "draft-1", CREATE

    async def enrol_passkey(
        self, actor: str, *, draft: str, answer: str, name: str, attempt: str, by: str
    ) -> None:
        self._called("enrol_passkey", (actor, draft, answer, name, attempt, by))

    async def enrol_address(self, actor: str, *, factor: str, address: str, attempt: str, by: str) -> None:
        self._called("enrol_address", (actor, factor, address, attempt, by))

    async def remove(self, actor: str, *, factor: str, credential: str, attempt: str, by: str) -> None:
        self._called("remove", (actor, factor, credential, attempt, by))

    async def reset(self, actor: str, *, reason: str, by: str) -> int:
        self._called("reset", (actor, reason, by))
        return 3

    async def revoke(self, actor: str, *, session: str, reason: str, by: str) -> None:
        self._called("revoke", (actor, session, reason, by))
        if actor == "nobody":
            raise NotFoundError("nobody is known by this id")

    async def forget_device(self, actor: str, *, device: str, by: str) -> None:
        self._called("forget_device", (actor, device, by))

    def page(
        self, actor: str, *, proved: tuple[Method, ...], return_to: str, language: str, device: str
    ) -> Entrance:
        self._called("page", (actor, proved, return_to, language, device))
        if return_to.startswith("https://evil"):
            raise InputError("an address of a registered application is needed", field="$.return_to")
        return Entrance(url="https://warden.example/account?ticket=t", expires=EXPIRES)
