"""Address and agent look-ups from the settings.

The compact form of the installed address data is made once for each user of the machine, in their cache directory
(``XDG_CACHE_HOME``, else ``~/.cache``), or in the data directory where there is no home.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from stepwarden.app.settings import Settings
from stepwarden.connect.lookups.addresses import LISTED_KINDS, Addresses
from stepwarden.connect.lookups.agents import Agents
from stepwarden.connect.lookups.builtin import open_builtin
from stepwarden.connect.lookups.maxmind import Database
from stepwarden.connect.lookups.ranges import RangeList

REMEMBERED = 1_024
"""Answers kept by the look-ups themselves; whoever describes attempts keeps more."""


def cache_directory(environment: Mapping[str, str], fallback: Path) -> Path:
    """Where compiled data is kept; ``fallback`` where the user has no home to write to."""
    base = environment.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = Path(base)
    if not path.is_absolute():
        return fallback
    try:
        (path / "stepwarden").mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return fallback
    return path / "stepwarden"


def make_lookups(settings: Settings, fallback: Path) -> tuple[Addresses, Agents]:
    """Open what the settings name.

    Args:
        fallback: a directory for compiled data where the user has no cache directory.

    Raises:
        LookupDataError: a file is missing, damaged or of another format.
    """
    named = settings.addresses
    databases = [
        Database(Path(path))
        for path in (named.anonymous_db, named.city_db, named.country_db, named.asn_db)
        if path
    ]
    ranges = [RangeList.load(Path(path), kind) for kind in LISTED_KINDS for path in getattr(named, kind)]
    builtin = open_builtin(cache_directory(os.environ, fallback)) if named.builtin else None
    addresses = Addresses(databases=databases, ranges=ranges, builtin=builtin, remembered=REMEMBERED)
    return addresses, Agents(remembered=REMEMBERED)
