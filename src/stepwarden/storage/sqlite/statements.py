"""The SQL, by the name of its file in ``sql/``.

>>> statement("tile")
'SELECT hashes FROM tiles WHERE level = ? AND idx = ?'
"""

from functools import cache
from importlib.resources import files

from stepwarden.errors import StorageError


@cache
def statement(name: str) -> str:
    """The text of ``sql/<name>.sql``.

    Raises:
        StorageError: the installed package cannot be read.
    """
    try:
        return (files(__package__) / "sql" / f"{name}.sql").read_text(encoding="utf-8").strip()
    except OSError as exc:
        raise StorageError(
            f"{name}.sql of the installed package cannot be read ({exc.strerror}): check the disk, install it again"
        ) from exc
