"""A node: one log, opened, checked, folded and ready to decide.

    data directory
    ├── keys/ledger.key     signs every checkpoint (Ed25519, mode 0600); ledger.vkey beside it is public
    ├── keys/master.key     32 random bytes (hex, mode 0600): seals personal openings and factors' secrets
    ├── log.db              the log (SQLite)
    ├── index.db            what it is searched by; may be deleted at any time
    ├── snapshots/          what the log amounted to, so that a start is quick; state-* may be deleted, floor-* not
    ├── policy.yaml         the live policy; edit it, and it is read again within a second
    ├── stepwarden.toml     settings, optional (docs/settings.md)
    └── cache/              compiled address data, where the user has no cache directory; may be deleted

What is missing is made, except where making it would hide a loss: a log whose keys are gone is not opened.
"""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from stepwarden import __version__
from stepwarden.app.anchoring import Anchoring, make_anchoring
from stepwarden.app.archiving import Archiving
from stepwarden.app.doubt import Watch, anchors_folder, make_watch
from stepwarden.app.key_keeper import KeyKeeper
from stepwarden.app.keys import KeyFiles, Keys, prepare_keys, sign_with
from stepwarden.app.lookups import make_lookups
from stepwarden.app.pruning import Pruning, own_verifiers
from stepwarden.app.publishing import Publishing, hold_rule, make_publishing
from stepwarden.app.settings import Settings
from stepwarden.errors import PolicyError, SettingsError
from stepwarden.events.encoding import decode_trusted
from stepwarden.events.index import IndexRow
from stepwarden.flow.api_keys import ApiKeys
from stepwarden.flow.attempts import Attempts
from stepwarden.flow.audited import Reads
from stepwarden.flow.disclosing import Disclosing
from stepwarden.flow.facts import Describer
from stepwarden.flow.holding import Holding
from stepwarden.flow.people import People, derive
from stepwarden.flow.pruning import Pruner
from stepwarden.flow.reading import Reading
from stepwarden.flow.recorder import Recorder
from stepwarden.flow.recovery import recover
from stepwarden.flow.rows import row_of
from stepwarden.flow.service import Service
from stepwarden.flow.serving import PublishedFiles
from stepwarden.flow.snapshots import FOLDER, SnapshotStore, Snapshotter
from stepwarden.flow.state import LogState
from stepwarden.flow.stepups import StepUps
from stepwarden.flow.subjects import Subjects
from stepwarden.flow.tokens import Tokens
from stepwarden.flow.vault import Vault
from stepwarden.ledger.sequencer import Sequencer
from stepwarden.ledger.store import LogStore
from stepwarden.policy.default import default_text
from stepwarden.signals.travel import Places
from stepwarden.storage.sqlite.index import EntryIndex, Projector
from stepwarden.storage.sqlite.log import SqliteLogStore

REMEMBERED = 20_000
"""People, addresses and agents kept at hand; everything else is a read from the store away."""
LONG_START = 50_000
"""Entries folded at a start from which on the start leaves a snapshot behind: the next may come after a crash."""
WORTH_A_SNAPSHOT = 1_000
"""Entries since the last snapshot from which on an orderly stop takes one; fewer are folded in no time."""
Progress = Callable[[str, int, int], None]
"""Told what is being done, how far it is, and the end (0: unknown)."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Where the parts of a data directory are."""

    data: Path

    @property
    def log(self) -> Path:
        return self.data / "log.db"

    @property
    def index(self) -> Path:
        return self.data / "index.db"

    @property
    def keys(self) -> KeyFiles:
        return KeyFiles(self.data / "keys")

    @property
    def ledger_key(self) -> Path:
        return self.keys.ledger

    @property
    def ledger_vkey(self) -> Path:
        return self.keys.vkey

    @property
    def master_key(self) -> Path:
        return self.keys.master

    @property
    def policy(self) -> Path:
        return self.data / "policy.yaml"

    @property
    def snapshots(self) -> Path:
        return self.data / FOLDER

    @property
    def cache(self) -> Path:
        return self.data / "cache"


@dataclass(slots=True)
class Node:
    """An open log and the service over it. ``close`` ends both."""

    paths: Paths
    settings: Settings
    store: SqliteLogStore
    sequencer: Sequencer
    recorder: Recorder
    state: LogState
    service: Service
    index: EntryIndex
    projector: Projector
    watch: Watch
    anchoring: Anchoring | None
    keeper: KeyKeeper
    snapshotter: Snapshotter
    pruning: Pruning
    archiving: Archiving
    publishing: Publishing

    async def start(self) -> None:
        """Ask outside whether this is still the log; the first entry of this run; the policy of the data directory.

        Raises:
            RollbackError: something outside knows a longer or another log.
        """
        against = await self.watch.at_start()
        await self.begin()
        self.watch.record(against)
        await self.service.use_policy(read_policy(self.policy_path), by="service")
        await self.keeper.retire_due()

    async def begin(self) -> None:
        """The first entry of this run, whatever is known outside: only for whoever goes on to end a doubt."""
        limits = self.settings.memory.limits()
        await self.service.start(version=__version__, settings="", limits=limits)

    @property
    def policy_path(self) -> Path:
        return Path(self.settings.policy) if self.settings.policy else self.paths.policy

    async def close(self, reason: str) -> None:
        """The last entry of this run; then everything is released, whatever fails on the way."""
        try:
            await self.service.stop(reason)
        finally:
            self.recorder.flush()
            await self.publishing.close()
            await self.sequencer.close()
            self.watch.close()
            self._snapshot()
            self.projector.close()
            self.index.close()
            self.store.close()

    def _snapshot(self) -> None:
        head = self.sequencer.head
        if self.sequencer.failed is None and self.state.size == head.size:
            self.snapshotter.take(root=head.root, after=WORTH_A_SNAPSHOT)


def read_policy(path: Path) -> str:
    """Raises: PolicyError: the file cannot be read, or is not text."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise PolicyError(f"the policy {path} cannot be read: {exc}") from exc


def wall_clock() -> int:
    """Microseconds since 1970 UTC."""
    return time.time_ns() // 1_000


class Entropy:
    """Random bytes of the operating system, drawn in blocks: a system call for each would cost a decision a tenth.

    Each byte is given once. Not safe across ``fork``, and used by one thread.
    """

    BLOCK = 4_096

    def __init__(self) -> None:
        self._block = b""
        self._used = 0

    def take(self, count: int) -> bytes:
        """``count`` fresh bytes."""
        end = self._used + count
        if end > len(self._block):
            if count > self.BLOCK:
                return os.urandom(count)
            self._block, end = os.urandom(self.BLOCK), count
        self._used = end
        return self._block[end - count : end]


def prepare(data: Path, settings: Settings) -> Keys:
    """Make what is missing of a data directory: keys and policy.

    Raises:
        KeyFileError: a log is there and a key of it is not.
        SettingsError: the directory cannot be made, or another origin is set than the log was begun with.
    """
    paths = Paths(data)
    try:
        for folder in (data, paths.keys.folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise SettingsError(f"the data directory {data} cannot be made: {exc.strerror}") from exc
    keys = prepare_keys(paths.keys, paths.log, settings)
    if not settings.policy and not paths.policy.exists():
        _write_policy(paths.policy)
    return keys


def _write_policy(path: Path) -> None:
    """All of it or nothing: half a policy would stop every later start."""
    new = path.with_name(path.name + ".new")
    try:
        new.write_text(default_text(), encoding="utf-8")
        new.replace(path)
    except OSError as exc:
        raise SettingsError(f"the policy {path} cannot be written: {exc.strerror}") from exc


def open_node(
    data: Path,
    settings: Settings,
    progress: Progress,
    *,
    clock: Callable[[], int] = wall_clock,
    entropy: Callable[[int], bytes] | None = None,
) -> Node:
    """Open the log of a data directory and fold it. Blocking: call it before anything is served.

    Args:
        clock: microseconds since 1970 UTC.
        entropy: that many random bytes; by default the operating system's, drawn in blocks.

    Raises:
        StepwardenError: with what happened and what to do: locked, damaged, keys missing, settings wrong.
    """
    keys = prepare(data, settings)
    paths = Paths(data)
    store = SqliteLogStore.open(paths.log)
    try:
        return _wire(paths, settings, keys, store, progress, clock, entropy or Entropy().take)
    except BaseException:
        store.close()
        raise


def _wire(
    paths: Paths,
    settings: Settings,
    keys: Keys,
    store: SqliteLogStore,
    progress: Progress,
    clock: Callable[[], int],
    entropy: Callable[[int], bytes],
) -> Node:
    origin = keys.origin
    keys, history = sign_with(paths.keys, keys, store, settings)
    sequencer = Sequencer.open(
        store,
        origin=origin,
        signer=keys.signers[0],
        beside=keys.signers[1:],
        limit=settings.server.queue_limit,
    )
    size = sequencer.head.size
    people = People(store, master=keys.master, origin=origin, entropy=entropy, remembered=REMEMBERED)
    people.check()
    tokens = Tokens(derive(keys.master, "stepwarden/tokens/v1"))
    addresses, agents = make_lookups(settings, paths.cache)
    describer = Describer(
        tokens,
        addresses,
        agents,
        trusted_proxies=settings.proxies(),
        places=Places(settings.memory.actors),
        remembered=REMEMBERED,
    )
    snapshots = SnapshotStore(
        paths.snapshots,
        key=derive(keys.master, "stepwarden/snapshots/v1"),
        origin=origin,
        version=__version__,
    )
    recovered = recover(
        store,
        size,
        limits=settings.memory.limits(),
        people=people,
        places=describer.places,
        snapshots=snapshots,
        progress=lambda done: progress("reading the log", done, size),
    )
    state = recovered.state
    snapshotter = Snapshotter(snapshots, state, describer.places, people, taken=size - recovered.folded)
    snapshotter.take(root=sequencer.head.root, after=LONG_START)
    index = EntryIndex.open(paths.index, log=origin, size=size)
    index.prune(store.floor())
    indexed = index.size
    if index.size < size:
        index.extend(_rows(store, index.size, size, progress))
    projector = Projector(index, durable=lambda: sequencer.head.size)
    recorder = Recorder(
        sequencer,
        state,
        people,
        clock=clock,
        entropy=entropy,
        appended=lambda number, entry: projector.offer(row_of(number, entry)),
    )
    attempts = Attempts(
        recorder,
        describer,
        store,
        binding_key=derive(keys.master, "stepwarden/binding/v1"),
        entropy=entropy,
    )
    vault = Vault(store, master=keys.master, entropy=entropy)
    publishing = make_publishing(
        settings,
        paths.data,
        keys,
        sequencer,
        doubted=lambda: state.doubted or recorder.refused is not None,
        clock=clock,
    )
    holding = Holding(recorder, publishing.publisher, hold_rule(settings))
    stepups = StepUps(recorder, attempts, vault, holding=holding, issuer=settings.issuer, entropy=entropy)
    reading = Reading(index, sequencer, store, people, tokens.address, projector.flush)
    reads = Reads(recorder)
    disclosing = Disclosing(recorder, store, reads, origin=origin)
    subjects = Subjects(
        recorder,
        attempts,
        vault,
        store,
        index,
        reads,
        disclosing,
        origin=origin,
        address_token=tokens.address,
        flush=projector.flush,
        clear=snapshotter.clear,
    )
    subjects.forget_again(indexed)
    service = Service(
        recorder,
        attempts,
        stepups,
        reading,
        ApiKeys(store),
        reads,
        disclosing,
        subjects,
        files=PublishedFiles(sequencer, store, publishing.publisher, reads),
        witnessing=publishing.publisher.figures,
        entropy=entropy,
        queue_limit=settings.server.queue_limit,
    )
    verifiers = own_verifiers([signer.verifier for signer in keys.signers], paths.ledger_vkey)
    pruner = Pruner(
        recorder,
        store,
        snapshots,
        verifiers=verifiers,
        origin=origin,
        forget=index.prune,
    )
    watch = make_watch(paths.data, settings, keys, recorder, store, publishing.policy)
    publishing.listeners.append(lambda _: watch.suspect())
    anchoring = make_anchoring(paths.data, anchors_folder(paths.data, settings), settings.anchors, recorder)
    return Node(
        paths,
        settings,
        store,
        sequencer,
        recorder,
        state,
        service,
        index,
        projector,
        watch,
        anchoring,
        KeyKeeper(paths.keys, settings, keys, history, recorder),
        snapshotter,
        Pruning(pruner, store, service, settings, clock),
        Archiving(settings.archive, store, publishing.publisher, service, verifiers=verifiers, origin=origin),
        publishing,
    )


def _rows(store: LogStore, first: int, size: int, progress: Progress) -> Iterator[IndexRow]:
    for number, leaf in enumerate(store.leaves(first, size), start=first):
        yield row_of(number, decode_trusted(leaf))
        if number % 5_000 == 0:
            progress("making the index", number, size)
