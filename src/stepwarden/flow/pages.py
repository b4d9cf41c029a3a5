"""Challenges on our own page: which browser, what it is shown, and how the application gets what was passed there.

The address of a challenge may fall into the wrong hands, or be put into the right ones by the wrong person: somebody
who has a password begins an attempt in their own session and sends its owner the address, to be approved. So:

1. the first browser that opens a challenge is the only one that is shown it, or may answer it;
2. a success on the page is *deferred*: it raises no session and gives no grant, until
3. the application collects it, with a code that only that browser was given and brings along in the application's own
   session. Whoever approves somebody else's attempt brings the code to nobody but their own.

What is kept here is in memory, bounded, and gone after a restart: then a challenge is opened, or passed, once more.
"""

import hmac
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from typing import Final, Protocol, TypeVar

import msgspec

from stepwarden.errors import (
    ChallengeClosedError,
    ChallengeError,
    ChallengeNotReadyError,
    FactorLockedError,
    ForbiddenError,
)
from stepwarden.events.entries import AttemptDecided, DeviceRemembered
from stepwarden.flow.answers import PassedAnswer, ReasonText
from stepwarden.flow.asked import AskedFor
from stepwarden.flow.attempts import Attempts
from stepwarden.flow.devices import REMEMBER_SECONDS, DeviceCookies
from stepwarden.flow.facts import Describer
from stepwarden.flow.provider_proof import ProviderProof
from stepwarden.flow.recorder import Recorder
from stepwarden.flow.shown import Browser, ChallengePage, Choice, PagePassed
from stepwarden.flow.stepups import Passing, StepUps
from stepwarden.flow.vault import Vault
from stepwarden.stepup.assurance import TABLE, FactorKind, admitted
from stepwarden.stepup.factors.webauthn import base64url
from stepwarden.stepup.gate import FIRST_FACTORS
from stepwarden.stepup.issue import offer
from stepwarden.stepup.means import Approved, Given, Means, ProviderAnswer
from stepwarden.stepup.state import OpenChallenge

CODE_BYTES: Final = 24
COLLECT_SECONDS: Final = 120
"""How long a success may wait on the page to be collected."""
REMEMBERED: Final = 20_000
DECOY_BYTES: Final = (16, 20, 32)
"""How long the ids of real passkeys usually are."""
BY: Final = "page"
K = TypeVar("K")
V = TypeVar("V")


class Provider(Protocol):
    """An OpenID provider that proves who somebody is; ``connect.openid`` has the client."""

    async def begin(self, *, challenge: str, login_hint: str, max_age: int) -> "Begun": ...

    async def finish(self, *, state: str, code: str, error: str, issuer: str) -> ProviderProof: ...


class Begun(Protocol):
    """Where a browser is sent."""

    @property
    def url(self) -> str: ...


class _Own(msgspec.Struct, frozen=True):
    """``back``: the path of ours that goes on from there. ``blind``: nothing may tell whether this person is known."""

    back: str
    blind: bool


class _Collectable(msgspec.Struct, frozen=True):
    passing: Passing
    until: int
    device: str
    own: bool


class Pages:
    """All calls on the loop's thread. Satisfies ``console.service.Pages``."""

    def __init__(
        self,
        recorder: Recorder,
        stepups: StepUps,
        attempts: Attempts,
        asked: AskedFor,
        describer: Describer,
        vault: Vault,
        means: Means,
        cookies: DeviceCookies,
        *,
        provider: Provider | None,
        sends: frozenset[str],
        entropy: Callable[[int], bytes],
    ) -> None:
        """``sends``: the kinds that something can be sent by."""
        self._recorder = recorder
        self._state = recorder.state
        self._stepups = stepups
        self._attempts = attempts
        self._asked = asked
        self._describer = describer
        self._vault = vault
        self._means = means
        self._cookies = cookies
        self._provider = provider
        self._sends = sends
        self._entropy = entropy
        self._opened: OrderedDict[str, bytes] = OrderedDict()
        self._numbers: OrderedDict[str, str] = OrderedDict()
        self._codes: OrderedDict[bytes, _Collectable] = OrderedDict()
        self._approved: OrderedDict[str, PagePassed] = OrderedDict()
        self._own: OrderedDict[str, _Own] = OrderedDict()

    def is_ours(self, challenge: str, back: str, *, blind: bool = False) -> None:
        """A challenge was issued for a page of ours: only we may collect it.

        Args:
            back: the path of ours where the browser goes on, with ``challenge`` and ``code``.
            blind: anybody may have named this person. Until a factor is shown the page must not tell whether they are
                known: a passkey is asked of everybody, and no reason is given.
        """
        _remember(self._own, challenge, _Own(back, blind))

    def can_be_answered(self, challenge: str) -> bool:
        """Whether there is anything at all that this person could answer with."""
        found = self._state.stepup.challenge(challenge)
        return found is not None and bool(self._able(found))

    async def challenge(self, challenge: str, browser: Browser) -> ChallengePage:
        """See ``console.service.Pages``."""
        found = self._for(challenge, browser)
        issued, now = found.issued, self._recorder.now()
        asked = self._asked.find(found.index, issued)
        policy = self._state.policy
        choices = self._choices(found)
        own = self._own.get(challenge)
        return ChallengePage(
            id=challenge,
            actor=asked.actor if asked is not None else "",
            action=issued.action,
            resource=asked.resource if asked is not None else "",
            parameters=dict(asked.parameters) if asked is not None else {},
            approval=policy.approval(issued.action) if policy is not None else None,
            reasons=() if self._is_blind(found) else self._reasons(found),
            choices=choices,
            expires=issued.expires,
            now=now,
            ready=found.ready,
            passkeys=self._passkeys(found) if any(one.factor == "webauthn" for one in choices) else "",
            number=self._numbers.get(challenge, ""),
            sent=tuple(one.factor for one in found.sent),
            own=own is not None,
            back=own.back if own is not None else "",
        )

    async def send(
        self, challenge: str, browser: Browser, *, factor: str, credential: str, words: str
    ) -> None:
        """See ``console.service.Pages``."""
        self._for(challenge, browser)
        number = await self._stepups.send(
            challenge, factor=factor, credential=credential, words=words, language=browser.language, by=BY
        )
        if number:
            _remember(self._numbers, challenge, number)

    async def answer(
        self, challenge: str, browser: Browser, *, factor: str, answer: str, remember: bool
    ) -> PagePassed:
        """See ``console.service.Pages``."""
        found = self._for(challenge, browser)
        # Neither would be looked at, any number of them: no entries for whoever has nothing but the address.
        if not found.ready and factor not in FIRST_FACTORS:
            raise ChallengeNotReadyError("the first factor has not been reported as proved")
        if self._state.stepup.people.locked_until(found.issued.actor, factor) > self._recorder.now():
            raise FactorLockedError("too many wrong answers; try again later")
        return await self._look(challenge, factor, answer, browser.user_agent if remember else "")

    async def waiting(self, challenge: str, browser: Browser) -> PagePassed | None:
        """See ``console.service.Pages``."""
        self._same(challenge, browser)
        found = self._approved.pop(challenge, None)
        if found is None:
            self._for(challenge, browser)
        return found

    async def deny(self, challenge: str, browser: Browser) -> None:
        """See ``console.service.Pages``."""
        self._for(challenge, browser)
        await self._stepups.deny(challenge, by=BY)

    async def approve(self, challenge: str, *, yes: bool, number: str, by: str) -> None:
        """What somebody answered to a push, as the provider reports it.

        Raises:
            ChallengeError: it did not pass.
        """
        passed = await self._look(challenge, "push", Approved(yes=yes, number=number), "", by=by)
        _remember(self._approved, challenge, passed)

    async def to_provider(self, challenge: str, browser: Browser) -> str:
        """See ``console.service.Pages``."""
        found = self._for(challenge, browser)
        if self._provider is None or not any(one.factor == "provider" for one in self._choices(found)):
            raise ChallengeError("the challenge cannot be answered this way")
        asked = self._asked.find(found.index, found.issued)
        begun = await self._provider.begin(
            challenge=challenge, login_hint=asked.actor if asked is not None else "", max_age=0
        )
        return begun.url

    async def from_provider(
        self, browser: Browser, *, state: str, code: str, error: str, issuer: str
    ) -> PagePassed:
        """See ``console.service.Pages``."""
        if self._provider is None:
            raise ChallengeClosedError("the challenge is closed")
        proof = await self._provider.finish(state=state, code=code, error=error, issuer=issuer)
        if proof.challenge not in self._opened:
            # Nobody was sent away from a page that nobody opened: never bind it to whoever comes along now.
            raise ChallengeClosedError("the challenge is closed")
        self._for(proof.challenge, browser)
        person = self._recorder.people.find(proof.subject)
        given = ProviderAnswer(
            actor=person.token if person is not None else "",
            aal=proof.aal,
            methods=proof.amr,
            auth_time=proof.auth_time,
        )
        return await self._look(proof.challenge, "provider", given, "")

    async def collect(self, challenge: str, code: str, *, by: str, own: bool = False) -> PassedAnswer:
        """Fetch what was passed, with the code that the browser brought. Of any number at once, one gets it.

        Raises:
            ChallengeClosedError: it is no such code, was used, or is over.
        """
        found = self._codes.pop(_name(challenge, code), None)
        if found is None or found.until <= self._recorder.now() or found.own != own:
            raise ChallengeClosedError("the challenge is closed")
        collected = await self._stepups.collect(found.passing, by=by)
        return self._stepups.passed_answer(collected, device=found.device)

    def passkeys(self, challenge: str) -> str:
        """What ``navigator.credentials.get`` takes, for a page of the application's. See ``Challenges.passkeys``."""
        found = self._open(challenge)
        if not any(one.factor == "webauthn" for one in self._able(found)):
            raise ChallengeError("the challenge cannot be answered this way")
        return self._passkeys(found)

    # -- inside

    async def _look(
        self, challenge: str, factor: str, given: Given, agent: str, *, by: str = BY
    ) -> PagePassed:
        own = challenge in self._own
        passing = await self._stepups.look(challenge, factor, given, by=by, deferred=True)
        device = await self._remember_device(passing, agent) if agent else ""
        code = base64url(self._entropy(CODE_BYTES))
        until = self._recorder.now() + COLLECT_SECONDS * 1_000_000
        _remember(self._codes, _name(challenge, code), _Collectable(passing, until, device, own))
        return PagePassed(challenge=challenge, code=code, device=device)

    async def _remember_device(self, passing: Passing, agent: str) -> str:
        recorder, family = self._recorder, self._describer.family(agent)
        if not family:
            return ""
        until = recorder.now() // 1_000_000 + REMEMBER_SECONDS
        device, cookie = self._cookies.make(passing.entry.actor, family, until=until)
        entry = DeviceRemembered(
            time=recorder.now(),
            id=recorder.new_id(),
            previous=passing.index,
            by=BY,
            actor=passing.entry.actor,
            device=device,
            expires=until * 1_000_000,
            agent=self._describer.agent_token(family),
        )
        await recorder.append(entry).durable
        return cookie

    def _for(self, challenge: str, browser: Browser) -> OpenChallenge:
        """The open challenge, for its own browser only."""
        found = self._open(challenge)
        self._same(challenge, browser)
        return found

    def _open(self, challenge: str) -> OpenChallenge:
        found = self._state.stepup.challenge(challenge)
        if found is None or found.issued.expires <= self._recorder.now():
            raise ChallengeClosedError("the challenge is closed")
        return found

    def _same(self, challenge: str, browser: Browser) -> None:
        key = sha256(b"stepwarden browser v1\n" + browser.key.encode("utf-8", "replace")).digest()
        known = self._opened.get(challenge)
        if known is None:
            _remember(self._opened, challenge, key)
        elif not hmac.compare_digest(known, key):
            raise ForbiddenError("this was opened in another browser")

    def _is_blind(self, found: OpenChallenge) -> bool:
        own = self._own.get(found.issued.challenge)
        return own is not None and own.blind and not found.ready

    def _choices(self, found: OpenChallenge) -> tuple[Choice, ...]:
        if not self._is_blind(found):
            return self._able(found)
        issued = found.issued
        kinds: list[FactorKind] = ["webauthn"]
        if self._provider is not None and not issued.methods:
            kinds.append("provider")
        would_do = admitted(issued.aal, issued.recovery, issued.methods)
        return tuple(Choice(factor=kind) for kind in kinds if kind in would_do)

    def _able(self, found: OpenChallenge) -> tuple[Choice, ...]:
        issued, people = found.issued, self._state.stepup.people
        kinds = list(offer(self._state.stepup, issued, ready=found.ready).factors)
        if self._provider is not None and issued.aal <= 3 and not issued.methods:
            kinds.append("provider")
        choices: list[Choice] = []
        for kind in kinds:
            if not found.ready and kind not in ("webauthn", "provider"):
                continue
            if TABLE[kind].sent and kind not in self._sends:
                continue
            locked = people.locked_until(issued.actor, kind)
            locked = locked if locked > self._recorder.now() else 0
            choices += self._named(issued.actor, kind, locked)
        return tuple(choices)

    def _named(self, actor: str, kind: FactorKind, locked: int) -> list[Choice]:
        if not TABLE[kind].sent:
            return [Choice(factor=kind, locked_until=locked)]
        enrolled = self._state.stepup.people.credentials(actor, kind)
        return [
            Choice(factor=kind, credential=name, hint=hint(kind, secret.decode()), locked_until=locked)
            for name, secret in self._vault.get(actor, kind)
            if name in enrolled
        ]

    def _passkeys(self, found: OpenChallenge) -> str:
        """What a browser is asked to sign: the commitment itself, by a passkey that this person has."""
        actor = found.issued.actor
        enrolled = self._state.stepup.people.credentials(actor, "webauthn")
        known = [raw_id for name, raw_id in self._vault.get(actor, "webauthn") if name in enrolled]
        if not known and self._is_blind(found):
            known = [self._decoy(actor)]
        return msgspec.json.encode(
            {
                "challenge": base64url(bytes.fromhex(found.issued.nonce)),
                "rpId": self._means.rp_id,
                "allowCredentials": [{"type": "public-key", "id": base64url(raw)} for raw in known],
                "userVerification": "required",
                "timeout": max(1, (found.issued.expires - self._recorder.now()) // 1_000),
            }
        ).decode()

    def _decoy(self, actor: str) -> bytes:
        """The id of a passkey that nobody has, for somebody who has none: the same each time (WebAuthn, 14.6.2)."""
        made = bytes.fromhex(self._means.keyed(b"stepwarden decoy v1\n" + actor.encode()))
        return made[: DECOY_BYTES[made[0] % len(DECOY_BYTES)]]

    def _reasons(self, found: OpenChallenge) -> tuple[ReasonText, ...]:
        decided = self._attempts.decided(found.decision)
        return self._attempts.reasons(decided) if isinstance(decided, AttemptDecided) else ()


def hint(kind: str, address: str) -> str:
    """An address as its owner knows it again, and nobody else learns it."""
    if kind == "email":
        name, _, host = address.partition("@")
        return f"{name[:1]}•••@{host}"
    return f"•••{address[-2:]}" if kind == "sms" else ""


def _name(challenge: str, code: str) -> bytes:
    return sha256(f"stepwarden code v1\n{challenge}\n{code}".encode("utf-8", "replace")).digest()


def _remember(known: "OrderedDict[K, V]", key: K, value: V) -> None:
    known[key] = value
    if len(known) > REMEMBERED:
        known.popitem(last=False)
