"""The keeper of the log's signing keys, in a running node: rotates, retires, lists.

A rotation, in the order in which it must survive being stopped:

1. the new key exists, durably (a file, or in an agent);
2. one entry, signed by both, together with its side row; from its group on both sign every head;
3. the files move to their places (``key_files.settle``; finished at the next start, if need be).

At the end of the overlap one entry retires the old key; its group, and what follows, the new one signs alone. Only
when that is durable is the old secret destroyed, or put aside.

Loop thread only. Signing the statement may ask an agent, and so holds the loop for the milliseconds that takes.
"""

import asyncio
from datetime import UTC, datetime
from typing import Final

from stepwarden.app.key_files import KeyFiles, settle
from stepwarden.app.keys import Keys, new_signer
from stepwarden.app.settings import Settings
from stepwarden.connect.ssh_agent import AgentSigner
from stepwarden.errors import ConflictError, InputError, NotFoundError
from stepwarden.events.entries import KeyRetired, KeyRotated
from stepwarden.flow.key_rows import row, take
from stepwarden.flow.recorder import Recorder
from stepwarden.ledger.note import Ed25519Verifier, Signer, encode_base64
from stepwarden.ledger.rotation import KeyHistory, KeyPeriod, Rotation

SECOND: Final = 1_000_000
MAX_OVERLAP: Final = 366 * 86_400
REASON: Final = 512


class KeyKeeper:
    """Changes the keys that sign a log, through the log."""

    def __init__(
        self, files: KeyFiles, settings: Settings, keys: Keys, history: KeyHistory, recorder: Recorder
    ) -> None:
        self.history = history
        self._files = files
        self._settings = settings
        self._keys = keys
        self._signers = keys.signers
        self._recorder = recorder
        self._busy = asyncio.Lock()

    @property
    def signers(self) -> tuple[Signer, ...]:
        """The keys that sign now, the newest first."""
        return self._signers

    async def rotate(
        self, *, overlap: int, reason: str, by: str, keep: bool = False, kind: str = "", key: str = ""
    ) -> KeyPeriod:
        """Let a new key follow; both sign for ``overlap`` seconds. With 0 the old one is retired at once.

        Args:
            kind: ``file`` or ``ssh-agent``; empty: as the setting says.
            key: the agent's key, by fingerprint or comment; empty: as the setting says.

        Raises:
            ConflictError: the last rotation has not ended.
            InputError: the overlap is too long, or the key is the one that signs, or was used before.
            KeyFileError, SignerError: the new key cannot be had.
            StepwardenError: the log did not take the entry; the rotation has not happened.
        """
        if not 0 <= overlap <= MAX_OVERLAP:
            raise InputError("the overlap is 0 to 366 days", field="overlap")
        async with self._busy:
            if self.history.leaving is not None:
                raise ConflictError(
                    f"the last rotation has not ended: both keys sign until {_date(self.history.leaving.ends)}; "
                    "`ledger keys retire` ends it now"
                )
            kind = kind or self._settings.signer.kind
            name = self._keys.origin
            signer = new_signer(self._files, self._settings, name, kind, key or self._settings.signer.key)
            await self._enter(signer, overlap * SECOND, reason[:REASON], keep, by)
            settle(self._files, self.history)
        if overlap == 0:
            await self.retire(by=by)
        return self.history.main

    async def _enter(self, signer: Signer, overlap: int, reason: str, keep: bool, by: str) -> None:
        recorder, old = self._recorder, self._signers[0]
        recorder.flush()  # from here to replace_signers nothing may be awaited: the index must stay the next one
        index, now = recorder.sequencer.next_index, recorder.now()
        done = Rotation(old=_vkey(old), new=_vkey(signer), index=index, until=now + overlap)
        if any(known.vkey == done.new for known in self.history.keys):
            raise InputError("this key signs already, or has signed before: a key is used once", field="key")
        statement = done.statement()
        entry = KeyRotated(
            time=now,
            id=recorder.new_id(),
            by=by,
            old=done.old,
            new=done.new,
            until=done.until,
            by_old=encode_base64(old.sign(statement)),
            by_new=encode_base64(signer.sign(statement)),
            keep=keep,
            reason=reason,
        )
        appended = recorder.append(entry, side=(row(index, entry),))
        recorder.sequencer.replace_signers(signer, old)
        recorder.flush()
        await appended.durable
        take(self.history, index, entry)
        self._signers = (signer, old)

    async def retire(self, *, by: str) -> KeyPeriod:
        """End the overlap now.

        Raises:
            NotFoundError: no key is about to leave.
            StepwardenError: the log did not take the entry; both keys go on.
        """
        async with self._busy:
            leaving = self.history.leaving
            if leaving is None:
                raise NotFoundError("no key is about to be retired: only one signs")
            recorder = self._recorder
            recorder.flush()
            index = recorder.sequencer.next_index
            entry = KeyRetired(time=recorder.now(), id=recorder.new_id(), by=by, vkey=leaving.vkey)
            appended = recorder.append(entry, side=(row(index, entry),))
            recorder.sequencer.replace_signers(self._signers[0])
            recorder.flush()
            await appended.durable
            take(self.history, index, entry)
            self._signers = self._signers[:1]
            settle(self._files, self.history)
            return self.history.keys[-2]

    async def retire_due(self) -> bool:
        """Retire the old key if its time has come; tell whether it was. Called at the start, and now and then."""
        leaving = self.history.leaving
        if self._busy.locked() or leaving is None or leaving.ends is None:
            return False
        if self._recorder.now() < leaving.ends:
            return False
        await self.retire(by="service")
        return True

    def listing(self) -> list[dict[str, object]]:
        """Every key of the log, oldest first, then one that was prepared, then the cosigner. Nothing secret."""
        held = {_vkey(signer): signer for signer in self._signers}
        rows = [
            _row(known, self.history, self._where(known, held.get(known.vkey))) for known in self.history.keys
        ]
        for vkey, (path, _) in self._files.signing().items():
            if path == self._files.next and all(known.vkey != vkey for known in self.history.keys):
                rows.append(_fixed(vkey, "next", str(path)))
        return [*rows, _fixed(self._keys.cosigner.verifier.format(), "cosigner", str(self._files.cosigner))]

    def _where(self, known: KeyPeriod, signer: Signer | None) -> str:
        if isinstance(signer, AgentSigner):
            return "ssh-agent"
        if signer is not None:
            return str(self._files.ledger if known.until is None and known.ends is None else self._files.old)
        kept = self._files.retired / f"{Ed25519Verifier.parse(known.vkey).key_id.hex()}.key"
        return str(kept) if kept.exists() else ""


def _vkey(signer: Signer) -> str:
    """The public key's text. Every signer of a log is Ed25519."""
    if not isinstance(signer.verifier, Ed25519Verifier):
        raise ValueError("a log is signed by Ed25519 keys")
    return signer.verifier.format()


def _row(known: KeyPeriod, history: KeyHistory, where: str) -> dict[str, object]:
    state = "retired" if known.until is not None else "leaving" if known is history.leaving else "active"
    return {
        "vkey": known.vkey,
        "state": state,
        "type": "Ed25519",
        "id": known.vkey.split("+")[1],
        "since": known.since,
        "until": known.until,
        "began": known.began,
        "ends": known.ends if known.ended is None else known.ended,
        "where": where,
    }


def _fixed(vkey: str, state: str, where: str) -> dict[str, object]:
    return {
        "vkey": vkey,
        "state": state,
        "type": "ML-DSA-44" if state == "cosigner" else "Ed25519",
        "id": vkey.split("+")[1],
        "since": None,
        "until": None,
        "began": None,
        "ends": None,
        "where": where,
    }


def _date(time: int | None) -> str:
    return f"{datetime.fromtimestamp((time or 0) / SECOND, UTC):%Y-%m-%d %H:%M} UTC"
