"""The catalogue, its sparse spelling, its table in the documentation, and the records behind it."""

import doctest
import importlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.errors import InputError
from stepwarden.signals.catalogue import (
    CATALOGUE,
    DEFAULTS,
    POSITION,
    SignalSpec,
    Value,
    dense,
    sparse,
    table,
)
from stepwarden.signals.snapshot import FIELDS

DOC = Path(__file__).parents[2] / "docs" / "signals.md"


def values_of(spec: SignalSpec) -> st.SearchStrategy[Value]:
    if spec.type == "int":
        return st.integers(-1, 2**40)
    return st.booleans() if spec.type == "bool" else st.text(max_size=9)


@given(st.tuples(*[values_of(spec) for spec in CATALOGUE]))
def test_sparse_and_dense_are_each_others_inverse(values: tuple[Value, ...]) -> None:
    """What is left out of an entry is exactly what stands for itself."""
    written = sparse(values)
    assert dense(written) == values
    assert all(written[name] != DEFAULTS[POSITION[name]] for name in written)


def test_names_are_unique_and_defaults_have_their_type() -> None:
    assert len(POSITION) == len(CATALOGUE)
    for spec in CATALOGUE:
        assert type(spec.default).__name__ == spec.type
        assert spec.name.isidentifier()
        assert spec.doc.endswith(".")
        assert "|" not in spec.doc
        assert bool(spec.unit) == (spec.type == "int")


@pytest.mark.parametrize(
    "given", [{"no_such": 1}, {"new_device": 1}, {"actor_logins": True}, {"actor_logins": "1"}]
)
def test_a_value_under_a_wrong_name_or_type_is_refused(given: dict[str, int | str | bool]) -> None:
    """A case of a policy that misspells a signal must not pass by testing nothing."""
    with pytest.raises(InputError) as caught:
        dense(given)
    assert caught.value.field == next(iter(given))


def test_too_few_values_are_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="signals"):
        sparse(DEFAULTS[:-1])


def test_the_documentation_shows_the_catalogue() -> None:
    """docs/signals.md holds the table that the catalogue makes, to the letter."""
    assert table() in DOC.read_text(encoding="utf-8")


def test_every_slot_of_a_record_is_in_the_snapshot() -> None:
    """A field that a snapshot leaves out would change decisions after a restart."""
    for record, names in FIELDS.items():
        slots = {slot for kind in record.__mro__ for slot in getattr(kind, "__slots__", ())}
        assert slots == set(names), record


@pytest.mark.parametrize(
    "module", ["catalogue", "habits", "logarithm", "spraying", "state", "surprise", "travel", "windows"]
)
def test_the_examples_in_the_docstrings_run(module: str) -> None:
    found = doctest.testmod(importlib.import_module(f"stepwarden.signals.{module}"))
    assert found.attempted > 0
    assert found.failed == 0
