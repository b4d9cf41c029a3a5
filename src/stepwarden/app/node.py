"""A node: one log, opened, checked, folded and ready to decide, with the service over it and its chores beside it.

Where its parts are is in ``paths``; how the log is opened and folded in ``core``. Here the service is built over that,
and what has to be done meanwhile: publishing, watching, stamping, archiving, pruning, keeping keys.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stepwarden import __version__
from stepwarden.app.anchoring import Anchoring, make_anchoring
from stepwarden.app.archiving import Archiving
from stepwarden.app.core import Core, Progress, World, open_core
from stepwarden.app.doubt import Watch, anchors_folder, make_watch
from stepwarden.app.key_keeper import KeyKeeper
from stepwarden.app.paths import Paths
from stepwarden.app.prepare import prepare, read_policy
from stepwarden.app.proving import make_proving, public_url
from stepwarden.app.pruning import Pruning, folding, own_verifiers
from stepwarden.app.publishing import Publishing, hold_rule, make_publishing
from stepwarden.app.settings import Settings
from stepwarden.app.stores import open_store
from stepwarden.app.world import Entropy, wall_clock
from stepwarden.flow.api_keys import ApiKeys
from stepwarden.flow.asked import AskedFor
from stepwarden.flow.attempts import Attempts
from stepwarden.flow.audited import Reads
from stepwarden.flow.disclosing import Disclosing
from stepwarden.flow.holding import Holding
from stepwarden.flow.labels import Labels
from stepwarden.flow.people import derive
from stepwarden.flow.policies import Policies
from stepwarden.flow.pruning import Pruner
from stepwarden.flow.reading import Reading
from stepwarden.flow.recorder import Recorder
from stepwarden.flow.service import Service
from stepwarden.flow.serving import PublishedFiles
from stepwarden.flow.snapshots import Snapshotter
from stepwarden.flow.state import LogState
from stepwarden.flow.subjects import Subjects
from stepwarden.flow.vault import Vault
from stepwarden.ledger.sequencer import Sequencer
from stepwarden.ledger.store import LogStore
from stepwarden.storage.sqlite.index import EntryIndex, Projector

_log = logging.getLogger("stepwarden")
WORTH_A_SNAPSHOT = 1_000
"""Entries since the last snapshot from which on an orderly stop takes one; fewer are folded in no time."""


@dataclass(slots=True)
class Node:
    """An open log and the service over it. ``close`` ends both."""

    paths: Paths
    settings: Settings
    store: LogStore
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
    told: str = ""
    """While which live policy it has been said that the configured file is passed over."""

    async def start(self) -> None:
        """Ask outside whether this is still the log; the first entry of this run; the policy of the data directory.

        Raises:
            RollbackError: something outside knows a longer or another log.
        """
        against = await self.watch.at_start()
        await self.begin()
        self.watch.record(against)
        await self.use_file()
        await self.keeper.retire_due()

    async def use_file(self) -> bool:
        """Make the policy of the configured file live; True when it is another one now.

        Raises:
            PolicyError: it cannot be used; the one before stays live.
        """
        text = read_policy(self.policy_path)
        policies = self.service.policies
        live = self.state.cycle.live[:12]
        if policies.passed_over(text) and self.told != live:
            self.told = live
            _log.warning(
                "the policy %s is as it was before policy %s was made live, which stays so: "
                "change the file to go back to it, or stepwarden policy rollback",
                self.policy_path,
                live,
            )
        return await policies.use(text, by="service")

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


def open_node(
    data: Path,
    settings: Settings,
    progress: Progress,
    *,
    clock: Callable[[], int] = wall_clock,
    entropy: Callable[[int], bytes] | None = None,
    url: str = "",
) -> Node:
    """Open the log of a data directory and fold it. Blocking: call it before anything is served.

    Args:
        clock: microseconds since 1970 UTC.
        entropy: that many random bytes; by default the operating system's, drawn in blocks.
        url: how callers reach the service, where the settings alone do not say it (port 0).

    Raises:
        StepwardenError: with what happened and what to do: locked, damaged, keys missing, settings wrong.
    """
    keys = prepare(data, settings)
    paths = Paths(data)
    store = open_store(paths.log, settings.log)
    try:
        world = World(clock, entropy or Entropy().take)
        core = open_core(paths, settings, keys, store, progress, world)
        return _wire(paths, settings, world, core, url or public_url(settings))
    except BaseException:
        store.close()
        raise


def _wire(paths: Paths, settings: Settings, world: World, core: Core, url: str) -> Node:
    """The service over an open log, and the chores beside it."""
    recorder, store, keys = core.recorder, core.store, core.keys
    publishing = make_publishing(
        settings,
        paths.data,
        keys,
        core.sequencer,
        doubted=lambda: core.state.doubted or recorder.refused is not None,
        clock=world.clock,
    )
    service = _service(paths, settings, world, core, publishing, url)
    verifiers = own_verifiers([signer.verifier for signer in keys.signers], paths.ledger_vkey)
    pruner = Pruner(
        recorder,
        store,
        core.snapshots,
        verifiers=verifiers,
        origin=core.origin,
        fold=folding(paths, settings.log, store),
        forget=core.index.prune,
    )
    watch = make_watch(paths.data, settings, keys, recorder, store, publishing.policy)
    publishing.listeners.append(lambda _: watch.suspect())
    archiving = Archiving(
        settings.archive, store, publishing.publisher, service, verifiers=verifiers, origin=core.origin
    )
    return Node(
        paths=paths,
        settings=settings,
        store=store,
        sequencer=core.sequencer,
        recorder=recorder,
        state=core.state,
        service=service,
        index=core.index,
        projector=core.projector,
        watch=watch,
        anchoring=make_anchoring(
            paths.data, anchors_folder(paths.data, settings), settings.anchors, recorder
        ),
        keeper=KeyKeeper(paths.keys, settings, keys, core.history, recorder),
        snapshotter=core.snapshotter,
        pruning=Pruning(pruner, store, service, settings, world.clock),
        archiving=archiving,
        publishing=publishing,
    )


def _service(
    paths: Paths, settings: Settings, world: World, core: Core, publishing: Publishing, url: str
) -> Service:
    recorder, store, keys, index = core.recorder, core.store, core.keys, core.index
    address_token, flush = core.tokens.address, core.projector.flush
    asked = AskedFor(recorder, store)
    attempts = Attempts(
        recorder,
        core.describer,
        store,
        asked=asked,
        binding_key=derive(keys.master, "stepwarden/binding/v1"),
        entropy=world.entropy,
    )
    vault = Vault(store, master=keys.master, entropy=world.entropy)
    holding = Holding(recorder, publishing.publisher, hold_rule(settings))
    reads = Reads(recorder)
    reading = Reading(index, core.sequencer, store, core.people, address_token, flush)
    labels = Labels(recorder, attempts)
    api_keys = ApiKeys(store)
    proving = make_proving(
        paths,
        settings,
        world,
        core,
        attempts,
        asked,
        vault,
        holding,
        reading,
        reads,
        url=url,
        label=labels.not_me,
        live=api_keys.__contains__,
    )
    disclosing = Disclosing(recorder, store, reads, origin=core.origin)
    subjects = Subjects(
        recorder,
        attempts,
        vault,
        store,
        index,
        reads,
        disclosing,
        origin=core.origin,
        address_token=address_token,
        flush=flush,
        clear=core.snapshotter.clear,
    )
    subjects.forget_again(core.indexed)
    return Service(
        recorder,
        attempts,
        proving,
        labels,
        reading,
        api_keys,
        reads,
        disclosing,
        subjects,
        Policies(recorder),
        files=PublishedFiles(core.sequencer, store, publishing.publisher, reads),
        witnessing=publishing.publisher.figures,
        entropy=world.entropy,
        queue_limit=settings.server.queue_limit,
    )
