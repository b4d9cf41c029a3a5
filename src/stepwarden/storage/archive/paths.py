"""Which paths an archive takes: relative, plain, and with no way out of it.

>>> check_path("tile/0/x001/234.p/17")
'tile/0/x001/234.p/17'
>>> check_path("../keys/ledger.key")
Traceback (most recent call last):
...
stepwarden.errors.ArchiveError: not the path of a file in an archive: '../keys/ledger.key'
"""

import re

from stepwarden.errors import ArchiveError

_PATH = re.compile(r"[a-z0-9][a-z0-9.]{0,63}(?:/[a-z0-9][a-z0-9.]{0,63}){0,11}")


def check_path(path: str) -> str:
    """Return the path.

    Raises:
        ArchiveError: it is none of an archive.
    """
    if _PATH.fullmatch(path) is None:
        raise ArchiveError(f"not the path of a file in an archive: {path!r}")
    return path
