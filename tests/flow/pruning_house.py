"""What the tests about pruning have in common: a log that is long enough, its archive, and a replay of what stays."""

from pathlib import Path

from stepwarden.app.node import Node
from stepwarden.events.attempt import Attempt
from stepwarden.flow.audit import Recomputed, recompute
from stepwarden.flow.snapshots import read_floor
from stepwarden.ledger.archive import export
from stepwarden.storage.archive.directory import DirectoryArchive
from tests.flow.flow_house import House

RULE = "entries are kept for 400 days"


async def attempts(node: Node, count: int, actor: str = "ann") -> list[str]:
    """Many attempts of one person, all of them reported as ended well."""
    names = []
    for number in range(count):
        asked = Attempt(action="login", actor=actor, ip="198.51.100.7", session=f"s{number}", proved=("pwd",))
        answer = await node.service.decide(asked, by="k", idempotency_key=f"{actor}{number}")
        names.append(answer.id)
    return names


async def attempts_of_bob(node: Node) -> None:
    await attempts(node, 1, "bob")


def export_to(node: Node, folder: Path) -> None:
    """Bring an archive up to the newest checkpoint."""
    archive = DirectoryArchive.open(folder)
    try:
        verifiers = node.pruning._pruner._verifiers()
        note = node.sequencer.head.checkpoint
        export(node.store, archive, note, verifiers=verifiers, origin=node.sequencer._writer._origin)
    finally:
        archive.close()


def filled(house: House, folder: Path, *, attempts_made: int = 800) -> list[str]:
    """A log of some hundred entries, and its archive."""

    async def do(node: Node) -> list[str]:
        names = await attempts(node, attempts_made)
        export_to(node, folder)
        return names

    return house.live(do)


def pruned(house: House, folder: Path, floor: int = 512, rule: str = RULE) -> None:
    house.live(lambda node: node.pruning.prune(floor, archive=str(folder), rule=rule, by="test"))


def replayed(house: House) -> Recomputed:
    reader = house.reader()
    try:
        head = reader.load()
        assert head is not None
        floor = reader.floor()
        start = read_floor(house.data / "snapshots", floor) if floor else None
        return recompute(reader.leaves, head.size, lambda _: None, start)
    finally:
        reader.close()
