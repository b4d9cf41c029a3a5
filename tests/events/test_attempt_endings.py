"""Every text of an attempt is looked at to its very end: a last newline is a control character like any other."""

import msgspec
import pytest

from stepwarden.errors import InputError
from stepwarden.events.attempt import Attempt
from stepwarden.gateway.strictjson import Reader

FIELDS = ["action", "actor", "resource", "session", "user_agent", "grant"]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x00", "\u2028", "\x85"])
def test_attack_a_last_newline_makes_another_action_or_person(field: str, end: str) -> None:
    """An action "transfer" and a newline would be none that the policy names, and so ask for less."""
    sent = {"action": "transfer", field: "transfer" + end}
    with pytest.raises(InputError):
        Reader(Attempt).read(msgspec.json.encode(sent))


def test_attack_a_last_newline_in_what_is_nested() -> None:
    """In a parameter, a device, a place."""
    for more in ({"parameters": {"to": "x\n"}}, {"device": {"id": "x\n"}}, {"place": {"country": "DE\n"}}):
        with pytest.raises(InputError):
            Reader(Attempt).read(msgspec.json.encode({"action": "transfer"} | more))
    assert (
        Reader(Attempt).read(b'{"action":"transfer","actor":"ann","place":{"country":"DE"}}').actor == "ann"
    )
