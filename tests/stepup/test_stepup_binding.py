"""Bindings: one action, one hash."""

import json

import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.stepup.binding import binding, commitment, grant_hash

TEXT = st.text(max_size=8)
VALUES = st.one_of(TEXT, st.integers(-(2**53) + 1, 2**53 - 1), st.booleans())
PARAMETERS = st.dictionaries(TEXT, VALUES, max_size=4)
ACTIONS = st.tuples(TEXT, TEXT, TEXT, TEXT, PARAMETERS)


def _canonical(action: tuple[str, str, str, str, dict[str, object]]) -> bytes:
    return json.dumps([*action[:4], sorted((k, type(v).__name__, v) for k, v in action[4].items())]).encode()


@given(ACTIONS, ACTIONS)
def test_step_up_not_bound_to_the_action(one: tuple, other: tuple) -> None:  # type: ignore[type-arg]
    """Two actions have one binding exactly when they are the same: no field runs into the next."""
    assert (binding(*one) == binding(*other)) == (_canonical(one) == _canonical(other))


@given(st.tuples(TEXT, TEXT, TEXT, TEXT), st.integers(0, 3), st.text(min_size=1, max_size=1), PARAMETERS)
def test_one_character_more_anywhere_is_another_binding(
    fields: tuple[str, str, str, str], place: int, extra: str, parameters: dict[str, str | int | bool]
) -> None:
    """Each field counts, to the last character, and which field it stands in."""
    one, two, three, four = (text + extra * (place == at) for at, text in enumerate(fields))
    assert binding(*fields, parameters) != binding(one, two, three, four, parameters)


def test_true_and_one_are_different_parameters() -> None:
    """Python thinks them equal; an approval must not."""
    assert binding("a", "b", "c", "d", {"x": True}) != binding("a", "b", "c", "d", {"x": 1})
    assert binding("a", "b", "c", "d", {"x": "1"}) != binding("a", "b", "c", "d", {"x": 1})


def test_the_order_of_parameters_does_not_count() -> None:
    """Applications write maps in any order; none and an empty one are the same."""
    assert binding("a", "b", "c", "d", {"x": 1, "y": 2}) == binding("a", "b", "c", "d", {"y": 2, "x": 1})
    assert binding("a", "b", "c", "d", None) == binding("a", "b", "c", "d", {})


@given(ACTIONS)
def test_the_binding_is_over_rfc_8785_json(action: tuple) -> None:  # type: ignore[type-arg]
    """Another canonicaliser arrives at the same hash, so others can check our bindings."""
    from hashlib import sha256

    pairs = [list(pair) for pair in sorted(action[4].items())]
    try:
        text = rfc8785.dumps(["stepwarden binding v1", *action[:4], pairs])
    except rfc8785.CanonicalizationError:
        return
    assert binding(*action) == sha256(text).hexdigest()


def test_a_commitment_changes_with_each_of_its_parts() -> None:
    """Neither challenge, binding nor policy can be exchanged after the fact."""
    whole = commitment("c", "b", "p", "a")
    others = [("x", "b", "p", "a"), ("c", "x", "p", "a"), ("c", "b", "x", "a"), ("c", "b", "p", "x")]
    assert len({whole, *(commitment(*other) for other in others)}) == 5


@given(st.text(max_size=40))
def test_any_text_may_be_sent_as_a_grant(text: str) -> None:
    """Hashing a grant never raises, whatever the sender made up."""
    assert len(grant_hash(text)) == 64
