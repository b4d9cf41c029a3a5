"""What an importer yields: each line or record of a file becomes exactly one kind of these, or several attempts.

``Imported`` is an attempt with the outcome that the log itself reports. ``Skipped`` is known and no attempt (the end
of a session, another program's line): it is counted by its reason. ``Unknown`` is what no importer knows: it is
counted, and its beginning is kept to be shown. So nothing is dropped in silence:

>>> from collections.abc import Iterator
>>> from stepwarden.events.attempt import Attempt
>>> def shout(items: Iterator[Item]) -> list[str]:
...     return [item.source_line.__str__() if isinstance(item, Unknown) else "ok" for item in items]
>>> shout(iter([Unknown(source_line=3, text="?", reason="no importer knows it")]))
['3']

Importers stream: they hold a bounded state (``openssh``) or one record. They give items in the order of the file,
duplicates included (``event_id`` is there to find them), which is not always the order of time.

Not here: putting files in order of time, merging them, dropping duplicates (``lab``'s replay does), and any look-up.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol

import msgspec

from stepwarden.events.attempt import Attempt

SHOWN = 200
"""Characters of an unknown line that are kept."""


class Imported(msgspec.Struct, frozen=True, gc=False):
    """One attempt. ``time`` in microseconds since 1970 UTC; ``source_line`` 1-based line or record of ``source``.

    ``event_id`` is the vendor's own id of the event, or ``""``.
    """

    attempt: Attempt
    time: int
    source: str
    source_line: int
    event_id: str = ""


class Skipped(msgspec.Struct, frozen=True, gc=False):
    """Known, and no attempt. ``reason`` comes from a small fixed set, so that it can be counted."""

    reason: str


class Unknown(msgspec.Struct, frozen=True, gc=False):
    """What no importer knows; ``text`` is its beginning, escaped, and ``reason`` says what was wrong with it."""

    source_line: int
    text: str
    reason: str


Item = Imported | Skipped | Unknown


class Importer(Protocol):
    """One format. ``read`` takes the text in pieces of any size, and never raises anything but ``InputError``."""

    @property
    def name(self) -> str:
        """The name for ``--format``."""

    def read(self, blocks: Iterable[str], source: str) -> Iterator[Item]:
        """Each line or record of the text, in the order of the file."""


def shorten(text: str) -> str:
    """The beginning of a text, with control characters escaped, safe to print on a terminal."""
    beginning = text[:SHOWN]
    if not beginning.isprintable():
        beginning = beginning.encode("unicode_escape", "backslashreplace").decode("ascii")
    return beginning + ("…" if len(text) > SHOWN else "")
