"""What the tests about people have in common: one life of one log, and where anything of somebody is looked for."""

from pathlib import Path
from typing import Any

from stepwarden.app.node import Node
from stepwarden.app.paths import Paths
from stepwarden.events.attempt import Attempt
from stepwarden.events.encoding import decode
from stepwarden.flow.answers import PastEvent
from stepwarden.flow.audit import recompute
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
