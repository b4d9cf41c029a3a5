"""Identity providers and password managers: who signed in, from where, and whatever a name holds."""

import pytest

from tests.connect.applications_house import Example, holds, one

EXAMPLES = (
    Example(
        "Authelia",
        'time="2024-02-14T13:47:54+02:00" level=error msg="Unsuccessful 1FA authentication attempt by user '
        "'ann': user not found\" method=POST path=/api/firstfactor remote_ip=192.0.2.7",
        "ann",
        "192.0.2.7",
    ),
    Example(
        "Vaultwarden",
        "[2024-02-03 16:10:11.219][vaultwarden::api::identity][ERROR] Username or password is incorrect. "
        "Try again. IP: 2001:db8::7. Username: ann@example.com.",
        "ann@example.com",
        "2001:db8::7",
    ),
)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.application} {example.outcome}")
def test_a_line_says_who_from_where_and_how_it_ended(example: Example) -> None:
    holds(example)


def test_attack_a_name_that_holds_an_address_moves_nothing() -> None:
    """What an application writes behind the name is its own: the last address counts."""
    name = "x': user not found\" method=POST path=/api/firstfactor remote_ip=198.51.100.1"
    line = (
        f'time="2024-02-14T13:47:54+02:00" level=error msg="Unsuccessful 1FA authentication attempt by user '
        f"'{name}': user not found\" method=POST path=/api/firstfactor remote_ip=192.0.2.7"
    )
    found = one(line).attempt
    assert (found.ip, found.actor) == ("192.0.2.7", name)
