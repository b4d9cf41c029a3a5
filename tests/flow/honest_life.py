# Longer than most files: one life is one state, which all its steps share.
"""A long honest life of one log, made by a seed: people, step-ups, erasures, key rotations, prunes, doubts, crashes.

What is done on pages is in ``honest_proofs``.

``Life.run`` lives one run of the service; between runs ``holds`` demands everything that is promised of an honest
log: ``ledger verify`` finds nothing in any of its steps, ``ledger replay`` recomputes every decision, what was folded
live is what the whole log folds to (from its first entry, whatever was pruned since), and of whom was erased no byte
is left.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from stepwarden.app.node import Node
from stepwarden.app.paths import Paths
from stepwarden.app.settings import load_settings
from stepwarden.app.verification import verify_data
from stepwarden.errors import (
    BusyError,
    ChallengeError,
    ConflictError,
    CourierError,
    ForbiddenError,
    InputError,
    NotFoundError,
    NotWitnessedError,
    PrunedError,
    StorageError,
)
from stepwarden.events.attempt import Attempt, Device, Place
from stepwarden.events.encoding import decode
from stepwarden.flow import state_dump
from stepwarden.flow.answers import Answer, EntryQuery, PastEvent
from stepwarden.flow.audit import recompute
from stepwarden.flow.holding import Holding, HoldRule
from stepwarden.flow.policies import StepAsked
from stepwarden.flow.pruning import plan
from stepwarden.flow.snapshots import read_floor
from stepwarden.flow.state import LogState
from stepwarden.ledger.archive import export
from stepwarden.ledger.checkpoint import Checkpoint
from stepwarden.ledger.keys import read_signer, read_verifiers
from stepwarden.ledger.note import sign_note
from stepwarden.policy.default import default_text
from stepwarden.signals.limits import STANDARD
from stepwarden.storage.archive.directory import DirectoryArchive
from tests.flow.flow_house import House
from tests.flow.honest_proofs import URL, Proofs

EXPECTED = (
    BusyError,
    ChallengeError,
    ConflictError,
    CourierError,
    ForbiddenError,
    NotFoundError,
    NotWitnessedError,
    PrunedError,
)
ACTIONS = (
    "login",
    "login",
    "transfer",
    "transfer",
    "factor.enroll",
    "factor.remove",
    "security.open",
    "export",
    "balance.read",
    "logout",
    "password.change",
)
SECONDS = (0, 0, 0, 0.2, 3, 31, 31, 40, 301, 700, 4_000)
HELD = HoldRule(actions=frozenset(), aal=0, within=1.0)


class Quorum:
    """Witnesses that sign, do not, or sign only after something else has happened."""

    def __init__(self, life: "Life") -> None:
        self._life = life

    async def witnessed(self, size: int, *, within: float) -> tuple[int, tuple[str, ...]]:
        await self._life.meanwhile()
        if self._life.chance.random() < 0.3:
            raise NotWitnessedError("too few")
        return size, ("w1", "w2")


@dataclass
class Life:
    """What the makers of this life know of it from outside."""

    house: House
    seed: int
    chance: random.Random = field(init=False)
    node: Node = field(init=False)
    ever: list[bytes] = field(default_factory=list)
    dump: bytes = b""
    size: int = 0
    done: dict[str, int] = field(default_factory=dict)
    gone: list[bytes] = field(default_factory=list)
    unfinished: list[bytes] = field(default_factory=list)
    devices: dict[str, object] = field(default_factory=dict)
    codes: dict[str, list[str]] = field(default_factory=dict)
    lives: dict[str, int] = field(default_factory=dict)
    answers: list[tuple[Attempt, Answer]] = field(default_factory=list)
    grants: list[tuple[Attempt, str]] = field(default_factory=list)
    keys: list[tuple[str, Attempt]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.proofs = Proofs(self)
        folder = self.house.data.parent
        self.claims = folder / "claims"
        self.claims.mkdir()
        self.archive = folder / "archive"
        self.house.given |= {
            "server.public_url": URL,
            "doubt.then": "raise",
            "doubt.checkpoints": (str(self.claims),),
        }

    # -- runs ---------------------------------------------------------------------------------------

    def run(self, steps: int) -> None:
        """One run of the service, ended in order or not."""
        self.house.given["memory.actors"] = self.chance.choice([1_000, 1_000, 3])
        crash = self.chance.random() < 0.3

        async def live(node: Node) -> None:
            self.node = node
            self.gone, self.unfinished = [*self.gone, *self.unfinished], []
            if self.chance.random() < 0.7:
                node.service._stepups._holding = Holding(node.recorder, Quorum(self), HELD)
            for _ in range(steps):
                self.house.forward(self.chance.choice(SECONDS))
                node.service.sweep()
                await node.keeper.retire_due()
                await self.step()
            await self.read_anew()
            self.size, self.dump = node.state.size, state_dump.dump(node.state)
            if crash:
                # No last word, and no last snapshot.
                node.service.stop = _nothing  # type: ignore[method-assign]
                node.snapshotter.take = lambda **_: False  # type: ignore[method-assign]

        self.house.live(live)

    async def step(self) -> None:
        """One thing that people, applications or operators do."""
        kinds: list[tuple[Callable[[], Awaitable[None]], int]] = [
            (self.attempt, 60),
            (self.answer, 25),
            (self.report, 25),
            (self.use, 10),
            (self.enrol, 8),
            (self.label, 2),
            (self.record, 4),
            (self.again, 4),
            (self.read, 3),
            (self.erase, 2),
            (self.erase_address, 1),
            (self.policy, 1),
            (self.policy_step, 3),
            (self.emergency, 4 if self.node.state.cycle.emergency else 1),
            (self.rotate, 1),
            (self.prune, 1),
            (self.doubt, 1),
            *self.proofs.steps(),
        ]
        if len(self.node.state.doubts):
            kinds.append((self.trust, 12))
        (what,) = self.chance.choices([do for do, _ in kinds], [weight for _, weight in kinds])
        try:
            await what()
        except EXPECTED as exc:
            self.count(f"{what.__name__} refused {exc.code}")
        else:
            self.count(what.__name__)

    def count(self, what: str) -> None:
        self.done[what] = self.done.get(what, 0) + 1

    # -- people --------------------------------------------------------------------------------------

    def made(self) -> Attempt:
        chance = self.chance
        person = f"person{chance.randrange(7)}" if chance.random() < 0.92 else ""
        return Attempt(
            action=chance.choice(ACTIONS),
            actor=person,
            session=f"{person}/{chance.randrange(2)}" if chance.random() < 0.9 else "",
            ip=f"198.51.100.{chance.randrange(6)}"
            if chance.random() < 0.9
            else chance.choice(["", "nonsense"]),
            user_agent=chance.choice(["Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0", "curl/8.0", ""]),
            resource=self.mark(person) if person else "",
            device=Device(id=f"d{chance.randrange(9)}") if chance.random() < 0.5 else None,
            place=Place(country="DE", latitude=float(chance.randrange(50)), longitude=8.0)
            if chance.random() < 0.6
            else None,
            proved=("pwd",) if chance.random() < 0.7 else (),
            parameters={"amount": chance.randrange(2)},
        )

    def mark(self, person: str) -> str:
        """What is of this person, and of this life of theirs, alone."""
        return f"/of/{person}/{self.lives.get(person, 0)}."

    async def attempt(self) -> None:
        attempt = self.made()
        key = f"key{len(self.keys)}.{self.seed}" if self.chance.random() < 0.3 else ""
        answer = await self.node.service.decide(attempt, by="k", idempotency_key=key)
        if key:
            self.keys.append((key, attempt))
        self.answers.append((attempt, answer))
        if answer.challenge is not None and self.chance.random() < 0.5:
            await self.answer()
        elif attempt.action in ("login", "transfer") and self.chance.random() < 0.5:
            await self.report()

    async def again(self) -> None:
        """A repeated request; some with another body."""
        if self.keys:
            key, attempt = self.chance.choice(self.keys[-20:])
            if self.chance.random() < 0.3:
                attempt = msgspec.structs.replace(attempt, action="other")
            await self.node.service.decide(attempt, by="k", idempotency_key=key)

    async def report(self) -> None:
        if not self.answers:
            return
        attempt, answer = self.chance.choice(self.answers[-8:])
        outcome = self.chance.choice(("success", "success", "failure", "unknown"))
        session = f"{attempt.actor}/{self.chance.randrange(2)}" if self.chance.random() < 0.8 else ""
        await self.node.service.report(answer.id, outcome=outcome, proved=("pwd",), session=session, by="k")  # type: ignore[arg-type]

    async def answer(self) -> None:
        """To one of the last challenges, right or wrong, by an authenticator or a recovery code."""
        asked = [one for one in self.answers[-12:] if one[1].challenge is not None]
        if not asked:
            return
        attempt, answer = asked[-1] if self.chance.random() < 0.7 else self.chance.choice(asked)
        assert answer.challenge is not None
        factor, code = "totp", "000000"
        device, codes = self.devices.get(attempt.actor), self.codes.get(attempt.actor)
        if codes and self.chance.random() < 0.3:
            factor, code = "recovery", self.chance.choice(codes)
        elif device is not None and self.chance.random() < 0.85:
            code = self.house.code(device)  # type: ignore[arg-type]
        passed = await self.node.service.answer(answer.challenge.id, factor=factor, answer=code, by="k")
        self.grants.append((attempt, passed.grant))
        self.count("passed")

    async def use(self) -> None:
        """A grant, by the attempt it is for or by another; now and then a second time."""
        if not self.grants:
            return
        attempt, grant = self.grants[-1] if self.chance.random() < 0.8 else self.chance.choice(self.grants)
        if self.chance.random() < 0.15:
            attempt = msgspec.structs.replace(attempt, parameters={"amount": 77})
        attempt = msgspec.structs.replace(attempt, grant=grant)
        answer = await self.node.service.decide(attempt, by="k")
        self.answers.append((attempt, answer))
        self.count(f"used {answer.decision}")

    async def enrol(self) -> None:
        person = f"person{self.chance.randrange(7)}"
        allowed = [
            answer.id
            for attempt, answer in self.answers[-30:]
            if attempt.actor == person and attempt.action == "factor.enroll" and answer.decision == "allow"
        ]
        attempt = allowed[-1] if allowed else ""
        if self.chance.random() < 0.6:
            self.devices[person] = await self.node.service.enrol_totp(person, attempt=attempt, by="k")
        else:
            self.codes[person] = await self.node.service.make_recovery_codes(person, attempt=attempt, by="k")

    async def label(self) -> None:
        if self.answers:
            name = self.chance.choice(self.answers[-40:])[1].id
            await self.node.service.label(name, "attack", source="test", reliability=90, by="k")

    async def record(self) -> None:
        events = [
            PastEvent(attempt=msgspec.structs.replace(self.made(), outcome="success"), source="vpn")
            for _ in range(self.chance.randrange(1, 4))
        ]
        await self.node.service.record(events, by="k")

    async def meanwhile(self) -> None:
        """While a success is held: nothing, time, a sign-out, an erasure."""
        what = self.chance.randrange(6)
        attempt = self.answers[-1][0]
        if what == 1:
            self.house.forward(400)
            self.node.service.sweep()
        elif what == 2:
            for session in ("0", "1"):
                gone = msgspec.structs.replace(
                    attempt, action="logout", session=f"{attempt.actor}/{session}", grant=""
                )
                await self.node.service.decide(gone, by="k")
        elif what == 3 and attempt.actor:
            with suppress(*EXPECTED):
                await self.erased(attempt.actor)
        elif what == 4:
            await asyncio.gather(*(self.attempt() for _ in range(4)))

    # -- operators -----------------------------------------------------------------------------------

    async def read(self) -> None:
        ask = EntryQuery(actor=f"person{self.chance.randrange(7)}", limit=20)
        await self.node.service.entries(ask, by="k", reason="a look")

    async def read_anew(self) -> None:
        """All leaves that are new, while they are there: what is pruned later stays known here."""
        async with asyncio.timeout(30):
            while self.node.sequencer.head.size < self.node.state.size:  # noqa: ASYNC110 - a test may look
                await asyncio.sleep(0.001)
        self.ever += self.node.store.leaves(len(self.ever), self.node.state.size)

    async def erase(self) -> None:
        """Somebody; often while others act, the same person among them."""
        person = f"person{self.chance.randrange(7)}"
        if self.chance.random() < 0.5:
            await self.erased(person)
        else:
            acts = [
                self._quietly(self.chance.choice([self.attempt, self.answer, self.report])) for _ in range(4)
            ]
            await asyncio.gather(self.erased(person), *acts)

    async def erased(self, person: str) -> None:
        mark, gone = self.mark(person), self.gone
        # From here on whoever comes is to have marks of their own; those who are quick may be erased with the rest.
        self.lives[person] = self.lives.get(person, 0) + 1
        store = self.node.store
        fails = self.chance.random() < 0.2
        if fails:
            gone = self.unfinished
            store.erase_openings = _failing  # type: ignore[method-assign]
        try:
            await self.node.service.erase(person, reason="request 1", by="k")
        except StorageError:
            self.count("erasure cut short")
        finally:
            if fails:
                del store.erase_openings
        self.devices.pop(person, None)
        self.codes.pop(person, None)
        gone.append(mark.encode())

    async def _quietly(self, do: Callable[[], Awaitable[None]]) -> None:
        with suppress(*EXPECTED):
            await do()

    async def erase_address(self) -> None:
        address = f"198.51.100.{self.chance.randrange(6)}"
        await self.node.service.subjects.erase("", address, reason="request 2", by="k")

    async def policy(self) -> None:
        text = default_text() + f"\n# {self.chance.randrange(3)}\n"
        await self.node.service.policies.use(text, by="k")

    async def policy_step(self) -> None:
        """Some step of some policy's life; most of them cannot come then."""
        policies = self.node.service.policies
        asked = StepAsked(
            step=self.chance.choice(
                ["draft", "tested", "shadow", "canary", "withdrawn", "promote", "rollback"]
            ),
            policy=self.chance.choice([*self.node.state.cycle.records])[:12],
            text=default_text().replace("name: default", f"name: p{self.chance.randrange(3)}"),
            share=self.chance.choice([500, 5_000, 10_000]),
            alone=self.chance.random() < 0.3,
            reason="a test",
            digest="ab" * 32,
            summary="all pass",
        )
        await policies.step(asked, by="k")

    async def emergency(self) -> None:
        on = self.node.state.cycle.emergency is None
        await self.node.service.policies.emergency(on, reason="a test", by="k")

    async def rotate(self) -> None:
        overlap = self.chance.choice([0, 60, 3_600])
        if self.node.keeper.history.leaving is not None and self.chance.random() < 0.3:
            await self.node.keeper.retire(by="k")
        else:
            await self.node.keeper.rotate(
                overlap=overlap, reason="test", by="k", keep=self.chance.random() < 0.5
            )

    async def prune(self) -> None:
        await self.read_anew()
        node = self.node
        archive = DirectoryArchive.open(self.archive)
        try:
            verifiers = node.pruning._pruner._verifiers()
            export(
                node.store,
                archive,
                node.sequencer.head.checkpoint,
                verifiers=verifiers,
                origin=node.recorder.sequencer._writer._origin,
            )
        finally:
            archive.close()
        floor = plan(node.store, index=node.sequencer.head.size).floor
        with suppress(InputError):  # nothing whole to prune
            await node.pruning.prune(floor, archive=str(self.archive), rule="a test's", by="k")
            self.count("pruned")

    async def doubt(self) -> None:
        """A checkpoint turns up that this log never had, signed by its key."""
        origin = self.node.sequencer.head.checkpoint.split("\n")[0]
        claim = Checkpoint(origin=origin, size=3, root=self.chance.randbytes(32))
        note = sign_note(claim.format(), [read_signer(self.node.paths.ledger_key)])
        (self.claims / f"{len(list(self.claims.iterdir()))}.checkpoint").write_text(note)
        self.node.watch._doubts.hear(await self.node.watch.look())
        assert self.node.state.doubted

    async def trust(self) -> None:
        await self.node.watch.trust("looked into", by="k")

    # -- what has to hold ------------------------------------------------------------------------------

    def holds(self) -> None:
        """Everything that is promised of an honest log."""
        data = self.house.data
        paths = Paths(data)
        report = verify_data(
            data,
            load_settings(data, {}, {}),
            verifiers=read_verifiers(paths.ledger_vkey),
            earlier=[],
            policy=None,
            progress=lambda *_: None,
        )
        assert report.ok, f"seed {self.seed}: {report}"
        reader = self.house.reader()
        try:
            head, floor = reader.load(), reader.floor()
            assert head is not None
            recompute(
                reader.leaves,
                head.size,
                lambda _: None,
                read_floor(paths.snapshots, floor) if floor else None,
            )
        finally:
            reader.close()
        whole = LogState(STANDARD)
        for index, leaf in enumerate(self.ever[: self.size]):
            whole.fold(index, decode(leaf))
        assert whole.size == self.size
        assert state_dump.dump(whole) == self.dump, f"seed {self.seed}: folded live, and folded anew, differ"
        for path in data.rglob("*"):
            if path.is_file():
                held = path.read_bytes()
                left = [mark for mark in self.gone if mark in held]
                assert not left, f"seed {self.seed}: {path} still holds {left}"


def _failing(indices: object) -> int:
    """A disk that does not take it: the rest of the erasure is the next start's."""
    raise StorageError("no")


async def _nothing(reason: str) -> None:
    """The service ends without a last word."""
