"""People are exported and entries disclosed with proofs that anybody can check, and nothing else is betrayed."""

import io
import json
from typing import Any

import pytest

from stepwarden.app.node import Node
from stepwarden.app.paths import Paths
from stepwarden.errors import MalformedEntryError, NotFoundError, StepwardenError
from stepwarden.events.attempt import Device
from stepwarden.events.encoding import decode
from stepwarden.events.entries import Administration
from stepwarden.flow.proved import check_disclosure, check_subject
from stepwarden.ledger.keys import read_verifiers
from tests.flow.flow_house import House
from tests.flow.subjects_house import AGENT, ANNA, FILE, IP, WHY, by_anna, some_life


async def document(lines: Any) -> str:
    return "".join([line async for line in await lines])


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
