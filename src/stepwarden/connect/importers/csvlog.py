"""CSV with a mapping of columns, and Wiefling's RBA data set without one.

>>> log = ["when,who,where,result\\n2021-01-01 10:00:00,ann,192.0.2.7,denied\\n"]
>>> mapping = parse_mapping("time=when,user=who,ip=where,outcome=result")
>>> [item] = CsvLog(mapping).read(log, "log.csv")
>>> item.attempt.actor, item.attempt.outcome, item.source_line
('ann', 'failure', 2)

A mapping names, for fields of ours (``FIELDS``), the column that holds them; only ``time`` is needed. A row is an
attempt; without a column for it, the action is ``login`` and the outcome unknown. The columns ``Is Attack IP`` and
``Is Account Takeover`` of the RBA data set are labels: they are never read.
"""

from collections.abc import Iterable, Iterator, Mapping

from stepwarden.connect.importers.base import Imported, Item, Unknown, shorten
from stepwarden.connect.importers.clean import action, address, device, place, text
from stepwarden.connect.importers.csvrows import csv_rows
from stepwarden.connect.importers.times import parse_time
from stepwarden.errors import InputError
from stepwarden.events.attempt import Attempt, Outcome

FIELDS = (
    "time", "user", "ip", "outcome", "action", "session", "resource", "user_agent", "country", "region", "city",
    "latitude", "longitude", "asn", "device", "browser", "os", "device_type", "id",
)  # fmt: skip
RBA = {
    "time": "Login Timestamp",
    "user": "User ID",
    "ip": "IP Address",
    "country": "Country",
    "region": "Region",
    "city": "City",
    "asn": "ASN",
    "user_agent": "User Agent String",
    "browser": "Browser Name and Version",
    "os": "OS Name and Version",
    "device_type": "Device Type",
    "outcome": "Login Successful",
}
"""The header of Wiefling et al., "Pump up password security!" (ACM TOPS 2022), read without any mapping."""

_OUTCOMES: dict[str, Outcome] = {
    **dict.fromkeys(
        ("true", "1", "yes", "y", "t", "success", "successful", "succeeded", "ok", "allow", "allowed", "accepted",
         "granted", "pass", "passed", "0x0"), "success"
    ),
    **dict.fromkeys(
        ("false", "0", "no", "n", "f", "failure", "failed", "fail", "error", "denied", "deny", "rejected", "refused",
         "invalid", "blocked", "unsuccessful"), "failure"
    ),
}  # fmt: skip


def parse_mapping(text_: str) -> dict[str, str]:
    """``user=Login,ip=Client IP,time=When`` as a mapping from our fields to columns.

    Raises:
        InputError: a field is not ours, is named twice, or has no column.
    """
    mapping: dict[str, str] = {}
    for part in text_.split(","):
        field, equals, column = part.partition("=")
        field = {"actor": "user", "username": "user", "timestamp": "time"}.get(field.strip(), field.strip())
        if not equals or not column.strip():
            raise InputError(f"expected field=column, found {shorten(part)!r}", field=field)
        if field not in FIELDS:
            raise InputError(f"{shorten(field)!r} is none of {', '.join(FIELDS)}", field=field)
        if field in mapping:
            raise InputError(f"{field!r} is mapped twice", field=field)
        mapping[field] = column.strip()
    return mapping


class CsvLog:
    """The importer ``csv``. Without a mapping, that of the RBA data set is used."""

    name = "csv"

    def __init__(self, mapping: Mapping[str, str] | None = None) -> None:
        self._mapping = dict(mapping) if mapping else RBA

    def read(self, blocks: Iterable[str], source: str) -> Iterator[Item]:
        """Every row after the header.

        Raises:
            InputError: the header lacks a mapped column, or no column is mapped to ``time``.
        """
        if "time" not in self._mapping:
            raise InputError(
                "the mapping needs time=COLUMN: without it attempts cannot be put in order", field="time"
            )
        checked = False
        for number, row in csv_rows(iter(blocks)):
            if isinstance(row, str):
                yield Unknown(number, shorten(row), "a row that does not fit the header")
                continue
            if not checked:
                self._check(row)
                checked = True
            yield self._attempt(row, number, source)

    def _check(self, row: Mapping[str, str]) -> None:
        for field, column in self._mapping.items():
            if column not in row:
                known = ", ".join(map(shorten, list(row)[:40]))
                raise InputError(f"no column {shorten(column)!r}; the header has: {known}", field=field)

    def _attempt(self, row: Mapping[str, str], number: int, source: str) -> Item:
        cell = {field: row[column] for field, column in self._mapping.items()}
        time = parse_time(cell["time"])
        if time is None:
            return Unknown(number, shorten(",".join(row.values())), "no time that can be read")
        attempt = Attempt(
            action=_action(cell.get("action", "")),
            actor=text(cell.get("user")),
            resource=text(cell.get("resource"), 512),
            session=text(cell.get("session")),
            ip=address(cell.get("ip")),
            user_agent=text(cell.get("user_agent"), 2048),
            device=device(
                name=cell.get("device"),
                browser=cell.get("browser"),
                system=cell.get("os"),
                kind=cell.get("device_type"),
            ),
            place=place(
                country=cell.get("country"),
                region=cell.get("region"),
                city=cell.get("city"),
                latitude=cell.get("latitude"),
                longitude=cell.get("longitude"),
                asn=cell.get("asn"),
            ),
            outcome=_OUTCOMES.get(cell.get("outcome", "").strip().lower(), "unknown"),
        )
        return Imported(attempt, time, source, number, text(cell.get("id")))


def _action(value: str) -> str:
    """The column's own word, in our spelling; a sign-in by any of its usual names is ``login``."""
    word = value.strip().lower()
    if word in ("", "login", "logon", "signin", "sign-in", "sign_in", "log in", "sign in"):
        return "login"
    return (
        action("csv", value).removeprefix("csv.")
        if word[0].isalpha() and word.isascii()
        else action("csv", value)
    )
