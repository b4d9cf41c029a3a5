"""Publishing, wired: from the settings ``[witnesses]`` and a policy file to a ``Publisher`` and what waits for it.

A policy that cannot mean what its author wants is refused at the start, not found out when it counts:

- witnesses without an address: nobody could ask them;
- a witness whose key is one of this log's own, or two at one address or under one key's name: one party would
  count twice;
- logs listed, and this log's key not among them: probably another log's policy;
- a quorum that something waits for, and that needs nobody (``quorum none``).

The newest checkpoint that a quorum has signed is kept in ``witnessed.checkpoint``, for ``ledger verify --policy``.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from stepwarden.app.keys import Keys
from stepwarden.app.outside import PublishedFile
from stepwarden.app.settings import Settings, Witnesses
from stepwarden.connect.witnesses import HttpWitness, check_address, make_http
from stepwarden.errors import MalformedNoteError, SettingsError, StorageError
from stepwarden.flow.holding import HoldRule
from stepwarden.flow.publishing import Publisher, WitnessFinding
from stepwarden.ledger.note import Verifier
from stepwarden.ledger.sequencer import Sequencer
from stepwarden.ledger.witness_policy import NONE, KnownWitness, WitnessPolicy

CLASSES: Final = frozenset({"challenge.passed"})
"""What ``witnesses.required`` may name."""
WITNESSED: Final = "witnessed.checkpoint"
KEEP_EVERY: Final = 1.0
_log = logging.getLogger("stepwarden")


@dataclass(slots=True)
class Publishing:
    """The publisher of a node. ``listeners`` hear of every witness that knows a longer, or another, log."""

    publisher: Publisher
    policy: WitnessPolicy | None
    seconds: float
    http: httpx.AsyncClient | None
    file: PublishedFile
    listeners: list[Callable[[WitnessFinding], None]] = field(default_factory=list)
    _kept: str = ""

    async def run(self) -> None:
        """Publish until cancelled."""
        await self.publisher.run(self.seconds)

    async def run_keeper(self) -> None:
        """Keep the newest note that a quorum signed in its file, until cancelled."""
        while True:
            await asyncio.sleep(KEEP_EVERY)
            await asyncio.to_thread(self.keep)

    def keep(self) -> None:
        """Write that note, if it is another one. Blocking."""
        note = self.publisher.witnessed_note
        if note == self._kept:
            return
        try:
            self.file.write(note)
            self._kept = note
        except StorageError as exc:
            _log.error("%s; `ledger verify` will not see who signed", exc)

    def forget(self) -> None:
        """Drop the kept note: the log that went on after a doubt is another one than the witnesses signed."""
        self._kept = self.publisher.witnessed_note
        with contextlib.suppress(OSError):
            self.file.path.unlink(missing_ok=True)

    def found(self, finding: WitnessFinding) -> None:
        """Tell everybody who wants to know."""
        for listener in self.listeners:
            listener(finding)

    async def close(self) -> None:
        """Ask nobody any more."""
        await self.publisher.close()
        self.keep()
        if self.http is not None:
            await self.http.aclose()


def make_publishing(
    settings: Settings,
    data: Path,
    keys: Keys,
    sequencer: Sequencer,
    *,
    doubted: Callable[[], bool],
    clock: Callable[[], int],
) -> Publishing:
    """Build the publisher; asks nobody yet.

    Raises:
        SettingsError: the policy cannot be read, or cannot mean what it should.
    """
    wanted = settings.witnesses
    policy = read_witness_policy(wanted, data, keys)
    http = make_http(wanted.timeout) if policy is not None and policy.witnesses else None
    made: Publishing

    def found(finding: WitnessFinding) -> None:
        made.found(finding)

    witnesses = []
    if policy is not None and http is not None:
        witnesses = [
            HttpWitness(
                known.name,
                known.verifier,
                check_address(known.url, plain=wanted.plain_http),
                http,
                seconds=wanted.timeout,
                findings=found,
            )
            for known in policy.witnesses.values()
        ]
    publisher = Publisher(
        sequencer,
        cosigner=keys.cosigner,
        witnesses=witnesses,
        satisfied=policy.satisfied_by if policy is not None else lambda _: True,
        doubted=doubted,
        clock=clock,
        timeout=wanted.timeout,
    )
    made = Publishing(publisher, policy, wanted.seconds, http, PublishedFile(data / WITNESSED))
    return made


def hold_rule(settings: Settings) -> HoldRule | None:
    """Whose success is held back; None for nobody's.

    Raises:
        SettingsError: it names a class that cannot wait, or there are no witnesses to wait for.
    """
    wanted = settings.witnesses
    unknown = sorted(set(wanted.required) - CLASSES)
    if unknown:
        raise SettingsError(
            f"witnesses.required: {', '.join(unknown)} cannot wait for witnesses; what can: {', '.join(CLASSES)}"
        )
    if not wanted.required:
        if wanted.actions or wanted.aal:
            raise SettingsError("witnesses.actions and .aal mean nothing without witnesses.required")
        return None
    if not wanted.policy:
        raise SettingsError("witnesses.required is set and witnesses.policy is not: nobody could ever sign")
    return HoldRule(actions=frozenset(wanted.actions), aal=wanted.aal, within=wanted.timeout)


def read_witness_policy(wanted: Witnesses, data: Path, keys: Keys) -> WitnessPolicy | None:
    """Read and check the policy file; None where none is set.

    Raises:
        SettingsError: see the module.
    """
    if not wanted.policy:
        return None
    path = data / wanted.policy
    try:
        policy = WitnessPolicy.parse(path.read_text(encoding="utf-8"))
        _check(policy, wanted, keys)
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsError(f"the witness policy {path} cannot be read: {exc}") from exc
    except (MalformedNoteError, SettingsError) as exc:
        raise SettingsError(f"the witness policy {path}: {exc}") from exc
    return policy


def _check(policy: WitnessPolicy, wanted: Witnesses, keys: Keys) -> None:
    if policy.quorum == NONE and wanted.required:
        raise SettingsError(
            "`quorum none` needs nobody, and witnesses.required waits for somebody: name a quorum"
        )
    own = {(key.name, key.key_id) for key in _own(keys)}
    if policy.logs and not any((log.verifier.name, log.verifier.key_id) in own for log in policy.logs):
        raise SettingsError(f"it lists logs, and this log, {keys.origin!r}, is not among them")
    addresses: dict[str, str] = {}
    names: dict[str, str] = {}
    for known in policy.witnesses.values():
        _check_witness(known, keys)
        if known.verifier.name == keys.origin:
            raise SettingsError(
                f"the witness {known.name!r} has the name of this log: nobody vouches for themselves"
            )
        address = check_address(known.url, plain=wanted.plain_http)
        for found, seen in ((address, addresses), (known.verifier.name, names)):
            if found in seen:
                raise SettingsError(
                    f"{seen[found]!r} and {known.name!r} are one witness ({found}): it would count twice"
                )
            seen[found] = known.name


def _own(keys: Keys) -> list[Verifier]:
    return [*(signer.verifier for signer in keys.signers), keys.cosigner.verifier]


def _check_witness(known: KnownWitness, keys: Keys) -> None:
    """Refuse a witness that nobody can ask, or that is ourselves."""
    if not known.url:
        raise SettingsError(f"the witness {known.name!r} has no address: put it at the end of its line")
    for key in _own(keys):
        if getattr(key, "public_key", b"") == known.verifier.public_key:
            raise SettingsError(
                f"the witness {known.name!r} has a key of this log itself: nobody vouches for themselves"
            )
