"""The SQL, by the name of its file in ``sql/``.

>>> statement("tile")
'SELECT hashes FROM tiles WHERE level = ? AND idx = ?'
"""

from functools import cache
from importlib.resources import files


@cache
def statement(name: str) -> str:
    """The text of ``sql/<name>.sql``."""
    return (files(__package__) / "sql" / f"{name}.sql").read_text(encoding="utf-8").strip()
