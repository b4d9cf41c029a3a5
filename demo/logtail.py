"""What happens on Stepwarden's own pages, read from its log as it grows: wrong answers, "this wasn't me", new passkeys.

The bank hears of a proof only when it collects one, and of the rest not at all. The log has every step, and may be read
as files (c2sp.org/tlog-tiles) by anybody whom ``log.readers`` lets; the demonstration lets everybody on this machine.

Entries name nobody: persons are tokens. Which is whose, the screen knows from the bank: a decision's id begins with the
index of its entry. What belongs to nobody whom the bank has named yet is left out.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

import httpx
import msgspec

from demo.bank.feed import Line
from stepwarden.ledger.tiles import WIDTH, TilePath
from stepwarden.storage.bundles import unpack_entries

EVERY: Final = 0.3
MOST_KNOWN: Final = 5_000
_FACTORS: Final = {"webauthn": "a passkey", "totp": "an authenticator code", "recovery": "a recovery code"}
_KEPT: Final = {"webauthn": "a passkey", "totp": "an authenticator", "recovery": "recovery codes"}
_PLAIN: Final = {
    "challenge.expired": "expired",
    "factor.removed": "removed",
    "device.remembered": "remembered",
    "device.forgotten": "forgotten",
    "session.revoked": "revoked",
}


class Reader:
    """Turns entries into lines. ``decided`` hears what the bank was told, ``read`` what stands in the log."""

    def __init__(self) -> None:
        self._decided: OrderedDict[int, Line] = OrderedDict()
        self._challenges: OrderedDict[str, tuple[Line, bool]] = OrderedDict()
        self._names: dict[str, str] = {}

    def decided(self, line: Line) -> None:
        """A decision that the bank was told."""
        index = line.id.partition("-")[0]
        if index.isdigit():
            _keep(self._decided, int(index), line)

    def read(self, index: int, entry: dict[str, Any]) -> Line | None:
        """The entry at ``index`` as a line, None for what needs none."""
        kind, challenge = entry["kind"], entry.get("challenge", "")
        if kind == "attempt.decided" and (line := self._decided.get(index)):
            self._names[entry["facts"]["actor"]] = line.actor
        elif kind == "challenge.issued":
            self._issued(entry)
        elif challenge in self._challenges:
            return self._step(kind, entry, *self._challenges[challenge])
        elif kind == "factor.enrolled" or kind in _PLAIN:
            return self._change(kind, entry)
        return None

    def _issued(self, entry: dict[str, Any]) -> None:
        line = self._decided.get(entry["previous"])
        asked_by_bank = line is not None
        if line is None:
            name = self._names.get(entry["actor"])
            line = Line(actor=name, action=entry["action"], address="") if name else None
        if line is not None:
            _keep(self._challenges, entry["challenge"], (line, asked_by_bank))

    def _step(self, kind: str, entry: dict[str, Any], asked: Line, asked_by_bank: bool) -> Line | None:
        how = _FACTORS.get(entry.get("factor", ""), "another way")
        match kind:
            case "challenge.answered":
                # What is said to nobody who answers: whether it was wrong, or right and used before.
                step = entry["result"] if entry["result"] in {"wrong", "replayed", "locked"} else ""
            case "challenge.passed":
                step = "" if asked_by_bank else "passed"  # the bank tells it itself, once it has collected it
            case "challenge.failed":
                step = "denied" if entry.get("reason") == "denied" else "exhausted"
            case "challenge.expired":
                step = "expired"
            case _:
                step = ""
        if not step:
            return None
        return Line(
            actor=asked.actor,
            action=asked.action,
            address=asked.address,
            label=asked.label,
            step=step,
            how=how,
        )

    def _change(self, kind: str, entry: dict[str, Any]) -> Line | None:
        name = self._names.get(entry.get("actor", ""))
        if name is None:
            return None
        how = _KEPT.get(entry.get("factor", ""), "another way")
        return Line(actor=name, action="security", address="", step=_PLAIN.get(kind, "enrolled"), how=how)


def _keep(kept: OrderedDict[Any, Any], key: Any, value: Any) -> None:
    kept[key] = value
    if len(kept) > MOST_KNOWN:
        kept.popitem(last=False)


async def follow(url: str, reader: Reader, show: Callable[[Line], None]) -> None:
    """Show what is added to the log at ``url`` from now on, until cancelled."""
    async with httpx.AsyncClient(base_url=url, timeout=5, trust_env=False) as web:
        done = -1
        while True:
            try:
                size = int((await web.get("/log/checkpoint")).raise_for_status().text.split("\n")[1])
                done = size if done < 0 else done
                while done < size:
                    done = await _bundle(web, done, size, reader, show)
            except httpx.HTTPError:
                await asyncio.sleep(1)  # busy, or stopping
            await asyncio.sleep(EVERY)


async def _bundle(
    web: httpx.AsyncClient, first: int, size: int, reader: Reader, show: Callable[[Line], None]
) -> int:
    """Read the entries from ``first`` to the end of their bundle; the index to go on at."""
    number = first // WIDTH
    width = min(WIDTH, size - number * WIDTH)
    path = TilePath(level=None, index=number, width=width).format()
    data = (await web.get(f"/log/{path}")).raise_for_status().content
    for index, raw in enumerate(unpack_entries(data, width), number * WIDTH):
        if index >= first and (line := reader.read(index, msgspec.json.decode(raw))):
            show(line)
    return number * WIDTH + width
