"""Which format a log file has, and its attempts: the one way in for everything that reads logs.

>>> import pathlib, tempfile
>>> file = pathlib.Path(tempfile.mkdtemp()) / "auth.log"
>>> _ = file.write_text("Dec 10 09:32:20 web sshd[7]: Accepted password for ann from 192.0.2.7 port 4 ssh2\\n")
>>> detect(file)
'openssh'
>>> [item.attempt.actor for item in open_log(file, year=2015) if isinstance(item, Imported)]
['ann']

A file may be packed by gzip, or be a zip archive of such files; UTF-8, UTF-16 or Latin-1. The format is told from the
beginning of the text alone, never from the file's name. JSON is what the first importer that knows one of its first
records says; text is Keycloak's if one of the first lines is; an application's if one of them says how a sign-in ended;
else syslog if one is.
"""

import os
from collections.abc import Iterator, Mapping
from itertools import islice

from stepwarden.connect.importers import cloudtrail, entra, google, keycloak, m365, okta, windows
from stepwarden.connect.importers.applications import records
from stepwarden.connect.importers.applications.importer import Applications
from stepwarden.connect.importers.applications.reader import says_a_sign_in
from stepwarden.connect.importers.base import Imported, Importer, Item, Skipped, Unknown
from stepwarden.connect.importers.clean import fold
from stepwarden.connect.importers.csvlog import RBA, CsvLog
from stepwarden.connect.importers.csvrows import separator_of
from stepwarden.connect.importers.jsonlines import JsonLines
from stepwarden.connect.importers.jsonlog import Converter
from stepwarden.connect.importers.jsonrecords import read_records
from stepwarden.connect.importers.openssh import SYSTEM, OpenSSH
from stepwarden.connect.importers.reading import SPACE, Member, lines, members
from stepwarden.connect.importers.syslog import Clock, parse_head
from stepwarden.connect.importers.windowsxml import is_xml
from stepwarden.errors import InputError, UnknownFormatError

__all__ = ["FORMATS", "Imported", "Item", "Skipped", "Unknown", "detect", "open_log"]

FORMATS: dict[str, str] = {
    "openssh": "OpenSSH, PAM, su and sudo in syslog or journald text (auth.log, secure)",
    "m365": "Microsoft 365 unified audit log: JSON, JSON lines, or CSV with the column AuditData",
    "entra": "Entra ID sign-ins: Microsoft Graph, Log Analytics or Azure Monitor JSON",
    "cloudtrail": "AWS CloudTrail: log files, single events, JSON lines, lookup-events",
    "okta": "Okta system log: JSON array or JSON lines",
    "google": "Google Workspace Reports API activities: JSON",
    "windows": "Windows Security events: JSON of NXLog, Winlogbeat, evtx_dump; XML",
    "keycloak": "Keycloak events: listener JSON, admin REST JSON, or the server's text log",
    "applications": "logs of applications that you host: Authelia, Vaultwarden, Dovecot and many more",
    "stepwarden": "Stepwarden's own JSON lines: the fields of an attempt and a time",
    "csv": "CSV with --map time=COLUMN,user=COLUMN,...; the RBA data set needs no mapping",
}
"""The names for ``--format``, each with what it reads."""

_CONVERTERS: dict[str, Converter] = {
    "cloudtrail": cloudtrail.convert,
    "m365": m365.convert,
    "okta": okta.convert,
    "google": google.convert,
    "entra": entra.convert,
    "windows": windows.convert,
    "keycloak": keycloak.convert,
    "applications": records.convert,
}
_LOOKED_AT = 50
_SECOND_LOOK = 1 << 21


def detect(path: str | os.PathLike[str]) -> str:
    """The name of the file's format; of an archive, that of its first file.

    Raises:
        UnknownFormatError: it has none of ``FORMATS``.
        InputError: it cannot be read.
    """
    found = members(path)
    if not found:
        raise UnknownFormatError(f"{os.fspath(path)} is an archive without files")
    return _detect(found[0])


def open_log(
    path: str | os.PathLike[str],
    *,
    format: str = "",  # noqa: A002 - the name of the option that it holds
    mapping: Mapping[str, str] | None = None,
    year: int | None = None,
) -> Iterator[Item]:
    """What is in a log file, in its order, in constant memory. The format is settled before this returns.

    Args:
        format: one of ``FORMATS``; ``""`` to detect it. A ``mapping`` alone means ``csv``.
        mapping: for ``csv``, columns by our fields (``csvlog.parse_mapping``).
        year: for ``openssh``, the year of the first line, 1970..2199; ``None`` takes it from the file's mtime.

    Raises:
        UnknownFormatError: no such format, or none that fits.
        InputError: the file cannot be read; while iterating, that it cannot be read on.
    """
    if format and format not in FORMATS:
        raise UnknownFormatError(f"no format {format!r}; {_known()}", field="format")
    if year is not None and not 1970 <= year <= 2199:
        raise InputError("the year must be 1970..2199", field="year")
    chosen = format or ("csv" if mapping else "")
    found = members(path)
    if not found:
        raise UnknownFormatError(f"{os.fspath(path)} is an archive without files")
    planned = [(member, chosen or _detect(member)) for member in found]
    return _read(planned, mapping, year)


def _read(
    planned: list[tuple[Member, str]], mapping: Mapping[str, str] | None, year: int | None
) -> Iterator[Item]:
    for member, name in planned:
        yield from importer(name, mapping=mapping, year=year, modified=member.modified).read(
            member.blocks(), member.name
        )


def importer(
    name: str, *, mapping: Mapping[str, str] | None = None, year: int | None = None, modified: float = 0.0
) -> Importer:
    """The importer of a format.

    Raises:
        UnknownFormatError: no such format.
    """
    match name:
        case "openssh":
            return OpenSSH(year=year, modified=modified)
        case "m365":
            return m365.M365()
        case "entra":
            return entra.Entra()
        case "cloudtrail":
            return cloudtrail.CloudTrail()
        case "okta":
            return okta.Okta()
        case "google":
            return google.Google()
        case "windows":
            return windows.Windows()
        case "applications":
            return Applications(year=year, modified=modified)
        case "keycloak":
            return keycloak.Keycloak()
        case "stepwarden":
            return JsonLines()
        case "csv":
            return CsvLog(mapping)
        case _:
            raise UnknownFormatError(f"no format {name!r}; {_known()}", field="format")


def _known() -> str:
    return f"the formats are {', '.join(FORMATS)}; choose one with --format"


def _detect(member: Member) -> str:
    start = member.sample()
    if not start.strip(SPACE):
        raise UnknownFormatError(f"{member.name} is empty", field=member.name)
    found = ""
    if start.lstrip(SPACE)[0] in "{[":
        # a single record may be longer than the first sample
        found = _json_format(start) or _json_format(member.sample(_SECOND_LOOK))
    # a line of text, too, may begin with a bracket
    found = found or _text_format(start)
    if not found:
        raise UnknownFormatError(f"cannot tell the format of {member.name}: {_known()}", field=member.name)
    return found


def _json_format(start: str) -> str:
    ours = False
    for _, record in islice(read_records([start]), _LOOKED_AT):
        if isinstance(record, str):
            continue
        folded = fold(record)
        for name, convert in _CONVERTERS.items():
            try:
                known = convert(folded) is not None
            except InputError:
                known = True
            if known:
                return name
        ours = ours or {"action", "time"} <= record.keys()
    return "stepwarden" if ours else ""


def _text_format(start: str) -> str:
    if is_xml(start):
        return "windows"
    beginning = list(islice(lines([start]), _LOOKED_AT))
    header = next((line.strip(SPACE) for line in beginning if line.strip(SPACE) and line[0] != "#"), "")
    columns = {cell.strip(' "').lower() for cell in header.split(separator_of(header))}
    if "auditdata" in columns:
        return "m365"
    if {column.lower() for column in RBA.values()} <= columns:
        return "csv"
    if any(keycloak.is_event(line) for line in beginning):
        return "keycloak"
    clock = Clock(year=2000, modified=0)
    heads = [head for line in beginning if (head := parse_head(line, clock)) is not None]
    if any(head.program in SYSTEM for head in heads):
        return "openssh"
    if any(says_a_sign_in(line) for line in beginning):
        return "applications"
    return "openssh" if heads else ""
