"""The index knows each entry by its person: none that is about somebody is missed when they ask, or are erased."""

from typing import Any, get_args

import pytest
from hypothesis import find
from hypothesis import strategies as st

from stepwarden.events.entries import Entry
from stepwarden.flow.people import owner_tokens
from stepwarden.flow.rows import row_of
from tests.flow.log_streams import entry

KINDS = [kind for kind in get_args(Entry) if {"actor", "facts"} & set(kind.__struct_fields__)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_kind_is_found_by_its_person(kind: Any) -> None:
    """A kind that is added and forgotten here would be missing from exports, and would outlive an erasure."""
    made = find(
        st.integers(0, 1_000_000).flatmap(lambda _: entry(kind, 1_700_000_000_000_000, 3)),
        lambda one: bool(owner_tokens(one)[0]),
    )
    row = row_of(3, made)
    assert (row.idx, row.actor) == (3, owner_tokens(made)[0])
