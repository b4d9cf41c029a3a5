"""The country and network data that is installed with Stepwarden, as a table that is made once.

The table lies in the cache directory; its name holds the checksum of the data it was made from and the
version of the table's format, so another version of the package, or of ours, makes another. Making it takes
a few seconds in a process of its own.

Not here: how good the data is. It is old and coarse: see ``docs/address-data.md``.
"""

import subprocess
import sys
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from stepwarden.connect.lookups.table import Table
from stepwarden.errors import LookupDataError

PACKAGE = "geoip2fast"
DATA = "geoip2fast-asn-ipv6.dat.gz"
TABLE_VERSION = 1
_PATIENCE_SECONDS = 300


def installed_data() -> Path:
    """Where the package's data file is. The package itself is not imported.

    Raises:
        LookupDataError: the package, or its data file, is not installed.
    """
    found = find_spec(PACKAGE)
    for folder in (found.submodule_search_locations or ()) if found is not None else ():
        if (path := Path(folder) / DATA).is_file():
            return path
    raise LookupDataError(f"the package {PACKAGE} with its file {DATA} is not installed")


def open_builtin(cache: Path, source: Path | None = None) -> Table:
    """Open the table, making it if it is not there or damaged.

    Args:
        cache: a directory that we may write to; made if missing.
        source: the data file; by default the installed package's.

    Raises:
        LookupDataError: it can be neither read nor made.
    """
    source = source if source is not None else installed_data()
    try:
        checksum = sha256(source.read_bytes()).hexdigest()[:16]
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise LookupDataError(f"cannot read {source} or make {cache}: {exc.strerror}") from exc
    path = cache / f"networks-{checksum}-{TABLE_VERSION}.bin"
    if path.exists():
        try:
            return Table(path)
        except LookupDataError:
            path.unlink(missing_ok=True)
    _compile(source, path)
    return Table(path)


def _compile(source: Path, target: Path) -> None:
    # A process of its own: Python would keep most of the 300 MB that this takes for as long as it runs.
    command = [sys.executable, "-m", "stepwarden.connect.lookups.compile_builtin", str(source), str(target)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_PATIENCE_SECONDS)  # noqa: S603
    except subprocess.CalledProcessError as exc:
        last = (exc.stderr or "").strip().splitlines()[-1:]
        raise LookupDataError(f"cannot make {target}: {''.join(last) or 'no reason given'}") from exc
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise LookupDataError(f"cannot make {target}: {exc}") from exc
