"""A small world around the step-up room: a log, a clock, people with authenticators, and a flow without policy.

Every entry goes through its encoding and back before it is folded, as it would from a log.
"""

import hmac
import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from stepwarden.events.encoding import decode, encode
from stepwarden.events.entries import (
    AttemptDecided,
    ChallengeIssued,
    ChallengePassed,
    ChallengeSent,
    Demand,
    Entry,
    FactorEnrolled,
    FactorRemoved,
    OutcomeReported,
    Standing,
)
from stepwarden.events.facts import Facts
from stepwarden.stepup import gate, issue
from stepwarden.stepup.binding import binding, grant_hash, keyed_text
from stepwarden.stepup.factors import recovery, registration, totp, webauthn
from stepwarden.stepup.means import Given, Means
from stepwarden.stepup.state import StepUpState
from tests.stepup.software_authenticator import SoftwareAuthenticator

SECOND = 1_000_000
MINUTE = 60 * SECOND
START = 1_700_000_010 * SECOND
RP_ID = "warden.example.com"
ORIGIN = "https://warden.example.com"
AAL2 = Demand(aal=2, bound=True)
TRANSFER: Mapping[str, str | int | bool] = {"amount": 100, "to": "DE02"}


class World:
    """``log`` holds every entry; ``state`` is its fold; ``now`` the wall clock, which a test may turn."""

    def __init__(self) -> None:
        self.log: list[Entry] = []
        self.state = StepUpState()
        self.now = START
        self.secrets: dict[tuple[str, str], list[tuple[str, bytes]]] = {}
        self.evaluated = 0
        self._random = 0

    def get(self, actor: str, factor: str) -> Sequence[tuple[str, bytes]]:
        """``FactorSecrets``; counts how often an answer is really compared with a secret."""
        self.evaluated += 1
        return self.secrets.get((actor, factor), ())

    def means(self) -> Means:
        """What the gate is given: this world's secrets, a key of its own, grants named by their id."""
        return Means(
            secrets=self,
            keyed=lambda data: hmac.new(b"key", data, "sha256").hexdigest(),
            mint=lambda minting: minting.id,
            rp_id=RP_ID,
            origins=frozenset({ORIGIN}),
        )

    def entropy(self, count: int) -> bytes:
        self._random += 1
        return sha256(f"random {self._random}".encode()).digest()[:32].ljust(count, b"\x07")[:count]

    def append(self, entry: Entry) -> int:
        again = decode(encode(entry))
        assert again == entry
        index = len(self.log)
        self.log.append(again)
        self.state.fold(again, index)
        return index

    def refolded(self) -> StepUpState:
        """What a restart would make of the log."""
        state = StepUpState()
        for index, entry in enumerate(self.log):
            state.fold(entry, index)
        return state

    # -- people

    def enrol(self, actor: str, credential: str = "c1") -> bytes:
        secret = sha256(f"{actor}/{credential}".encode()).digest()[:20]
        self.secrets.setdefault((actor, "totp"), []).append((credential, secret))
        self.append(
            FactorEnrolled(time=self.now, id="aaaaaaaa", actor=actor, factor="totp", credential=credential)
        )
        return secret

    def enrol_recovery(self, actor: str, credential: str = "r1", count: int = 3) -> list[str]:
        codes = recovery.codes(b"".join(self.entropy(recovery.CODE_BYTES) for _ in range(count)))
        kept = self.secrets.setdefault((actor, "recovery"), [])
        for number, code in enumerate(codes):
            kept.append((f"{credential}.{number}", recovery.stored(code, self.entropy(16))))
        entry = FactorEnrolled(
            time=self.now,
            id="aaaaaaaa",
            actor=actor,
            factor="recovery",
            credential=credential,
            count=count,
        )
        self.append(entry)
        return codes

    def enrol_passkey(
        self, actor: str, credential: str = "p1", *, trust: registration.Trust = "attested", **made: Any
    ) -> SoftwareAuthenticator:
        """A new authenticator in software, enrolled as the flow enrols one. ``made``: see ``register``."""
        key = SoftwareAuthenticator()
        challenge = self.entropy(32)
        options = registration.options(
            rp_id=RP_ID,
            rp_name="a test",
            user_id=bytes(32),
            user_name=actor,
            challenge=challenge,
            known=(),
            attested=False,
        )
        registered = registration.check(
            key.register(options, ORIGIN, **made),
            challenge=challenge,
            rp_id=RP_ID,
            origins=[ORIGIN],
            roots={},
            trust=trust,
        )
        assert registered is not None
        self.secrets.setdefault((actor, "webauthn"), []).append((credential, registered.raw_id))
        entry = FactorEnrolled(
            time=self.now,
            id="aaaaaaaa",
            actor=actor,
            factor="webauthn",
            credential=credential,
            public_key=registered.public_key,
            rp_id=RP_ID,
            aaguid=registered.aaguid,
            hardware=registered.hardware,
            synced=registered.synced,
            backed_up=registered.backed_up,
            sign_count=registered.sign_count,
        )
        self.append(entry)
        return key

    def options(self, challenge: str) -> str:
        """What a browser is asked to sign for this challenge, by any key."""
        found = self.state.challenge(challenge)
        assert found is not None
        nonce = webauthn.base64url(bytes.fromhex(found.issued.nonce))
        return json.dumps({"challenge": nonce, "rpId": RP_ID, "userVerification": "required"})

    def send(self, challenge: str, factor: str, code: str, credential: str = "m1") -> None:
        """A code was sent."""
        found = self.state.challenge(challenge)
        assert found is not None
        self.append(
            ChallengeSent(
                time=self.now,
                id="abababab",
                previous=found.index,
                challenge=challenge,
                actor=found.issued.actor,
                factor=factor,
                credential=credential,
                code=self.means().keyed(keyed_text(challenge, factor, code)),
            )
        )

    def enrol_address(self, actor: str, factor: str, credential: str = "m1") -> None:
        """Somewhere that codes can be sent to."""
        self.secrets.setdefault((actor, factor), []).append((credential, b"somewhere"))
        self.append(
            FactorEnrolled(time=self.now, id="aaaaaaaa", actor=actor, factor=factor, credential=credential)
        )

    def remove(self, actor: str, factor: str, credential: str) -> None:
        self.append(
            FactorRemoved(time=self.now, id="aaaaaaaa", actor=actor, factor=factor, credential=credential)
        )

    def code(self, actor: str, *, offset: int = 0, credential: int = 0) -> str:
        secret = self.secrets[actor, "totp"][credential][1]
        return totp.at(secret, totp.step_of(self.now) + offset)

    # -- the flow

    def attempt(
        self,
        actor: str = "alice",
        session: str = "",
        *,
        action: str = "login",
        resource: str = "",
        parameters: Mapping[str, str | int | bool] | None = None,
        demand: Demand = AAL2,
        proved: tuple[str, ...] = (),
        grant: str = "",
    ) -> tuple[int, AttemptDecided, issue.Offer | None]:
        """Decide as the flow does: by grant or by challenge; every attempt here demands a bound proof."""
        facts = Facts(time=self.now, action=action, actor=actor, session=session, proved=proved)
        bound = binding(action, actor, session, resource, parameters)
        standing = self.state.standing(actor, session, self.now)
        granted = self.state.grant(grant_hash(grant), bound, self.now) if grant else None
        satisfied = granted is not None and (
            granted.aal >= demand.aal or (demand.recovery and granted.amr == ("recovery",))
        )
        prospect = issue.prospect(self.state, actor=actor, session=session, binding=bound, now=self.now)
        decided = AttemptDecided(
            time=self.now,
            id="bbbbbbbb",
            facts=facts,
            signals={},
            evidence=(),
            score=0,
            risk=0,
            demand=demand,
            standing=standing,
            decision="allow" if satisfied else "deny" if prospect == "bombed" else "step_up",
            policy="p" * 64,
            binding=bound,
            grant=grant_hash(grant) if granted is not None else "",
        )
        index = self.append(decided)
        if decided.decision != "step_up":
            return index, decided, None
        entry, offer = issue.issue(
            self.state, decided, index, now=self.now, entropy=self.entropy(issue.ENTROPY_BYTES)
        )
        if entry is not None:
            self.append(entry)
        return index, decided, offer

    def report(
        self,
        attempt: tuple[int, AttemptDecided, object],
        outcome: str = "unknown",
        proved: tuple[str, ...] = ("pwd",),
        session: str = "",
    ) -> None:
        index, decided, _ = attempt
        before = decided.facts
        facts = Facts(
            time=before.time,
            action=before.action,
            actor=before.actor,
            session=before.session,
            outcome=outcome,  # type: ignore[arg-type]
            proved=proved,
        )
        self.append(
            OutcomeReported(
                time=self.now,
                id="cccccccc",
                previous=index,
                facts=facts,
                decision=decided.decision,
                session=session,
            )
        )

    def answer(self, challenge: str, answer: Given, factor: str = "totp") -> gate.Passed | str:
        """What was passed, or the result as the log has it."""
        entry, passed = gate.answer(
            self.state, self.means(), challenge, factor, answer, self.now, self.entropy(gate.ENTROPY_BYTES)
        )
        self.append(entry)
        if passed is not None:
            assert isinstance(entry, ChallengePassed)
            return passed
        return getattr(entry, "result", type(entry).__name__)

    def sign_in(self, actor: str, session: str) -> None:
        """A sign-in by password alone, allowed."""
        facts = Facts(time=self.now, action="login", actor=actor)
        allowed = AttemptDecided(
            time=self.now,
            id="dddddddd",
            facts=facts,
            signals={},
            evidence=(),
            score=0,
            risk=0,
            demand=Demand(aal=1),
            standing=Standing(),
            decision="allow",
            policy="p" * 64,
        )
        at = self.append(allowed)
        self.report((at, allowed, None), "success", ("pwd",), session)

    def open(self, actor: str = "alice", session: str = "s1", **more: object) -> str:
        """A ready challenge for a transfer in a session."""
        offer = self.attempt(actor, session, action="transfer", parameters=TRANSFER, **more)[2]  # type: ignore[arg-type]
        assert offer is not None
        return offer.challenge


def wrong_code(world: World) -> str:
    """Six digits that are no code of Alice's around now."""
    near = {world.code("alice", offset=offset) for offset in (-1, 0, 1)}
    return next(code for code in ("000000", "111111", "222222", "333333") if code not in near)


def force_open(world: World, number: int, actor: str = "alice") -> str:
    """A ready challenge that no cap on prompts stood in the way of, as if the cap failed."""
    entry = ChallengeIssued(
        time=world.now,
        id="eeeeeeee",
        previous=10_000 + number,
        challenge=f"forced{number:016d}",
        actor=actor,
        session=f"parallel{number}",
        action="login",
        nonce="0" * 64,
        binding="0" * 64,
        aal=2,
        expires=world.now + 5 * MINUTE,
        ready=True,
        proved=("pwd",),
    )
    world.state._prompts.clear()
    world.append(entry)
    return entry.challenge


def recovery_codes(world: World) -> list[str]:
    """Three fresh codes in place of Alice's old ones."""
    world.remove("alice", "recovery", "r1")
    world.secrets["alice", "recovery"] = []
    return world.enrol_recovery("alice", "r2")
