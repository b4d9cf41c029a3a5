"""Reads are entries too: who read, by which filter, how many rows, why.

A query, a proof, an export, a disclosure: one ``administration`` entry each, durable before anything is handed out
(``record``). Files of the public log (tiles, checkpoints) tell nothing about anybody and are fetched by the hundred, so
they are counted, and one entry per key and minute says how many of which (``count``, ``sweep``):

    {"action": "log.files", "by": "9c0e...", "detail": "checkpoint 2, tile 31", "rows": 33, ...}

What is counted and not yet an entry is lost when the process is killed: at most a minute's worth.

Bounded by the number of keys. The filter in an entry holds tokens, never the person's id or address.
"""

import re
import unicodedata
from collections import Counter

from stepwarden.errors import BusyError, InputError
from stepwarden.events.entries import Administration
from stepwarden.events.redaction import redact
from stepwarden.flow.recorder import Recorder

EVERY = 60_000_000
"""Microseconds that one entry about files covers."""
ANYBODY = "anonymous"
"""Stands for a reader without a key, where files are served without one."""
DETAIL = 512
REASON = 200
"""Characters of a reason."""


class Reads:
    """Writes down who reads. All calls on the loop's thread."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._counts: dict[str, tuple[int, Counter[str]]] = {}

    async def record(
        self, action: str, *, by: str, target: str = "", detail: str = "", rows: int = 0, reason: str = ""
    ) -> None:
        """One entry for one read, durable on return.

        Args:
            action: what was done, such as ``log.query``; ``target`` on what, in tokens.
            rows: how many entries were handed out.
            reason: what the reader says it is for; secrets in it are marked out.

        Raises:
            BusyError: there is no room for it, so nothing may be handed out.
            InputError: the reason is not printable.
        """
        if not reason.isprintable():
            raise InputError("a reason is printable text", field="reason")
        await self._recorder.append(
            self._entry(action, by, target, detail, rows, redact(reason)[:REASON])
        ).durable

    def count(self, what: str, *, by: str, files: int = 1) -> None:
        """``files`` of the kind ``what`` (``tile``, ``checkpoint``, ``entries``) were handed out. Cheap."""
        by = by or ANYBODY
        known = self._counts.get(by)
        if known is None:
            known = self._counts[by] = (self._recorder.now(), Counter())
        known[1][what] += files

    def sweep(self, *, all_of_them: bool = False) -> None:
        """Write the entries whose minute is over; called about every second, and at the end for all."""
        before = self._recorder.now() - EVERY
        for by, (since, counts) in list(self._counts.items()):
            if not all_of_them and since > before:
                continue
            detail = ", ".join(f"{what} {number}" for what, number in sorted(counts.items()))
            try:
                self._recorder.append(self._entry("log.files", by, "", detail, counts.total(), ""))
            except BusyError:
                return  # what is counted stays counted until there is room
            del self._counts[by]

    def _entry(
        self, action: str, by: str, target: str, detail: str, rows: int, reason: str
    ) -> Administration:
        return Administration(
            time=self._recorder.now(),
            id=self._recorder.new_id(),
            by=by,
            action=action,
            target=target[:DETAIL],
            detail=detail[:DETAIL],
            rows=rows,
            reason=reason,
        )


def check_reason(reason: str, name: str) -> str:
    """A reason as it may stay in the log for ever: without secrets, and without the one whom it is about.

    Raises:
        InputError: empty, too long, not printable, or it names them.
    """
    reason = reason.strip()
    if not reason or len(reason) > REASON or not reason.isprintable():
        raise InputError(f"say why, in 1 to {REASON} printable characters", field="reason")
    check_unnamed(reason, name)
    return redact(reason)[:REASON]


def check_unnamed(reason: str, *names: str) -> None:
    """A reason stays in the log when those whom it is about are erased: so it must not name them.

    In whatever case, width or composition: for whoever reads it all of these are the name.

    Raises:
        InputError: it names one of them.
    """
    said = _folded(reason)
    for name in names:
        if name and re.search(rf"(?<!\w){re.escape(_folded(name))}(?!\w)", said):
            raise InputError(
                "the reason names whom it is about, and would stay: refer to the request instead",
                field="reason",
            )


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
