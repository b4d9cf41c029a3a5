"""The inside of a node: the log opened and checked, its state folded, and what records the next entries.

Order matters here. The signing keys are known once the log's own words about them are read; the head is checked by
them; the state is folded from a snapshot and the tail; the index is brought up to the log; and only then may anything
be appended.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stepwarden import __version__
from stepwarden.app.keys import Keys, sign_with
from stepwarden.app.lookups import make_lookups
from stepwarden.app.paths import Paths
from stepwarden.app.settings import Settings
from stepwarden.events.encoding import decode_trusted
from stepwarden.events.index import IndexRow
from stepwarden.flow.devices import DeviceCookies
from stepwarden.flow.facts import Describer
from stepwarden.flow.people import People, derive
from stepwarden.flow.recorder import Recorder
from stepwarden.flow.recovery import recover
from stepwarden.flow.rows import row_of
from stepwarden.flow.snapshots import SnapshotStore, Snapshotter
from stepwarden.flow.state import LogState
from stepwarden.flow.tokens import Tokens
from stepwarden.ledger.rotation import KeyHistory
from stepwarden.ledger.sequencer import Sequencer
from stepwarden.ledger.store import LogStore
from stepwarden.signals.travel import Places
from stepwarden.storage.sqlite.index import EntryIndex, Projector

REMEMBERED = 20_000
"""People, addresses and agents kept at hand; everything else is a read from the store away."""
LONG_START = 50_000
"""Entries folded at a start from which on the start leaves a snapshot behind: the next may come after a crash."""
Progress = Callable[[str, int, int], None]
"""Told what is being done, how far it is, and the end (0: unknown)."""


@dataclass(frozen=True, slots=True)
class World:
    """Microseconds since 1970 UTC, and that many random bytes."""

    clock: Callable[[], int]
    entropy: Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Core:
    """An open log, its state, and the recorder over both."""

    keys: Keys
    history: KeyHistory
    store: LogStore
    sequencer: Sequencer
    people: People
    tokens: Tokens
    describer: Describer
    cookies: DeviceCookies
    state: LogState
    snapshots: SnapshotStore
    snapshotter: Snapshotter
    index: EntryIndex
    indexed: int
    projector: Projector
    recorder: Recorder

    @property
    def origin(self) -> str:
        """The log's name."""
        return self.keys.origin


def open_core(
    paths: Paths, settings: Settings, keys: Keys, store: LogStore, progress: Progress, world: World
) -> Core:
    """Check the log's end, fold it, and be ready to append.

    Raises:
        StepwardenError: keys, head or entries are not what they should be.
    """
    keys, history = sign_with(paths.keys, keys, store, settings)
    sequencer = Sequencer.open(
        store,
        origin=keys.origin,
        signer=keys.signers[0],
        beside=keys.signers[1:],
        limit=settings.server.queue_limit,
    )
    people = People(
        store, master=keys.master, origin=keys.origin, entropy=world.entropy, remembered=REMEMBERED
    )
    people.check()
    tokens = Tokens(derive(keys.master, "stepwarden/tokens/v1"))
    cookies = DeviceCookies(derive(keys.master, "stepwarden/devices/v1"), entropy=world.entropy)
    describer = _describer(paths, settings, tokens, cookies)
    snapshots = SnapshotStore(
        paths.snapshots,
        key=derive(keys.master, "stepwarden/snapshots/v1"),
        origin=keys.origin,
        version=__version__,
    )
    state, snapshotter = _folded(settings, store, sequencer, people, describer, snapshots, progress)
    index, indexed = _indexed(paths, keys.origin, store, sequencer.head.size, progress)
    projector = Projector(index, durable=lambda: sequencer.head.size)
    recorder = Recorder(
        sequencer,
        state,
        people,
        clock=world.clock,
        entropy=world.entropy,
        appended=lambda number, entry: projector.offer(row_of(number, entry)),
    )
    return Core(
        keys,
        history,
        store,
        sequencer,
        people,
        tokens,
        describer,
        cookies,
        state,
        snapshots,
        snapshotter,
        index,
        indexed,
        projector,
        recorder,
    )


def _describer(paths: Paths, settings: Settings, tokens: Tokens, cookies: DeviceCookies) -> Describer:
    addresses, agents = make_lookups(settings, paths.cache)
    return Describer(
        tokens,
        addresses,
        agents,
        trusted_proxies=settings.proxies(),
        places=Places(settings.memory.actors),
        remembered=REMEMBERED,
        cookies=cookies,
    )


def _folded(
    settings: Settings,
    store: LogStore,
    sequencer: Sequencer,
    people: People,
    describer: Describer,
    snapshots: SnapshotStore,
    progress: Progress,
) -> tuple[LogState, Snapshotter]:
    """The state of the log, and what takes the next snapshot of it; one is taken here after a long fold."""
    head = sequencer.head
    recovered = recover(
        store,
        head.size,
        limits=settings.memory.limits(),
        people=people,
        places=describer.places,
        snapshots=snapshots,
        progress=lambda done: progress("reading the log", done, head.size),
    )
    taken = head.size - recovered.folded
    snapshotter = Snapshotter(snapshots, recovered.state, describer.places, people, taken=taken)
    snapshotter.take(root=head.root, after=LONG_START)
    return recovered.state, snapshotter


def _indexed(
    paths: Paths, origin: str, store: LogStore, size: int, progress: Progress
) -> tuple[EntryIndex, int]:
    """The query index, brought up to the log, and how far it had been."""
    index = EntryIndex.open(paths.index, log=origin, size=size)
    index.prune(store.floor())
    before = index.size
    if before < size:
        index.extend(_rows(store, before, size, progress))
    return index, before


def _rows(store: LogStore, first: int, size: int, progress: Progress) -> Iterator[IndexRow]:
    for number, leaf in enumerate(store.leaves(first, size), start=first):
        yield row_of(number, decode_trusted(leaf))
        if number % 5_000 == 0:
            progress("making the index", number, size)
