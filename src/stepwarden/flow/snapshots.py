"""Snapshots: what the log amounted to at some size, so that a start folds only what came after it.

A snapshot only saves time. The log is what counts: a snapshot that gives any reason for doubt is passed over, with a
line in the service's own log that says why, and the start folds more.

    <data>/snapshots/state-<size>     for the start: state and places at that size; the two newest are kept
    <data>/snapshots/floor-<size>     the state below a pruned log's first entry, whose SHA-256 stands in ``log.pruned``

``state-*`` is text of six lines, then a body in MessagePack:

    stepwarden snapshot v1
    <version of this program>
    <origin of the log>
    <size>
    <root of the tree over so many entries, base64>
    <HMAC-SHA256 over all the other bytes, base64>

The key of the HMAC is derived from the master key. A file that was edited, was made by another program version or by
another log, is longer than this log, or has another root than this log had at that size, is not used. An older one of
this very log is as good as a newer one: it says less, and more is folded.

Where people were is personal. It stands here sealed under each person's own key, bound to the log, so that erasing the
person erases it here too; ``clear`` removes the files altogether, with which the rest of a person (tokens, counts)
goes at once. ``floor-*`` holds no places, nothing but what the leaves hold: tokens and counts.

Written to a temporary file, synced, renamed, and the folder synced. Not here: when to take one (``recovery``,
``app``), and what is in a state (``state_dump``).
"""

import hmac
import logging
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from stepwarden.errors import InputError, KeyFileError, StepwardenError, StorageError
from stepwarden.flow import state_dump
from stepwarden.flow.people import People
from stepwarden.flow.state import LogState
from stepwarden.ledger.durable import write_whole
from stepwarden.signals.travel import PLACE_BYTES, Places

FORMAT: Final = b"stepwarden snapshot v1"
KEPT: Final = 2
PLACE: Final = -1
"""Stands for the index to which a person's last place is bound when it is sealed: no entry has it."""
_STATE: Final = "state-"
_FLOOR: Final = "floor-"
_HEADER_LINES: Final = 6
_log = logging.getLogger("stepwarden")
RootAt = Callable[[int], bytes]
"""The root of this log's own tree at a size that it has reached."""


class _Body(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    state: bytes
    places: list[tuple[str, bytes]]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Body).decode


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state to go on folding from, and where people were, sealed."""

    state: LogState
    places: list[tuple[str, bytes]]


class SnapshotStore:
    """The snapshots of one log. One thread at a time; blocking."""

    def __init__(self, folder: Path, *, key: bytes, origin: str, version: str) -> None:
        """Nothing is read or made yet.

        Args:
            key: 32 bytes, derived from the master key for this purpose alone.
            version: of this program; a snapshot by another one is not used.
        """
        self._folder = folder
        self._key = key
        self._origin = origin.encode()
        self._version = version.encode()

    def save(self, dumped: bytes, places: list[tuple[str, bytes]], *, size: int, root: bytes) -> Path:
        """Keep a state of this log, durably, and drop all but the ``KEPT`` newest up to this one.

        Args:
            dumped: by ``state_dump``.
            places: sealed, see ``seal_places``.

        Raises:
            StorageError: it cannot be written.
        """
        head = b"%s\n%s\n%s\n%d\n%s\n" % (FORMAT, self._version, self._origin, size, b64encode(root))
        body = _encode(_Body(state=dumped, places=places))
        path = self._write(f"{_STATE}{size}", head + self._mac(head, body) + b"\n" + body)
        older = sorted(known for known in self._sizes(_STATE) if known < size)
        for known in self._sizes(_STATE):
            # A longer one is of a log that was cut back: it would only be refused at every start.
            if known > size or known in older[: -(KEPT - 1)]:
                self._remove(self._folder / f"{_STATE}{known}")
        return path

    def newest(self, size: int, *, least: int, root_at: RootAt) -> Snapshot | None:
        """The newest snapshot that gives no reason for doubt, of ``least`` to ``size`` entries; None without one."""
        for known in sorted(self._sizes(_STATE), reverse=True):
            try:
                if known > size:
                    raise InputError(f"it is of {known} entries, the log has {size}")
                if known < least:
                    return None
                return self._read(known, root_at)
            except (OSError, StepwardenError) as exc:
                _log.warning("the snapshot %s%d is not used: %s", _STATE, known, exc)
        return None

    def _read(self, size: int, root_at: RootAt) -> Snapshot:
        data = (self._folder / f"{_STATE}{size}").read_bytes()
        parts = data.split(b"\n", _HEADER_LINES)
        if len(parts) != _HEADER_LINES + 1:
            raise InputError("it is no snapshot")
        *lines, mac, body = parts
        # Before anything else is looked at: whoever has no key gets no byte parsed.
        if not hmac.compare_digest(self._mac(b"\n".join([*lines, b""]), body), mac):
            raise InputError("it was not written by this log's service, or was changed since")
        if lines[0] != FORMAT or lines[1] != self._version:
            raise InputError("it was written by another version of this program")
        if lines[2] != self._origin:
            raise InputError("it is of another log")
        if lines[3] != b"%d" % size:
            raise InputError(f"it is of {lines[3].decode(errors='replace')} entries")
        if b64decode(lines[4]) != root_at(size):
            raise InputError(f"this log had another root at {size} entries")
        try:
            found = _decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
            raise InputError(f"its body cannot be read: {exc}") from exc
        state = state_dump.load(found.state)
        if state.size != size:
            raise InputError(f"its state is of {state.size} entries")
        return Snapshot(state, found.places)

    def save_floor(self, dumped: bytes, size: int) -> Path:
        """Keep the state below the first entry of a log that is being pruned.

        Raises:
            StorageError: it cannot be written.
        """
        return self._write(f"{_FLOOR}{size}", dumped)

    def load_floor(self, size: int) -> tuple[LogState, str]:
        """The state at a floor, and its SHA-256, to be compared with the one in the log's ``log.pruned``.

        Raises:
            StorageError: it is missing or is no state of that size.
        """
        return read_floor(self._folder, size)

    def drop_floors_below(self, size: int) -> None:
        """Remove the states of floors that the log has left behind."""
        for known in self._sizes(_FLOOR):
            if known < size:
                self._remove(self._folder / f"{_FLOOR}{known}")

    def clear(self) -> int:
        """Remove every ``state-*``, half-written ones too; the next start folds the log. Returns how many.

        For an erasure: what they hold of a person is gone with the files.

        Raises:
            StorageError: one of them cannot be removed.
        """
        removed = 0
        for path in self._files():
            if path.name.startswith((_STATE, ".")):
                self._remove(path, must=True)
                removed += 1
        return removed

    def _mac(self, head: bytes, body: bytes) -> bytes:
        mac = hmac.new(self._key, head, "sha256")
        mac.update(body)
        return b64encode(mac.digest())

    def _files(self) -> list[Path]:
        try:
            return list(self._folder.iterdir())
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise StorageError(f"{self._folder} cannot be read: {exc.strerror}") from exc

    def _sizes(self, kind: str) -> Iterator[int]:
        for path in self._files():
            number = path.name.removeprefix(kind)
            if number.isascii() and number.isdigit() and f"{kind}{int(number)}" == path.name:
                yield int(number)

    def _write(self, name: str, data: bytes) -> Path:
        path = self._folder / name
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            write_whole(path, data, mode=0o600, over=True)
        except OSError as exc:
            raise StorageError(f"the snapshot {path} cannot be written: {exc.strerror}") from exc
        return path

    def _remove(self, path: Path, *, must: bool = False) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as exc:
            if must:
                raise StorageError(f"{path} cannot be removed: {exc.strerror}") from exc


class Snapshotter:
    """Takes snapshots of a running log's state, where nothing has to wait for it: at the start and at the stop."""

    def __init__(
        self, snapshots: SnapshotStore, state: LogState, places: Places, people: People, *, taken: int
    ) -> None:
        """``taken``: the size of the snapshot that the state was made from, 0 for none."""
        self.snapshots = snapshots
        self._state = state
        self._places = places
        self._people = people
        self._taken = taken

    def take(self, *, root: bytes, after: int) -> bool:
        """Keep the state, if at least ``after`` entries were folded since the last snapshot. Blocking.

        A snapshot that cannot be written is no failure of the service: its log says so, the next start folds more.

        Args:
            root: of the tree over exactly the entries that are folded, all of them durable.
        """
        size = self._state.size
        if size - self._taken < after:
            return False
        try:
            self.snapshots.save(
                state_dump.dump(self._state), seal_places(self._places, self._people), size=size, root=root
            )
        except StepwardenError as exc:
            _log.warning("no snapshot was taken: %s", exc)
            return False
        self._taken = size
        return True

    def clear(self) -> None:
        """Remove what is on disk (see ``SnapshotStore.clear``); the stop takes a new one.

        Raises:
            StorageError: a file cannot be removed.
        """
        self._taken = 0
        self.snapshots.clear()


def read_floor(folder: Path, size: int) -> tuple[LogState, str]:
    """See ``SnapshotStore.load_floor``; needs no key, so that a replay by an auditor can go on from it."""
    path = folder / f"{_FLOOR}{size}"
    advice = "restore it from a copy of this folder, or from the archive (docs/retention.md)"
    try:
        dumped = path.read_bytes()
    except OSError as exc:
        raise StorageError(
            f"entries before {size} were pruned, and {path}, from which the rest is recomputed, cannot be read "
            f"({exc.strerror}): {advice}"
        ) from exc
    try:
        state = state_dump.load(dumped)
    except InputError as exc:
        raise StorageError(f"{path} cannot be used ({exc}): {advice}") from exc
    if state.size != size:
        raise StorageError(f"{path} is the state of {state.size} entries: {advice}")
    return state, state_dump.digest(dumped)


def seal_places(places: Places, people: People) -> list[tuple[str, bytes]]:
    """Each known place under its person's own key; of who has been erased, none."""
    sealed = []
    for token, place in places.dump():
        if len(place) != PLACE_BYTES:  # still sealed, because that person was not seen since the start
            sealed.append((token, place))
            continue
        person = people.by_token(token)
        if person is not None:
            sealed.append((token, people.seal(person, PLACE, place)))
    return sealed


def restore_places(places: Places, sealed: list[tuple[str, bytes]], people: People) -> None:
    """The places of a snapshot, each opened when its person is next seen; an erased person's opens no more."""

    def opener(token: str, place: bytes) -> bytes:
        person = people.by_token(token)
        if person is None:
            return b""
        try:
            return people.unseal(person, PLACE, place)
        except KeyFileError:
            return b""

    places.restore(sealed, opener)
