"""Everything that the ledger writes, as short scenes: what is done, and what must hold whatever interrupted it.

A scene has three parts. ``prepare`` makes a folder with what was there before. ``run`` writes, and acknowledges each
thing when the ledger has promised it; it may be cut off anywhere, and run again. ``check`` re-verifies everything in
the folder, from the bytes up, and that all that was acknowledged is there.

What the log holds follows from the index alone, so the naive tree to compare with is a sum over ``leaf(0) ...``.
"""

import asyncio
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Protocol

from stepwarden.errors import PrunedError
from stepwarden.ledger.archive import export
from stepwarden.ledger.checkpoint import Checkpoint, open_checkpoint
from stepwarden.ledger.keyring import Keyring
from stepwarden.ledger.keys import (
    read_keyring,
    read_secret,
    read_signer,
    read_verifiers,
    replace_keyring,
    write_secret,
    write_signer,
    write_verifiers,
)
from stepwarden.ledger.merkle import Edge, leaf_hash
from stepwarden.ledger.note import Ed25519Signer, sign_note
from stepwarden.ledger.published import PublishedLog
from stepwarden.ledger.sequencer import Sequencer
from stepwarden.ledger.sources import DirectorySource
from stepwarden.ledger.store import SideWrite, Submission
from stepwarden.ledger.tiles import Tail
from stepwarden.ledger.verify import verify_log
from stepwarden.ledger.witness import Seen
from stepwarden.storage.archive.directory import DirectoryArchive
from stepwarden.storage.sqlite.log import SqliteLogStore
from stepwarden.storage.sqlite.witness import SqliteWitnessStore

ORIGIN = "log.example/crash"
SIGNER = Ed25519Signer.from_seed(ORIGIN, bytes(32))
Acknowledge = Callable[[str], None]


def leaf(index: int) -> bytes:
    return b"entry %d " % index + bytes(index % 97)


def opening(index: int) -> bytes:
    return (
        b""
        if index % 3 == 0
        else b"sealed opening of entry %d;" % index + bytes([index % 251]) * (index % 50)
    )


@cache
def root_of(size: int) -> bytes:
    """The naive tree."""
    edge = Edge()
    for index in range(size):
        edge.append(leaf_hash(leaf(index)))
    return edge.root()


def append(path: Path, groups: list[int], acknowledge: Acknowledge, side: tuple[SideWrite, ...] = ()) -> None:
    """Grow the log by groups of these many entries, and acknowledge as the service does: when the receipt is there."""

    async def grow() -> None:
        with closing(SqliteLogStore.open(path, checkpoint_seconds=0.005)) as store:
            sequencer = Sequencer.open(store, origin=ORIGIN, signer=SIGNER, limit=10_000)
            try:
                for count in groups:
                    first = sequencer.next_index
                    waiting = [
                        sequencer.submit(Submission(leaf(n), opening(n), side))
                        for n in range(first, first + count)
                    ]
                    receipt = (await asyncio.gather(*waiting))[-1]
                    claim = open_checkpoint(receipt.checkpoint, ORIGIN, [SIGNER.verifier])
                    acknowledge(f"log {claim.size} {claim.root.hex()}")
            finally:
                await sequencer.close()

    asyncio.run(grow())


def check_log(path: Path, acknowledged: list[str]) -> int:
    """The whole tree against the naive one, tiles and all, from the floor on; its size."""
    with closing(SqliteLogStore.open(path)) as store:
        head = Sequencer.open(store, origin=ORIGIN, signer=SIGNER, limit=1).head
        floor = store.floor()
        assert list(store.leaves(floor, head.size + 9)) == [leaf(n) for n in range(floor, head.size)]
        assert head.root == root_of(head.size)
        tail = Tail()
        tail.extend([leaf_hash(leaf(n)) for n in range(head.size)])
        tiles = tail.take_full()
        assert all(store.tile(level, index) == hashes for level, index, hashes in tiles)
        assert store.tile(0, head.size // 256) is None
        if floor:
            for first in (0, floor - 1):
                try:
                    next(store.leaves(first, floor))
                except PrunedError:
                    continue
                raise AssertionError("what was pruned can be read")
        else:
            verify_log(store, origin=ORIGIN, verifiers=[SIGNER.verifier]).raise_failure()
    for word, size, root in (said.split() for said in acknowledged if said.startswith("log ")):
        assert int(size) <= head.size, f"{word}: an acknowledged entry is lost"
        assert root_of(int(size)).hex() == root, "a receipt is of another log"
    return head.size


class Scene(Protocol):
    """See the module. ``run`` may be called again on what a former run has left."""

    name: str

    def prepare(self, folder: Path) -> None: ...

    def run(self, folder: Path, acknowledge: Acknowledge) -> None: ...

    def check(self, folder: Path, acknowledged: list[str]) -> None: ...


class Commit:
    """Entries, openings, tiles, head and checkpoint: one transaction each time."""

    name = "commit"

    def prepare(self, folder: Path) -> None:
        append(folder / "log.db", [500], lambda said: None)

    def run(self, folder: Path, acknowledge: Acknowledge) -> None:
        append(folder / "log.db", [1, 30, 260, 2, 17], acknowledge)

    def check(self, folder: Path, acknowledged: list[str]) -> None:
        size = check_log(folder / "log.db", acknowledged)
        with closing(SqliteLogStore.open(folder / "log.db")) as store:
            assert list(store.openings(0, size + 9)) == [opening(n) for n in range(size)]


class FirstStart:
    """A log that does not exist yet."""

    name = "first start"

    def prepare(self, folder: Path) -> None:
        pass

    def run(self, folder: Path, acknowledge: Acknowledge) -> None:
        append(folder / "log.db", [3], acknowledge)

    def check(self, folder: Path, acknowledged: list[str]) -> None:
        if acknowledged or (folder / "log.db").exists():
            check_log(folder / "log.db", acknowledged)


class Erase:
    """A person goes: side rows with their entry, then openings, then every trace."""

    name = "erase"
    gone = tuple(range(100, 400, 7))
    secret = SideWrite("subject", b"row key of somebody", b"the wrapped key of somebody, long enough")

    def prepare(self, folder: Path) -> None:
        append(folder / "log.db", [7], lambda said: None, (self.secret,))
        append(folder / "log.db", [100, 300, 93], lambda said: None)

    def run(self, folder: Path, acknowledge: Acknowledge) -> None:
        path = folder / "log.db"
        append(path, [1], acknowledge, (self.secret._replace(value=None),))
        acknowledge("key gone")
        with closing(SqliteLogStore.open(path, checkpoint_seconds=0.005)) as store:
            store.erase_openings(self.gone)
            acknowledge("openings gone")
            store.scrub()
            acknowledge("no trace")

    def check(self, folder: Path, acknowledged: list[str]) -> None:
        path = folder / "log.db"
        if "no trace" in acknowledged:
            for file in folder.iterdir():
                data = file.read_bytes()
                assert (self.secret.value or b"") not in data
                assert not any(opening(n) in data for n in self.gone if opening(n))
        size = check_log(path, acknowledged)
        with closing(SqliteLogStore.open(path)) as store:
            if "key gone" in acknowledged:
                assert store.side("subject", self.secret.key) is None
            for index, sealed in enumerate(store.openings(0, size)):
                if index not in self.gone:
                    assert sealed == opening(index)
                else:
                    assert sealed in ((b"",) if "openings gone" in acknowledged else (b"", opening(index)))


class Prune:
    """The oldest entries go; in several steps, each a transaction."""

    name = "prune"
    floor = 1_024

    def prepare(self, folder: Path) -> None:
        append(folder / "log.db", [300, 300, 300, 300, 50, 200], lambda said: None)

    def run(self, folder: Path, acknowledge: Acknowledge) -> None:
        with closing(SqliteLogStore.open(folder / "log.db", checkpoint_seconds=0.005)) as store:
            store.prune(self.floor)
            acknowledge("pruned")
            store.scrub()
        append(folder / "log.db", [5], acknowledge)

    def check(self, folder: Path, acknowledged: list[str]) -> None:
        size = check_log(folder / "log.db", acknowledged)
        with closing(SqliteLogStore.open(folder / "log.db")) as store:
            floor = store.floor()
            assert floor in ((self.floor,) if "pruned" in acknowledged else (0, self.floor))
            assert list(store.openings(floor, size)) == [opening(n) for n in range(floor, size)]


class Export:
    """Files of the archive: bundles, tiles, the kept checkpoint, the newest one, tidying."""

    name = "export"

    def prepare(self, folder: Path) -> None:
        append(folder / "log.db", [270], lambda said: None)
        self._export(folder)
        append(folder / "log.db", [300], lambda said: None)

    def run(self, folder: Path, acknowledge: Acknowledge) -> None:
        acknowledge(f"exported {self._export(folder)}")

    def _export(self, folder: Path) -> int:
        with closing(SqliteLogStore.open(folder / "log.db")) as store:
            head = store.load()
            assert head is not None
            with closing(DirectoryArchive.open(folder / "archive")) as archive:
                verifiers = [SIGNER.verifier]
                return export(store, archive, head.checkpoint, verifiers=verifiers, origin=ORIGIN).size

    def check(self, folder: Path, acknowledged: list[str]) -> None:
        check_log(folder / "log.db", acknowledged)
        log = PublishedLog(DirectorySource(folder / "archive"))
        verify_log(log, origin=ORIGIN, verifiers=[SIGNER.verifier]).raise_failure()
        head = log.load()
        assert head is not None
        assert (head.size, head.root) in [(size, root_of(size)) for size in (270, 570)]
        assert not acknowledged or head.size == 570, "what was exported is lost"


class Remember:
    """What a witness has signed: never forgotten once it was said, or it would sign a second history."""

    name = "witness"
    last = 8

    def prepare(self, folder: Path) -> None:
        with closing(SqliteWitnessStore.open(folder / "witness.db")) as store:
            store.follow(ORIGIN, SIGNER.verifier.format())

    def run(self, folder: Path, acknowledge: Acknowledge) -> None:
        with closing(SqliteWitnessStore.open(folder / "witness.db")) as store:
            before = store.latest(ORIGIN)
            for size in range(before.size + 1 if before else 1, self.last + 1):
                assert store.advance(ORIGIN, before, self._seen(size))
                acknowledge(f"signed {size}")
                before = self._seen(size)

    def _seen(self, size: int) -> Seen:
        text = Checkpoint(origin=ORIGIN, size=size, root=root_of(size)).format()
        return Seen(size=size, root=root_of(size), note=sign_note(text, [SIGNER]))

    def check(self, folder: Path, acknowledged: list[str]) -> None:
        with closing(SqliteWitnessStore.open(folder / "witness.db")) as store:
            seen = store.latest(ORIGIN)
            assert store.keys(ORIGIN) == [SIGNER.verifier.format()]
        assert seen == (self._seen(seen.size) if seen else None)
        size = seen.size if seen else 0
        assert all(int(said.split()[1]) <= size for said in acknowledged), "what was signed is forgotten"


class KeyFiles:
    """Secret and public keys on disk: each whole or not there, and never another than the first."""

    name = "key files"
    other = Ed25519Signer.from_seed(ORIGIN, bytes([1] * 32))
    secret = bytes(range(32))

    def prepare(self, folder: Path) -> None:
        write_verifiers(folder / "ring.vkey", [SIGNER.verifier])

    def run(self, folder: Path, acknowledge: Acknowledge) -> None:
        writes: dict[str, Callable[[Path], None]] = {
            "ledger.key": lambda path: write_signer(path, SIGNER),
            "master.key": lambda path: write_secret(path, self.secret),
            "ledger.vkey": lambda path: write_verifiers(path, [SIGNER.verifier]),
            "ring.vkey": lambda path: replace_keyring(path, self._ring()),
        }
        for name, write in writes.items():
            if name == "ring.vkey" or not (folder / name).exists():
                write(folder / name)
            acknowledge(name)

    def _ring(self) -> Keyring:
        return Keyring().with_key(SIGNER.verifier, "").with_key(self.other.verifier, "new")

    def check(self, folder: Path, acknowledged: list[str]) -> None:
        for name in ("ledger.key", "master.key", "ledger.vkey"):
            if (folder / name).exists():
                self._check_whole(folder / name)
            else:
                assert name not in acknowledged
        ring = read_keyring(folder / "ring.vkey")
        assert ring.format() in ([] if "ring.vkey" in acknowledged else [self._old()]) + [
            self._ring().format()
        ]

    def _old(self) -> str:
        return SIGNER.verifier.format() + "\n"

    def _check_whole(self, path: Path) -> None:
        if path.name == "ledger.key":
            assert read_signer(path).format() == SIGNER.format()
        elif path.name == "master.key":
            assert read_secret(path, 32) == self.secret
        else:
            assert [key.format() for key in read_verifiers(path)] == [SIGNER.verifier.format()]


_ALL: tuple[Scene, ...] = (Commit(), FirstStart(), Erase(), Prune(), Export(), Remember(), KeyFiles())
SCENES = {scene.name: scene for scene in _ALL}
