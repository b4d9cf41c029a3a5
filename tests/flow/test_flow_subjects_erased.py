"""Whoever was erased is in no byte of any file and comes back as a stranger; decisions still replay."""

import asyncio
from typing import Any

import pytest

from stepwarden.app.node import Node
from stepwarden.errors import NotFoundError, StepwardenError
from stepwarden.events.encoding import decode
from stepwarden.events.entries import AttemptDecided, SubjectErased
from stepwarden.flow.answers import EntryQuery
from stepwarden.flow.people import nobody
from tests.flow.flow_house import House
from tests.flow.subjects_house import (
    AGENT,
    ANNA,
    BEN,
    FAR,
    FILE,
    IP,
    WHY,
    by_anna,
    holds,
    present,
    secrets_of,
    some_life,
)


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
