"""The first point in time in a line, in the many ways that applications write it.

>>> stamps = Stamps(Clock(year=2024, modified=0))
>>> first = stamps.first("[2024-05-02 10:00:00,250] WARN login failed")
>>> first == stamps.first("2024/05/02 10:00:00.25 [error] login failed")
True
>>> first == stamps.first("[02/May/2024:12:00:00 +0200] x") + 250_000 == stamps.first("[Thu May 02 10:00:00.25 2024] x")
True
>>> stamps.first("[May  2 10:00:00] x") == stamps.first("date=2024-05-02 time=12:00:00 tz=+0200") == first - 250_000
True
>>> stamps.first("[GIN] 2024/05/02 - 10:00:00 |") == stamps.first("5/2/2024, 10:00:00\\u202fAM x") == first - 250_000
True
>>> stamps.first("05/02/24, 10:00:00 AM MST.25 x") == first - 250_000
True
>>> stamps.first("  Auth: x at [Thu, 02 May 2024 10:00:00.250000 UTC]") == first
True
>>> stamps.first("May 2 10:00:00 x") == stamps.read("2/May/2024:10:00:00 +0000") == stamps.read("1714644000")
True
>>> stamps.first("no time at all") is None
True

The leftmost counts: what stands behind may be part of a name, which the attacker chooses. A time without a zone is UTC;
one without a year is of the year that ``Clock`` takes it for.
"""

import re
from typing import Final

from stepwarden.connect.importers.syslog import MONTHS, Clock
from stepwarden.connect.importers.times import parse_time

WITHIN: Final = 256
"""Characters from the beginning of a line in which a time is looked for."""
_MONTH: Final = "|".join(MONTHS)
_CLOCK: Final = r"\d\d:\d\d:\d\d"
_STAMP: Final = re.compile(
    rf"date=(?P<fdate>\d{{4}}-\d\d-\d\d),? time=(?P<ftime>{_CLOCK})(?:.{{0,128}}? tz=\"?(?P<fzone>[+-]\d{{4}}))?"
    rf"|(?P<iso>\d{{4}}[-/]\d\d[-/]\d\d(?:[T ]|  |, | - ){_CLOCK[:2]}?\d:\d\d:\d\d)(?P<fraction>[.,]\d{{1,9}})?"
    rf"(?P<zone>Z| ?[+-]\d\d:?\d\d(?!\d))?"
    rf"|(?P<cday>\d\d?)/(?P<cmonth>{_MONTH})/(?P<cyear>\d{{4}})[: ](?P<cclock>{_CLOCK})(?P<czone> [+-]\d{{4}})?"
    rf"|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (?P<umonth>{_MONTH}) (?P<uday>[ \d]?\d) (?P<uclock>{_CLOCK})"
    rf"(?P<ufraction>\.\d{{1,9}})? (?P<uyear>\d{{4}})"
    rf"|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (?P<rday>\d\d?) (?P<rmonth>{_MONTH}) (?P<ryear>\d{{4}}) (?P<rclock>{_CLOCK})"
    rf"(?P<rfraction>\.\d{{1,9}})?(?P<rzone> [+-]\d{{4}})?"
    rf"|(?P<bare>(?P<bmonth>{_MONTH}) (?P<bday>[ \d]?\d) (?P<bclock>{_CLOCK}))"
    r"|(?P<us>\d\d?/\d\d?/\d{4},? \d\d?:\d\d:\d\d(?:[ \u202f][AP]M)?)"
    r"|(?P<short>\d\d?/\d\d?/\d\d, \d\d?:\d\d:\d\d[ \u202f][AP]M)"
    rf"|(?P<smonth>\d\d)/(?P<sday>\d\d)/(?P<syear>\d\d) (?P<sclock>{_CLOCK})(?P<sfraction>\.\d{{1,9}})?"
)


class Stamps:
    """Of one file; ``clock`` knows what year its lines are of."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def first(self, line: str) -> int | None:
        """The first time in the beginning of the line, in microseconds since 1970; ``None`` where there is none."""
        found = _STAMP.search(line, 0, WITHIN)
        if found is None:
            return None
        if found["bare"] is not None:
            return self._clock.read(f"{found['bmonth']} {found['bday']:>2} {found['bclock']}")
        return parse_time(_spelled(found))

    def read(self, text: str) -> int | None:
        """The point in time that a text is: one that ``parse_time`` reads, or of the styles of ``first``."""
        return parse_time(text) or self.first(text)


def _spelled(found: re.Match[str]) -> str:
    """As ``parse_time`` reads it."""
    if found["us"] is not None:
        return found["us"].replace("\u202f", " ")
    if found["short"] is not None:
        day, _, clock = found["short"].replace("\u202f", " ").partition(", ")
        return f"{day[:-2]}20{day[-2:]}, {clock}"
    if found["fdate"] is not None:
        return f"{found['fdate']}T{found['ftime']}{found['fzone'] or ''}"
    if found["iso"] is not None:
        day, clock = found["iso"][:10].replace("/", "-"), found["iso"][10:].lstrip("T, -")
        fraction = (found["fraction"] or "").replace(",", ".")[:7]
        return f"{day}T{clock.rjust(8, '0')}{fraction}{(found['zone'] or '').strip()}"
    if found["cyear"] is not None:
        return (
            _iso(found["cyear"], MONTHS[found["cmonth"]], found["cday"], found["cclock"])
            + (found["czone"] or "").strip()
        )
    if found["ryear"] is not None:
        return (
            _iso(found["ryear"], MONTHS[found["rmonth"]], found["rday"], found["rclock"])
            + (found["rfraction"] or "")[:7]
            + (found["rzone"] or "").strip()
        )
    if found["uyear"] is not None:
        return (
            _iso(found["uyear"], MONTHS[found["umonth"]], found["uday"], found["uclock"])
            + (found["ufraction"] or "")[:7]
        )
    return (
        _iso(f"20{found['syear']}", int(found["smonth"]), found["sday"], found["sclock"])
        + (found["sfraction"] or "")[:7]
    )


def _iso(year: str, month: int, day: str, clock: str) -> str:
    return f"{year}-{month:02}-{int(day):02}T{clock}"
