"""JSON that applications write: one function for each application, which knows its records by their keys.

>>> convert(fold({"some": "record"})) is None
True
"""

from typing import Final

from stepwarden.connect.importers.clean import Folded, fold
from stepwarden.connect.importers.jsonlog import Converted, Converter

CONVERTERS: Final[tuple[Converter, ...]] = ()


def convert(record: Folded) -> Converted:
    """What the first application that knows the record makes of it; ``None`` where none does."""
    for one in CONVERTERS:
        found = one(record)
        if found is not None:
            return found
    return None


__all__ = ["CONVERTERS", "convert", "fold"]
