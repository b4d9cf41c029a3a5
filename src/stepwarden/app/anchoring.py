"""Anchoring: every hour, or by hand, the log's newest checkpoint is stamped by the configured authority.

    anchors/<size>.tsr          the authority's response, as it came (DER, RFC 3161)
    anchors/<size>.checkpoint   the signed note over whose text it is

Both files (mode 0444) are written before the ``log.anchored`` entry, which holds the same response in base64. So the
stamp can be found in the log, and a log that was put back to before it contradicts the file: the notes in this folder
are among what ``doubt`` looks at. Carry the folder elsewhere, or set ``anchors.folder`` to another disk.

A log in which nothing happened since the last stamp but that stamp itself is not stamped again.
"""

import asyncio
import contextlib
import logging
from pathlib import Path

from stepwarden.app.settings import Anchors
from stepwarden.connect.timestamps import Authority, Stamp, make_authority, request_stamp
from stepwarden.errors import AnchorError, SettingsError, StepwardenError
from stepwarden.events.entries import LogAnchored
from stepwarden.flow.recorder import Recorder
from stepwarden.ledger.durable import write_whole
from stepwarden.ledger.note import SignedNote, encode_base64

HOUR = 3_600.0
RETRY = 300.0
"""Seconds until an authority that could not be asked is asked again."""
_log = logging.getLogger("stepwarden")


class Anchoring:
    """Has the log stamped. On the loop's thread; only the files are written in another."""

    def __init__(self, recorder: Recorder, authority: Authority, folder: Path, hours: float) -> None:
        self._recorder = recorder
        self._authority = authority
        self._folder = folder
        self._seconds = hours * HOUR
        self._last = -1

    async def anchor(self, *, by: str) -> dict[str, object]:
        """Have the newest checkpoint stamped; what was stamped and when.

        Raises:
            AnchorError: there is no stamp, or it cannot be kept.
        """
        recorder = self._recorder
        recorder.sequencer.check_open()
        head = recorder.sequencer.head
        text = SignedNote.parse(head.checkpoint).text
        stamp = await request_stamp(self._authority, text, now=recorder.now())
        await asyncio.to_thread(self._keep, head.size, head.checkpoint, stamp)
        entry = LogAnchored(
            time=recorder.now(),
            id=recorder.new_id(),
            by=by,
            authority=self._authority.name,
            size=head.size,
            root=head.root.hex(),
            stamped=stamp.time,
            token=encode_base64(stamp.response),
        )
        await recorder.append(entry).durable
        self._last = head.size
        return {
            "size": head.size,
            "root": head.root.hex(),
            "stamped": stamp.time,
            "folder": str(self._folder),
        }

    def due(self) -> bool:
        """Whether there is anything to stamp."""
        return self._recorder.sequencer.head.size > self._last + 1

    async def run(self) -> None:
        """Stamp every so often, until cancelled. An authority that is down is asked again, and loudly."""
        while True:
            wait = self._seconds
            if self.due():
                try:
                    await self.anchor(by="service")
                except StepwardenError as exc:
                    _log.error("the log is not anchored: %s", exc)
                    wait = min(RETRY, wait)
            await asyncio.sleep(wait)

    def _keep(self, size: int, note: str, stamp: Stamp) -> None:
        try:
            self._folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            _write(self._folder / f"{size}.tsr", stamp.response)
            _write(self._folder / f"{size}.checkpoint", note.encode())
        except OSError as exc:
            raise AnchorError(f"the stamp cannot be kept in {self._folder}: {exc.strerror}") from exc


def _write(path: Path, data: bytes) -> None:
    """A new file, whole or not at all, never to be changed. One that is there stays: it is a stamp of the same."""
    with contextlib.suppress(FileExistsError):
        write_whole(path, data, mode=0o444, over=False)


def make_anchoring(data: Path, folder: Path, settings: Anchors, recorder: Recorder) -> Anchoring | None:
    """What the settings ask for; None where no authority is set.

    Raises:
        SettingsError: an authority without certificates to check it by, or with unreadable ones.
    """
    authority = authority_of(data, settings)
    return Anchoring(recorder, authority, folder, settings.hours) if authority is not None else None


def authority_of(data: Path, settings: Anchors) -> Authority | None:
    """The configured authority, None for none. Raises: SettingsError: as ``make_anchoring``."""
    if not settings.url:
        return None
    if not settings.roots:
        raise SettingsError("anchors.url needs anchors.roots: a PEM file of the certificates to trust")
    try:
        pem = (data / settings.roots).read_bytes()
    except OSError as exc:
        raise SettingsError(f"anchors.roots: {settings.roots} cannot be read: {exc.strerror}") from exc
    return make_authority(settings.url, pem, settings.policy)
