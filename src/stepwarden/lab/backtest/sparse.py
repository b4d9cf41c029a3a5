"""Signals as they are recorded, sparsely, to whole columns: what is not written down is the default."""

from array import array
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import polars as pl

from stepwarden.signals.catalogue import CATALOGUE

CUSTOM: Final = "custom."
"""Stands before the name of a signal that a policy defines, so that none can hide a column of ours."""
_TYPES: Final[dict[str, Any]] = {"int": pl.Int64, "bool": pl.Boolean, "str": pl.String}
_BUILT_IN: Final = {spec.name: spec for spec in CATALOGUE}


class Sparse:
    """Of each signal the rows where it was recorded, and its values there."""

    def __init__(self) -> None:
        self._places: dict[str, array[int]] = {}
        self._values: dict[str, list[Any]] = {}

    def add(self, row: int, signals: dict[str, int | str | bool]) -> None:
        """What the entry of this row records."""
        for name, value in signals.items():
            places = self._places.get(name)
            if places is None:
                places = self._places[name] = array("q")
                self._values[name] = []
            places.append(row)
            self._values[name].append(value)

    def columns(self, rows: int, custom: Mapping[str, int | bool | str]) -> list[pl.Series]:
        """One for each built-in signal, for each of ``custom`` (name and default), and for others that were recorded.

        A name that two policies used for signals of different types is left out.
        """
        found = [self._column(spec.name, spec.name, spec.default, rows) for spec in CATALOGUE]
        defaults = {name: type(values[0])() for name, values in self._values.items() if name not in _BUILT_IN}
        for name, default in (defaults | dict(custom)).items():
            kinds = {type(value) for value in self._values.get(name, ())}
            if kinds <= {type(default)}:
                found.append(self._column(CUSTOM + name, name, default, rows))
        return found

    def _column(self, column: str, name: str, default: int | bool | str, rows: int) -> pl.Series:
        kind = _TYPES[type(default).__name__]
        if isinstance(default, str):
            texts = [default] * rows
            for place, value in zip(self._places.get(name, ()), self._values.get(name, ()), strict=True):
                texts[place] = value
            return pl.Series(column, texts, kind)
        values = np.full(rows, default)
        if name in self._places:
            values[np.frombuffer(self._places[name], np.int64)] = self._values[name]
        return pl.Series(column, values, kind)
