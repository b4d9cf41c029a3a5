"""Each step of the audit, by hand-made violations of a real log: signed by its real key, named by that step alone.

The log is made through a real house once: a sign-in, a wrong code, a right one, a grant used, a rotation, a stamp.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

import msgspec
import pytest

from stepwarden.app.node import Node
from stepwarden.app.paths import Paths
from stepwarden.app.settings import load_settings
from stepwarden.app.verification import verify_data, verify_reader
from stepwarden.errors import AnchorError, ChallengeError
from stepwarden.events import entries as e
from stepwarden.events.attempt import Attempt
from stepwarden.events.encoding import decode, encode
from stepwarden.flow.key_rows import SPACE
from stepwarden.flow.people import KEY_BYTES, People
from stepwarden.ledger.checkpoint import Checkpoint
from stepwarden.ledger.cosignature import Ed25519Cosigner
from stepwarden.ledger.keys import read_secret, read_signer, read_verifiers
from stepwarden.ledger.merkle import leaf_hash
from stepwarden.ledger.note import Ed25519Signer, Verifier, sign_note
from stepwarden.ledger.store import Head
from stepwarden.ledger.tiles import Tail
from stepwarden.ledger.verify import Report
from stepwarden.ledger.witness_policy import WitnessPolicy
from tests.fakes_ledger import Disk, MemoryStore
from tests.flow.flow_house import House
from tests.flow.test_flow_attempts import TRANSFER, sign_in

S = TypeVar("S")


@dataclass(slots=True)
class Forged:
    """A log that somebody with the real key can change as they like before it is signed again."""

    entries: list[e.Entry]
    openings: list[bytes]
    rows: dict[tuple[str, bytes], bytes]
    signer: Ed25519Signer
    old: Ed25519Signer
    verifiers: list[Verifier]
    people: Callable[[MemoryStore], People]
    tiles: dict[tuple[int, int], bytes] = field(default_factory=dict)
    extra: list[bytes] = field(default_factory=list)
    earlier: list[str] = field(default_factory=list)
    policy: WitnessPolicy | None = None
    root: bytes = b""
    stamp: str = "good"

    def at(self, kind: type[S], last: bool = False) -> tuple[int, S]:
        """The first (or last) entry of a kind."""
        found = [(index, entry) for index, entry in enumerate(self.entries) if isinstance(entry, kind)]
        return found[-1 if last else 0]

    def change(self, kind: type[S], *, last: bool = False, **changes: object) -> None:
        """Other values in the first (or last) entry of a kind."""
        index, entry = self.at(kind, last)
        self.entries[index] = msgspec.structs.replace(entry, **changes)  # type: ignore[type-var, call-overload]

    def note(self, size: int, root: bytes, signer: Ed25519Signer) -> str:
        return sign_note(Checkpoint(origin=signer.name, size=size, root=root).format(), [signer])

    def verify(self) -> Report:
        """Sign what it is now, and check all of it."""
        leaves = [encode(entry) for entry in self.entries]
        tail = Tail()
        tail.extend([leaf_hash(leaf) for leaf in leaves])
        root = self.root or tail.root()
        head = Head(size=tail.size, root=root, checkpoint=self.note(tail.size, root, self.signer), epoch=1)
        disk = Disk(
            entries=[*leaves, *self.extra], sealed=self.openings, tiles=self.tiles, rows=self.rows, head=head
        )
        store = MemoryStore(disk)

        def stamp(entry: e.LogAnchored) -> None:
            if entry.token != self.stamp:
                raise AnchorError("the stamp does not hold")

        return verify_reader(
            store,
            verifiers=self.verifiers,
            earlier=self.earlier,
            policy=self.policy,
            progress=lambda *_: None,
            people=self.people(store),
            floor=(0, None, ""),
            stamp=stamp,
        )


async def live(house: House, node: Node) -> None:
    """A day in which everything happens once."""
    service = node.service
    enrolment = await sign_in(node)
    asked = await service.decide(TRANSFER, by="k")
    assert asked.challenge is not None
    with pytest.raises(ChallengeError):
        await service.answer(asked.challenge.id, factor="totp", answer="000000", by="k")
    code = house.code(enrolment)
    passed = await service.answer(asked.challenge.id, factor="totp", answer=code, by="k")
    done = await service.decide(msgspec.structs.replace(TRANSFER, grant=passed.grant), by="k")
    assert done.decision == "allow"
    await node.keeper.rotate(overlap=0, reason="test", by="command", keep=True)
    now = node.recorder.now()
    stamped = e.LogAnchored(
        time=now, id=node.recorder.new_id(), authority="a", size=1, root="00", stamped=now, token="good"
    )
    await node.recorder.append(stamped).durable
    other = Attempt(action="login", actor="bob", session="x", ip="198.51.100.9", user_agent="Mozilla/5.0")
    tried = await service.decide(other, by="k")
    await service.report(tried.id, outcome="failure", proved=[], session="", by="k")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> House:
    house = House(tmp_path_factory.mktemp("audited") / "data")
    house.live(lambda node: live(house, node))
    return house


def read(house: House) -> Forged:
    keys = Paths(house.data).keys
    reader = house.reader()
    try:
        spaces = ("subject", "subject.token", SPACE)
        rows = {(space, key): value for space in spaces for key, value in reader.side_items(space)}
        count = len(house.leaves())
        openings = list(reader.openings(0, count))
    finally:
        reader.close()
    master = read_secret(keys.master, KEY_BYTES)
    signer = read_signer(keys.ledger)
    (kept,) = keys.retired.iterdir()
    return Forged(
        entries=[decode(leaf) for leaf in house.leaves()],
        openings=openings,
        rows=rows,
        signer=signer,
        old=read_signer(kept),
        verifiers=list(read_verifiers(keys.vkey)),
        people=lambda store: People(store, master=master, origin=signer.name, entropy=bytes, remembered=10),
    )


def failed(report: Report) -> list[int]:
    return [step.number for step in report.steps if not step.ok]


def test_the_log_as_it_is_holds_in_every_step(made: House) -> None:
    """Twelve steps, in order; only the witnesses cannot be checked, for no policy was given."""
    report = read(made).verify()
    assert report.ok, str(report)
    assert [step.number for step in report.steps] == list(range(1, 13))
    assert [step.number for step in report.steps if not step.checked] == [6]
    assert all(step.count for step in report.steps if step.number in (7, 8, 9, 10, 11, 12)), str(report)


def drop_opening(log: Forged) -> None:
    log.openings[log.at(e.AttemptDecided)[0]] = b""


def exchange_openings(log: Forged) -> None:
    first, last = log.at(e.AttemptDecided)[0], log.at(e.AttemptDecided, last=True)[0]
    log.openings[first], log.openings[last] = log.openings[last], log.openings[first]


def erase_without_saying_so(log: Forged) -> None:
    log.rows = {(space, key): value for (space, key), value in log.rows.items() if space == SPACE}


def outcome_of_another_story(log: Forged) -> None:
    _, entry = log.at(e.OutcomeReported, last=True)
    log.change(e.OutcomeReported, last=True, facts=msgspec.structs.replace(entry.facts, action="transfer"))


def outcome_of_no_attempt(log: Forged) -> None:
    log.change(e.OutcomeReported, last=True, previous=0)


def answer_to_another_challenge(log: Forged) -> None:
    log.change(e.ChallengeAnswered, previous=log.at(e.ChallengeIssued)[0] - 1)


def longer_challenge(log: Forged) -> None:
    log.change(e.ChallengeIssued, expires=log.at(e.ChallengeIssued)[1].expires + 1)


def grant_from_nowhere(log: Forged) -> None:
    log.change(e.AttemptDecided, last=True, grant="ab" * 32)


def forged_nonce(log: Forged) -> None:
    log.change(e.ChallengeIssued, nonce="00" * 32)


def longer_grant(log: Forged) -> None:
    log.change(e.ChallengePassed, expires=log.at(e.ChallengePassed)[1].expires + 1)


def time_step_of_tomorrow(log: Forged) -> None:
    log.change(e.ChallengePassed, step=log.at(e.ChallengePassed)[1].step + 2)


def another_credential(log: Forged) -> None:
    log.change(e.ChallengePassed, credential="0badcafe")


def lower_risk(log: Forged) -> None:
    log.change(e.AttemptDecided, last=True, risk=0)


def allow_instead(log: Forged) -> None:
    log.change(e.AttemptDecided, last=True, policy="00" * 32)


def rotation_by_one_key(log: Forged) -> None:
    index, entry = log.at(e.KeyRotated)
    log.change(e.KeyRotated, by_old=entry.by_new)
    log.rows[SPACE, index.to_bytes(8, "big")] = encode(log.entries[index])


def rows_without_retirement(log: Forged) -> None:
    del log.rows[SPACE, log.at(e.KeyRetired)[0].to_bytes(8, "big")]


def broken_stamp(log: Forged) -> None:
    log.change(e.LogAnchored, token="forged")


def stamp_of_the_future(log: Forged) -> None:
    log.change(e.LogAnchored, size=10**6)


def stolen_retired_key(log: Forged) -> None:
    log.signer = log.old


def entry_after_the_head(log: Forged) -> None:
    log.extra.append(b"{}")


def another_root(log: Forged) -> None:
    log.root = bytes(32)


def tile_beyond_the_end(log: Forged) -> None:
    log.tiles[0, 0] = bytes(8192)


def another_past(log: Forged) -> None:
    log.earlier.append(log.note(3, bytes(32), log.old))


def no_witness(log: Forged) -> None:
    witness = Ed25519Cosigner.from_seed("witness.example/w", bytes(32)).verifier.format()
    log.policy = WitnessPolicy.parse(f"witness w {witness}\nquorum w\n")


VIOLATIONS: list[tuple[int, Callable[[Forged], None]]] = [
    (2, entry_after_the_head),
    (3, another_root),
    (4, tile_beyond_the_end),
    (5, another_past),
    (6, no_witness),
    (7, drop_opening),
    (7, exchange_openings),
    (7, erase_without_saying_so),
    (8, outcome_of_another_story),
    (8, outcome_of_no_attempt),
    (8, answer_to_another_challenge),
    (8, longer_challenge),
    (8, grant_from_nowhere),
    (9, forged_nonce),
    (9, longer_grant),
    (9, time_step_of_tomorrow),
    (9, another_credential),
    (10, lower_risk),
    (10, allow_instead),
    (11, rotation_by_one_key),
    (11, rows_without_retirement),
    (12, broken_stamp),
    (12, stamp_of_the_future),
]


@pytest.mark.parametrize(("number", "violate"), VIOLATIONS, ids=[case[1].__name__ for case in VIOLATIONS])
def test_each_violation_is_named_by_its_step_alone(
    made: House, number: int, violate: Callable[[Forged], None]
) -> None:
    """Even with the log's own key: whatever does not fit is seen, and by the step that is for it."""
    log = read(made)
    violate(log)
    report = log.verify()
    assert failed(report) == [number], str(report)


def test_stolen_old_key_signs_a_fork(made: House) -> None:
    """A head by a retired key beyond its size is refused, and step 11 says whose signature is missing."""
    log = read(made)
    stolen_retired_key(log)
    assert failed(log.verify()) == [1, 11]


def test_an_old_key_leads_to_the_one_that_signs_now(made: House) -> None:
    """An auditor who kept the first key only still verifies the log: the statement names its successor."""
    log = read(made)
    log.verifiers = [log.old.verifier]
    assert log.verify().ok
    log.verifiers = [Ed25519Signer.from_seed(log.signer.name, bytes(32)).verifier]
    assert 11 in failed(log.verify())


def test_an_erasure_explains_missing_openings_before_it_only(made: House) -> None:
    """What is erased must be named by a later entry of that very person."""
    log = read(made)
    last, entry = log.at(e.OutcomeReported, last=True)
    bob = entry.facts.actor
    index = next(
        i for i, one in enumerate(log.entries) if isinstance(one, e.AttemptDecided) and one.facts.actor == bob
    )
    log.openings[index] = b""
    erased = e.SubjectErased(
        time=entry.time, id="abcdefgh", actor=bob, openings=1, key="00" * 32, reason="asked"
    )
    log.entries.append(erased)
    log.openings.append(b"")
    assert log.verify().ok, str(log.verify())
    log.entries[-1] = msgspec.structs.replace(erased, actor="somebody")
    assert failed(log.verify()) == [7]
    assert last > index


def test_every_step_goes_on_after_its_first_failure(made: House) -> None:
    """Several places in several steps are all counted."""
    log = read(made)
    for violate in (drop_opening, forged_nonce, longer_grant, lower_risk, outcome_of_no_attempt):
        violate(log)
    report = log.verify()
    assert failed(report) == [7, 8, 9, 10]
    assert len(report.steps[8].detail.split(";")) == 2


def test_bytes_that_are_no_entry_fail_the_decisions(made: House) -> None:
    """They are named, and what cannot be checked after them is said to be so."""
    log = read(made)
    report = replace(log, extra=[]).verify()
    assert report.ok
    entries = [encode(entry) for entry in log.entries]
    tail = Tail()
    entries[3] = b'{"not": "an entry"}'
    tail.extend([leaf_hash(leaf) for leaf in entries])
    head = Head(
        size=tail.size, root=tail.root(), checkpoint=log.note(tail.size, tail.root(), log.signer), epoch=1
    )
    store = MemoryStore(Disk(entries=entries, sealed=[b""] * len(entries), rows=log.rows, head=head))
    found = verify_reader(
        store,
        verifiers=log.verifiers,
        earlier=[],
        policy=None,
        progress=lambda *_: None,
        people=None,
        floor=(0, None, ""),
        stamp=None,
    )
    assert 10 in failed(found)
    assert "entry 3" in found.steps[9].detail


def test_a_data_directory_is_checked_with_its_own_keys(made: House) -> None:
    """The command's own way: everything of a directory, from its files."""
    report = verify_data(
        made.data,
        load_settings(made.data, {}, {}),
        verifiers=read_verifiers(Paths(made.data).ledger_vkey),
        earlier=[],
        policy=None,
        progress=lambda *_: None,
    )
    assert report.ok, str(report)
    assert [step.number for step in report.steps if not step.checked] == [6, 12]
