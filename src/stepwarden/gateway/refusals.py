"""Which refusals become exception entries in the log, and with which words.

* A caller with a valid key: every refusal of what it sent is an entry, one for one. It could fill the log with
  attempts as well; what bounds both is the queue, which answers ``service.busy``.
* A caller without one could send millions of requests from anywhere, so those are counted in ``/metrics`` and
  sampled: the first is an entry at once, then at most one entry in 60 seconds, saying how many there were
  since the one before. One such entry a minute, 1,440 a day, whatever arrives.
* ``service.busy`` cannot be recorded (there is no room) and is only counted.
* Challenge errors, and messages that could not be handed over, are entries of their own kind already, written where
  it happened.

An entry's text must not become a way to write into the log: ``where`` is the name of an operation, ``code`` ours,
``field`` a path of known names, and ``detail`` is cut before the first quoted word, because only between quotes
do our messages repeat what the sender wrote. So no personal value and no control sequence gets in.

>>> loggable('unknown field "alice@example.com"')
'unknown field'
"""

import re

from stepwarden.errors import (
    BusyError,
    ChallengeError,
    CourierError,
    InputError,
    StepwardenError,
    UnauthenticatedError,
)
from stepwarden.gateway.problems import TITLES, printable
from stepwarden.gateway.service import Service

SAMPLE_SECONDS = 60.0
_QUOTE = re.compile(r"""["'“‘«]""")


def loggable(text: str) -> str:
    """The part of a message that repeats nothing of what was sent."""
    return printable(_QUOTE.split(text, maxsplit=1)[0].strip(), 200)


class Refusals:
    """Turns errors into exception entries; holds the sampling of those without a key."""

    __slots__ = ("_last", "_skipped")

    def __init__(self) -> None:
        self._last: float | None = None
        self._skipped = 0

    async def log(self, service: Service, error: Exception, *, where: str, by: str, now: float) -> None:
        """Write the entry, if this error gets one.

        Args:
            by: id of the key; empty for a caller without a valid one.
            now: monotonic seconds.

        Raises:
            BusyError: there is no room for it; the caller is told to come back.
        """
        if isinstance(error, BusyError | ChallengeError | CourierError):
            return
        if by:
            code, detail, field = _words(error)
            await service.exception(code, where, detail, field, by)
            return
        if not isinstance(error, UnauthenticatedError):
            return
        if self._last is not None and now - self._last < SAMPLE_SECONDS:
            self._skipped += 1
            return
        count, self._skipped, self._last = self._skipped + 1, 0, now
        detail = f"{count} requests without a valid key since the last such entry"
        await service.exception(error.code, where, detail, "", "unauthenticated")


def _words(error: Exception) -> tuple[str, str, str]:
    if not isinstance(error, StepwardenError):
        # The class says enough to search for; the message could hold anything.
        return "internal.error", type(error).__name__, ""
    if isinstance(error, InputError):
        return error.code, loggable(str(error)), printable(error.field, 128)
    return error.code, TITLES.get(error.code, (500, ""))[1], ""
