"""The head of a syslog line: when, which program, which process; what follows is the message.

>>> clock = Clock(year=2015, modified=0)
>>> head = parse_head("Dec 10 06:55:46 LabSZ sshd[24200]: Invalid user webmaster from 173.234.31.186", clock)
>>> head.program, head.pid, head.message[:12], head.time
('sshd', '24200', 'Invalid user', 1449730546000000)
>>> parse_head("2026-03-01T10:00:00.5+02:00 web sshd[7]: x", clock).time
1772352000500000
>>> parse_head("<38>1 2026-03-01T08:00:00Z web sshd 7 - - x", clock).program
'sshd'

Three spellings: the traditional one (RFC 3164), which has no year and no zone; the ISO time that rsyslog and
``journalctl -o short-iso`` write; RFC 5424. A priority (``<38>``) may stand in front.

**The year.** Given, it is the year of the first line; otherwise the file's last modification is taken for the time
of its last lines: dates up to two days after it are of that year, later ones of the year before. In both cases a log
that steps back by more than half a year has passed New Year, and one that steps forward by as much (older lines
follow) has gone back over it. Times without zone are UTC.
"""

import re
from datetime import UTC, datetime

import msgspec

from stepwarden.connect.importers.times import parse_time

MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), start=1
    )
}
_TAG = re.compile(r"([^\s\[\]:]{1,64})(?:\[([^\]\s]{1,32})\])?:? ?")
_RFC5424 = re.compile(
    r"(?:<\d{1,3}>)?1 (\S+) (\S+) (\S+) (\S+) \S+ (?:-|(?:\[(?:[^\]\\]|\\.)*\])+) ?(?:\ufeff)?", re.DOTALL
)
_PRIORITY = re.compile(r"<\d{1,3}>")
_HALF_YEAR = 183 * 86_400
_TWO_DAYS = 2 * 86_400


class Head(msgspec.Struct, frozen=True, gc=False):
    """One line, taken apart. ``pid`` is ``""`` where the line has none; ``time`` in microseconds since 1970."""

    time: int
    host: str
    program: str
    pid: str
    message: str


class Clock:
    """Turns ``Dec 10 06:55:46`` into a time. ``modified``: the file's mtime, seconds.

    ``stamp`` and ``time`` are those of the last line: lines of one second need not be read again.
    """

    def __init__(self, *, year: int | None, modified: float) -> None:
        if year is not None and not 1970 <= year <= 2199:
            raise ValueError("year must be 1970..2199")
        self._year = year
        self._modified = min(max(modified, 0.0), 7_000_000_000.0)
        self._last = 0
        self._seconds: dict[str, int] = {}
        self.stamp = ""
        self.time = 0

    def read(self, stamp: str) -> int | None:
        """The time of a 15-character stamp, or ``None`` if it is none."""
        minute = self._seconds.get(stamp[:12])
        if minute is None:
            minute = self._minute(stamp[:12])
            if minute is None:
                return None
        second = stamp[13:15]
        if stamp[12] != ":" or not second.isdigit() or not second.isascii() or second > "60":
            return None
        self.stamp = stamp
        self.time = (minute + int(second)) * 1_000_000
        return self.time

    def _minute(self, text: str) -> int | None:
        month = MONTHS.get(text[:3])
        day, hour, minute = text[4:6].strip(), text[7:9], text[10:12]
        if month is None or text[3] + text[6] + text[9:10] != "  :" or not (day + hour + minute).isdecimal():
            return None
        year = self._year or self._guess(month, int(day))
        for candidate in (year, year - 1, year + 1):
            # 29 February exists only in some years: a wrong guess is corrected by the calendar
            try:
                found = int(
                    datetime(candidate, month, int(day), int(hour), int(minute), tzinfo=UTC).timestamp()
                )
                break
            except ValueError:
                continue
        else:
            return None
        if len(self._seconds) >= 64:
            self._seconds.clear()
        if self._last and (turned := self._turned(found)) is not None:
            self._seconds.clear()
            found = turned
        self._year = datetime.fromtimestamp(found, UTC).year
        self._last = found
        self._seconds[text] = found
        return found

    def _guess(self, month: int, day: int) -> int:
        end = datetime.fromtimestamp(self._modified + _TWO_DAYS, UTC)
        return end.year if (month, day) <= (end.month, end.day) else end.year - 1

    def _turned(self, found: int) -> int | None:
        """The time in the next or last year, where this one would be a jump of more than half a year."""
        step = found - self._last
        if abs(step) <= _HALF_YEAR:
            return None
        moment = datetime.fromtimestamp(found, UTC)
        try:
            return int(moment.replace(year=moment.year + (1 if step < 0 else -1)).timestamp())
        except ValueError:
            return None


def parse_head(line: str, clock: Clock) -> Head | None:
    """A syslog line, taken apart; ``None`` if it is none."""
    if line[3:4] == " " and line[15:16] == " ":
        stamp = line[:15]
        time = clock.time if stamp == clock.stamp else clock.read(stamp)
        # nearly every line: host, program[pid]: message; what differs goes the long way
        after_host = line.find(" ", 16)
        bracket = line.find("]: ", after_host)
        tag = line[after_host + 1 : bracket]
        if time is not None and bracket > after_host > 16 and " " not in tag:
            program, _, pid = tag.partition("[")
            return Head(time, line[16:after_host], program, pid, line[bracket + 3 :])
    return _long_way(line, clock)


def _long_way(line: str, clock: Clock) -> Head | None:
    if line[:1] == "<":
        if (found := _RFC5424.match(line)) is not None:
            return _rfc5424(line, found)
        if (priority := _PRIORITY.match(line)) is not None:
            line = line[priority.end() :]
    if line[3:4] == " ":
        time = clock.read(line[:15])
        rest = line[16:]
        if line[15:16] != " ":
            return None
    else:
        if line[:2] == "1 " and (found := _RFC5424.match(line)) is not None:
            return _rfc5424(line, found)
        stamp, _, rest = line.partition(" ")
        if len(stamp) < 19 or not stamp[:4].isdigit():
            return None
        time = parse_time(stamp)
    if time is None:
        return None
    host, _, rest = rest.partition(" ")
    return _tagged(time, host, rest)


def _tagged(time: int, host: str, rest: str) -> Head | None:
    tag, colon, message = rest.partition(": ")
    if colon and tag[-1:] == "]" and " " not in tag:
        program, _, pid = tag[:-1].partition("[")
        return Head(time, host, program, pid, message)
    found = _TAG.match(rest)
    if found is None:
        return None
    return Head(time, host, found[1], found[2] or "", rest[found.end() :].lstrip(" "))


def _rfc5424(line: str, found: re.Match[str]) -> Head | None:
    time = parse_time(found[1])
    if time is None:
        return None
    pid = "" if found[4] == "-" else found[4]
    return Head(time, found[2], found[3], pid, line[found.end() :])
