"""People are exported with proofs and erased from every byte, whatever happens on the way; decisions still replay.

Long: every case varies the same life of one log, which is told once at the top.
"""

import asyncio
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stepwarden.app.node import Node
from stepwarden.app.paths import Paths
from stepwarden.errors import InputError, MalformedEntryError, NotFoundError, StepwardenError
from stepwarden.events.attempt import Attempt, Device
from stepwarden.events.encoding import decode
from stepwarden.events.entries import Administration, AttemptDecided, SubjectErased
from stepwarden.flow.answers import EntryQuery, PastEvent
from stepwarden.flow.audit import recompute
from stepwarden.flow.people import nobody
from stepwarden.flow.proved import check_disclosure, check_subject
from stepwarden.flow.recorder import Recorder
from stepwarden.ledger.keys import read_verifiers
from stepwarden.ledger.verify import verify_log
from tests.flow.flow_house import House

ANNA, IP, AGENT, FILE = "anna-q7Zx", "198.51.100.77", "Netscape/4.78-Annas", "/files/annas-diary"
BEN, FAR = "ben-w2Lk", "203.0.113.9"
WHY = "request 4711"


def by_anna(**more: Any) -> Attempt:
    known = {
        "action": "read",
        "actor": ANNA,
        "ip": IP,
        "user_agent": AGENT,
        "resource": FILE,
        "session": "s-anna",
    }
    return Attempt(**(known | more))


async def some_life(node: Node) -> None:
    """Anna signs in, enrols, reads; Ben too; somebody without a name tries."""
    service = node.service
    for actor, ip in ((ANNA, IP), (BEN, FAR)):
        asked = await service.decide(by_anna(action="login", actor=actor, ip=ip), by="t")
        await service.report(asked.id, outcome="success", proved=("pwd",), session=f"in-{actor}", by="t")
        await service.enrol_totp(actor, attempt="", by="t")
        for number in range(3):
            await service.decide(
                by_anna(actor=actor, ip=ip, parameters={"page": number}),
                by="t",
                idempotency_key=f"{actor}{number}",
            )
    await service.decide(Attempt(action="login", ip=IP, user_agent="Nameless/1.0"), by="t")
    await service.record(
        [PastEvent(attempt=by_anna(action="login", outcome="failure"), source="vpn")], by="t"
    )


def secrets_of(node: Node, owner: str) -> list[bytes]:
    """What must be nowhere after the erasure: key, row key, sealed row, every sealed opening."""
    people, store = node.recorder.people, node.store
    person = people.find(owner)
    assert person is not None
    rows = people.erase(owner)  # asks for the rows, and is taken back at once
    people.erased(owner)
    row_key = rows[0].key
    found = [person.key, row_key, row_key.hex().encode(), store.side("subject", row_key) or b"?"]
    size = node.sequencer.head.size
    for leaf, sealed in zip(store.leaves(0, size), store.openings(0, size), strict=True):
        if sealed and people.owner(decode(leaf)) == person:
            found.append(sealed)
    for factor in ("totp", "recovery"):
        found += [kept for _, kept in store.side_items(f"factor:{person.token}:{factor}")]
    return found


def present(data: Path, needles: list[bytes]) -> list[tuple[str, bytes]]:
    """Where any of these stands in any file of the data directory."""
    found = []
    for path in sorted(data.rglob("*")):
        if path.is_file() and not path.is_socket():
            held = path.read_bytes()
            found += [(path.name, needle[:20]) for needle in needles if needle in held]
    return found


def holds(house: House) -> None:
    """Tree, tiles and every decision."""
    reader = house.reader()
    try:
        verifiers = read_verifiers(Paths(house.data).ledger_vkey)
        verify_log(reader, origin=verifiers[0].name, verifiers=verifiers).raise_failure()
        head = reader.load()
        assert head is not None
        assert recompute(reader.leaves, head.size, lambda _: None).decisions > 0
    finally:
        reader.close()


async def document(lines: Any) -> str:
    return "".join([line async for line in await lines])


def test_an_erased_person_is_in_no_byte_of_any_file(house: House) -> None:
    """Plain values, key, rows, sealed values: gone while it runs, after it stopped; others are as they were."""

    async def erase(node: Node) -> list[bytes]:
        await some_life(node)
        needles = secrets_of(node, ANNA)
        assert len(needles) == 4 + 6 + 1
        await asyncio.to_thread(node.projector.flush)
        assert present(house.data, needles)
        done = await node.service.subjects.erase(ANNA, "", reason=WHY, by="t")
        assert (done.openings, done.factors) == (6, 1)
        assert present(house.data, [*needles, *plain]) == []
        assert node.recorder.people.find(ANNA) is None
        assert (await node.service.entries(EntryQuery(actor=ANNA), by="t")).entries == ()
        page = await node.service.entries(EntryQuery(actor=BEN, action="read"), by="t")
        assert all(view.personal and view.personal["ip"] == FAR for view in page.entries)
        return needles

    plain = [text.encode() for text in (ANNA, AGENT, FILE, "s-anna")]
    needles = house.live(erase)
    assert present(house.data, [*needles, *plain]) == []
    holds(house)
    erased = [entry for entry in map(decode, house.leaves()) if isinstance(entry, SubjectErased)]
    assert [(entry.openings, entry.factors, entry.reason) for entry in erased] == [(6, 1, WHY)]

    async def nothing_left(node: Node) -> None:
        assert list(node.store.side_items("erasure")) == []
        assert node.state.stepup.people.enrolled(erased[0].actor) == ()
        assert node.state.stepup.people.enrolled(node.recorder.people.find(BEN).token)  # type: ignore[union-attr]

    house.live(nothing_left)


def test_who_comes_back_is_a_stranger(house: House) -> None:
    """A new token, a new device stand-in, no factor, no session; a second erasure says that nobody is there."""

    async def come_back(node: Node) -> None:
        service = node.service
        await some_life(node)
        before = [decode(leaf) for leaf in node.store.leaves(0, node.sequencer.head.size)]
        await service.subjects.erase(ANNA, "", reason=WHY, by="t")
        with pytest.raises(NotFoundError, match="erased already"):
            await service.subjects.erase(ANNA, "", reason=WHY, by="t")
        answer = await service.decide(by_anna(), by="t")
        now = decode(next(iter(node.store.leaves(answer.receipt.index, answer.receipt.index + 1))))
        assert isinstance(now, AttemptDecided)
        assert now.signals["first_seen"] is True
        old = [entry.facts for entry in before if isinstance(entry, AttemptDecided)]
        assert now.facts.actor not in {facts.actor for facts in old}
        assert now.facts.device not in {facts.device for facts in old}
        assert now.standing.aal == 0
        done = await service.subjects.erase(ANNA, "", reason=WHY, by="t")
        assert done.openings == 1

    house.live(come_back)
    holds(house)


def test_attack_a_step_up_begun_before_the_erasure_is_finished_after_it(house: House) -> None:
    """Open challenges, grants and the enrolled factor end with the person."""

    async def try_it(node: Node) -> None:
        service, stepup = node.service, node.state.stepup
        asked = await service.decide(by_anna(action="login"), by="t")
        await service.report(asked.id, outcome="success", proved=("pwd",), session="s-anna", by="t")
        enrolment = await service.enrol_totp(ANNA, attempt="", by="t")
        held = await service.decide(by_anna(action="transfer", session="s-anna"), by="t")
        assert held.challenge is not None
        person = node.recorder.people.find(ANNA)
        assert person is not None
        await service.subjects.erase(ANNA, "", reason=WHY, by="t")
        with pytest.raises(StepwardenError):
            await service.answer(held.challenge.id, factor="totp", answer=house.code(enrolment), by="t")
        assert stepup.challenge(held.challenge.id) is None
        assert stepup.standing(person.token, "x", node.recorder.now()).aal == 0
        assert not any(stepup.sizes()[kind] for kind in ("ready", "waiting", "grants", "people", "sessions"))
        stranger = await service.enrol_totp(ANNA, attempt="", by="t")
        assert stranger.secret != enrolment.secret

    house.live(try_it)
    holds(house)


def test_attack_an_outcome_reported_late_brings_the_person_back(house: House) -> None:
    """A report about an attempt of before is recorded with no personal field, and seals nothing under any key."""

    async def report_late(node: Node) -> None:
        service = node.service
        place = {"latitude": 59.9, "longitude": 10.7}
        attempt = by_anna(action="login", place=place_of(**place))
        asked = await service.decide(attempt, by="t")
        other = await service.decide(by_anna(action="login", session="s2", place=place_of(**place)), by="t")
        await service.subjects.erase(ANNA, "", reason=WHY, by="t")
        await service.decide(by_anna(), by="t")  # Anna is back, as somebody else
        for late in (asked, other):
            done = await service.report(late.id, outcome="success", proved=("pwd",), session="s-9", by="t")
            sealed = list(node.store.openings(done.receipt.index, done.receipt.index + 1))
            assert sealed == [b""]

    house.live(report_late)
    holds(house)


def place_of(latitude: float, longitude: float) -> Any:
    from stepwarden.events.attempt import Place

    return Place(latitude=latitude, longitude=longitude, radius_km=10)


def test_entries_made_while_the_erasure_runs_are_counted_and_erased(house: House) -> None:
    """Attempts keep coming between the steps: whatever was sealed under the old key before the end is gone."""

    async def erase_under_load(node: Node) -> None:
        service = node.service
        await service.decide(by_anna(), by="t")

        async def keep_going() -> int:
            done = 0
            while not stop.is_set():
                await asyncio.gather(*(service.decide(by_anna(session=f"s{n}"), by="t") for n in range(5)))
                done += 5
            return done

        stop = asyncio.Event()
        going = asyncio.create_task(keep_going())
        await asyncio.sleep(0.05)
        done = await service.subjects.erase(ANNA, "", reason=WHY, by="t")
        stop.set()
        await going
        size = node.sequencer.head.size
        gone = at = 0
        for index, (leaf, sealed) in enumerate(
            zip(node.store.leaves(0, size), node.store.openings(0, size), strict=True)
        ):
            entry = decode(leaf)
            if isinstance(entry, SubjectErased):
                at = index
            if entry.personal:
                gone += not sealed
                # All before the end are gone; all after it are a stranger's, and can be opened by their key.
                assert bool(sealed) == (at > 0), index
                if sealed:
                    person = node.recorder.people.owner(entry)
                    assert person is not None
                    node.recorder.people.unseal(person, index, sealed)
        assert gone == done.openings > 1

    house.live(erase_under_load)
    holds(house)


def test_what_names_nobody_is_erased_by_its_address(house: House) -> None:
    """Entries from there that name people stay; the nameless ones cannot be opened by anybody any more."""

    async def erase(node: Node) -> list[bytes]:
        await some_life(node)
        token = node.service.subjects.whose("", IP).address
        needles = [*secrets_of(node, nobody(token)), b"Nameless/1.0"]
        shown = await node.service.entries(EntryQuery(ip=IP), by="t")
        assert "Nameless/1.0" in {(view.personal or {}).get("user_agent") for view in shown.entries}
        done = await node.service.subjects.erase("", IP, reason=WHY, by="t")
        assert done.openings == 1
        shown = await node.service.entries(EntryQuery(ip=IP), by="t")
        opened = [view.personal for view in shown.entries]
        assert opened.count(None) == 1
        assert sum(1 for fields in opened if fields and fields["actor"] == ANNA) >= 4
        assert present(house.data, needles) == []
        return needles

    needles = house.live(erase)
    assert present(house.data, needles) == []
    holds(house)


@pytest.mark.parametrize("reason", ["", "  ", "for anna-q7Zx", "ANNA-Q7ZX asked", "x" * 201, "a\nb"])
def test_attack_a_reason_that_would_keep_the_name(house: House, reason: str) -> None:
    """What stays for good must not name whom it erased."""

    async def refuse(node: Node) -> None:
        await node.service.decide(by_anna(), by="t")
        with pytest.raises(InputError):
            await node.service.subjects.erase(ANNA, "", reason=reason, by="t")
        assert node.recorder.people.find(ANNA) is not None

    house.live(refuse)


def test_a_full_queue_erases_nothing(house: House) -> None:
    """What cannot be recorded has not happened: the person is still there and their values can be read."""

    async def full(node: Node) -> None:
        await node.service.decide(by_anna(), by="t")
        plain = Recorder.append
        calls = 0

        def refuse(self: Recorder, entry: Any, *args: Any, **more: Any) -> Any:
            nonlocal calls
            if isinstance(entry, SubjectErased):
                calls += 1
                raise StepwardenError("no room")
            return plain(self, entry, *args, **more)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Recorder, "append", refuse)
            with pytest.raises(StepwardenError, match="no room"):
                await node.service.subjects.erase(ANNA, "", reason=WHY, by="t")
        assert calls == 1
        page = await node.service.entries(EntryQuery(actor=ANNA), by="t")
        assert page.entries[0].personal

    house.live(full)


STEPS = ["erased", "openings", "forgotten", "scrubbed"]
KILLED = """
import os, sys
from pathlib import Path
from tests.flow.flow_house import House
from tests.flow.test_flow_subjects import ANNA, STEPS, WHY, secrets_of, some_life

def live_and_die(folder, step):
    async def die(node):
        await some_life(node)
        needles = [needle.hex() for needle in secrets_of(node, ANNA)]
        folder.joinpath(step + ".needles").write_text(" ".join(needles))
        def killer(*_):
            os._exit(9)
        def after(plain):
            def done(*args):
                plain(*args)
                os._exit(9)
            return done
        store, index = node.store, node.index
        if step == "erased":
            store.erase_openings = killer
        elif step == "openings":
            store.erase_openings = after(store.erase_openings)
        elif step == "forgotten":
            index.forget = after(index.forget)
        else:
            store.scrub = after(store.scrub)
        await node.service.subjects.erase(ANNA, "", reason=WHY, by="t")
    House(folder / step).live(die)

children = {}
for step in STEPS:  # nothing runs yet but this thread: a fork is the whole process
    child = os.fork()
    if not child:
        live_and_die(Path(sys.argv[1]), step)
    children[child] = step
sys.exit(sum(os.waitstatus_to_exitcode(os.wait()[1]) != 9 for _ in children))
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, list[bytes]]]:
    """A log for each step, whose process was killed right after it. They run beside each other."""
    root = Path(__file__).resolve().parents[2]
    folder = tmp_path_factory.mktemp("killed")
    done = subprocess.run([sys.executable, "-c", KILLED, folder], cwd=root, timeout=120, check=False)
    assert done.returncode == 0
    return {
        step: (
            folder / step,
            [bytes.fromhex(word) for word in (folder / f"{step}.needles").read_text().split()],
        )
        for step in STEPS
    }


@pytest.mark.parametrize("step", STEPS)
def test_killed_in_the_middle_of_an_erasure_the_next_start_finishes_it(
    killed: dict[str, tuple[Path, list[bytes]]], step: str
) -> None:
    """After the entry, after the openings, after the index, after the scrubbing: the end is the same."""
    data, needles = killed[step]
    house = House(data)
    if step == "erased":
        assert present(data, needles), "the kill came too late to show anything"

    async def look(node: Node) -> None:
        assert list(node.store.side_items("erasure")) == []
        assert present(data, needles) == []

    house.live(look)
    assert present(data, [*needles, ANNA.encode(), AGENT.encode()]) == []
    done = [
        e
        for e in map(decode, house.leaves())
        if isinstance(e, Administration) and e.action == "subject.erase.done"
    ]
    assert [(entry.by, entry.previous >= 0) for entry in done] == [("service", True)]
    holds(house)


def test_an_index_made_again_forgets_again(house: House) -> None:
    """Deleting the query index brings no erased person back into it."""

    async def erase(node: Node) -> str:
        await some_life(node)
        token = node.service.subjects.whose(ANNA, "").actor
        await node.service.subjects.erase(ANNA, "", reason=WHY, by="t")
        return token

    token = house.live(erase)
    for path in house.data.glob("index.db*"):
        path.unlink()
    house.live(lambda node: asyncio.to_thread(node.projector.flush))
    assert present(house.data / ".", [token.encode()]) != []  # the leaves hold it, and it means nobody
    assert token.encode() not in (house.data / "index.db").read_bytes()


def test_an_export_holds_everything_and_can_be_checked_by_anybody(house: House) -> None:
    """Entries, values, factors and sessions; any change of any line is found."""

    async def export(node: Node) -> tuple[str, str]:
        await some_life(node)
        made = await document(node.service.subjects.export(ANNA, "", by="t", reason=WHY))
        nameless = await document(node.service.subjects.export("", IP, by="t"))
        return made, nameless

    made, nameless = house.live(export)
    verifiers = read_verifiers(Paths(house.data).ledger_vkey)
    origin = verifiers[0].name
    found = check_subject(io.StringIO(made), origin, verifiers)
    assert (found.entries, found.factors, found.sessions) == (7, 1, 2)
    whole = json.loads(made)
    shown = [{name: value for _, name, value in entry["shown"]} for entry in whole["entries"]]
    assert {fields["ip"] for fields in shown if "ip" in fields} == {IP}
    assert {fields["actor"] for fields in shown if "actor" in fields} == {ANNA}
    assert "secret" not in made
    assert whole["factors"][0]["factor"] == "totp"
    lines = made.splitlines(keepends=True)
    for other in (
        lines[:-1],
        lines[:1] + lines[2:],
        [*lines, "\n"],
        [lines[0], lines[2], lines[1], *lines[3:]],
        [made.replace(IP, "198.51.100.78")],
        [line.replace('"factor":"totp"', '"factor":"recovery"') for line in lines],
        [line.replace('"read"', '"load"').replace('\\"read\\"', '\\"load\\"') for line in lines],
        [line.replace(ANNA, "ann") for line in lines],
    ):
        with pytest.raises(StepwardenError):
            check_subject(io.StringIO("".join(other)), origin, verifiers)
    assert check_subject(io.StringIO(nameless), origin, verifiers).entries == 1


def test_a_disclosure_shows_what_was_chosen_and_nothing_else(house: House) -> None:
    """The file verifies with the key alone; added, altered and unchosen values are refused; why stands in the log."""

    async def disclose(node: Node) -> tuple[str, str, int]:
        await some_life(node)
        disclosing = node.service.disclosing
        last = node.sequencer.head.size - 1
        some = await document(disclosing.disclose(f"2-{last}", "ip", reason="case 9", by="t"))
        more = await document(disclosing.disclose(f"2-{last}", "actor,ip", reason="case 9", by="t"))
        with pytest.raises(NotFoundError):
            await disclosing.disclose("2-999", "ip", reason="case 9", by="t")
        return some, more, last

    some, more, last = house.live(disclose)
    verifiers = read_verifiers(Paths(house.data).ledger_vkey)
    origin = verifiers[0].name
    found = check_disclosure(io.StringIO(some), origin, verifiers)
    assert (found.entries, found.fields, found.reason) == (last - 1, ("ip",), "case 9")
    assert IP in some
    assert not any(text in some for text in (ANNA, AGENT, FILE))
    told = [
        e
        for e in map(decode, house.leaves())
        if isinstance(e, Administration) and e.action == "log.disclosure"
    ]
    assert [(e.target, e.detail, e.rows, e.reason) for e in told] == [
        (f"2-{last}", "fields ip", last - 1, "case 9"),
        (f"2-{last}", "fields actor,ip", last - 1, "case 9"),
    ]
    added = some.splitlines(keepends=True)[:1] + more.splitlines(keepends=True)[1:]
    for other in (
        "".join(added),
        some.replace(IP, "198.51.100.78"),
        some.replace('"ip"', '"actor"'),
        some.replace("case 9", "case\u202e9", 1) + " ",
    ):
        with pytest.raises((MalformedEntryError, StepwardenError)):
            check_disclosure(io.StringIO(other), origin, verifiers)


def test_attack_devices_and_idempotency_keys_betray_nobody(house: House) -> None:
    """Neither a device stand-in nor the hash of a request can be worked out from who it was, without the log's keys."""
    from hashlib import sha256

    async def act(node: Node) -> None:
        await node.service.decide(by_anna(device=Device(browser="b")), by="t", idempotency_key="k-1")

    house.live(act)
    leaves = b"".join(house.leaves())
    for guess in ("t\nk-1", ANNA, IP):
        assert sha256(guess.encode()).hexdigest()[:32].encode() not in leaves
