"""JSON records of applications: who signed in, from where, how it ended, and whatever a name holds."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.connect.detect import _CONVERTERS, detect, importer
from stepwarden.connect.importers.applications.records import CONVERTERS, convert
from stepwarden.connect.importers.base import Imported, Item, Skipped, Unknown
from stepwarden.connect.importers.clean import fold
from stepwarden.errors import InputError
from stepwarden.events.attempt import Attempt
from tests.connect import importer_house
from tests.connect.records_house import (
    AUTHENTIK,
    AUTHENTIK_NOBODY,
    EXAMPLES,
    GITLAB_WORDS,
    MONGODB,
    MONGODB_NEWER,
    NEXTCLOUD,
    OTHERS,
    SFTPGO,
    SFTPGO_PASSED,
    SHELF,
    TELEPORT,
    Example,
    Json,
)


def read(*records: object) -> list[Item]:
    """The records as JSON lines."""
    return importer_house.read("applications", *records)


def one(record: object) -> Imported:
    """The only attempt of a record."""
    return importer_house.one("applications", record)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: f"{one.application} {one.action} {one.outcome}")
def test_a_record_says_who_from_where_and_how_it_ended(example: Example) -> None:
    found = one(example.record)
    attempt = found.attempt
    assert (attempt.resource, attempt.actor, attempt.ip) == (example.application, example.user, "192.0.2.7")
    assert (attempt.outcome, attempt.action, attempt.proved) == (
        example.outcome,
        example.action,
        example.proved,
    )
    assert found.time == 1_714_644_000_250_000


@pytest.mark.parametrize(
    "record", OTHERS, ids=lambda one: str(one.get("message") or one.get("event") or one)[:60]
)
def test_what_is_no_sign_in_is_skipped(record: Json) -> None:
    [item] = read(record)
    assert item == Skipped("another message of an application")


@pytest.mark.parametrize(
    "record", [*(example.record for example in EXAMPLES), *OTHERS], ids=lambda one: str(one)[:60]
)
def test_a_record_is_of_one_application_and_of_no_other_format(record: Json, tmp_path: Path) -> None:
    folded = fold(json.loads(json.dumps(record)))

    def knows(converter: object) -> bool:
        assert callable(converter)
        try:
            return converter(folded) is not None
        except InputError:
            return True

    assert sum(map(knows, CONVERTERS)) == 1
    assert [name for name, converter in _CONVERTERS.items() if knows(converter)] == ["applications"]
    log = tmp_path / "app.log"
    log.write_text(json.dumps(record) + "\n")
    assert detect(log) == "applications"


@pytest.mark.parametrize(
    "record",
    [
        importer_house.M365,
        importer_house.ENTRA,
        importer_house.TRAIL,
        {"action": "login", "time": "2024-05-02T10:00:00Z", "actor": "ann", "ip": "192.0.2.7"},
        {"level": "info", "time": "2024-05-02T10:00:00Z", "message": "Login failed: ann"},
        {"event": "user.login", "code": "200", "time": "2024-05-02T10:00:00Z", "uid": "7"},
    ],
)
def test_other_formats_records_are_left_alone(record: Json) -> None:
    assert convert(fold(record)) is None


def test_a_place_and_a_browser_that_the_application_knows_are_kept() -> None:
    attempt = one(AUTHENTIK).attempt
    assert attempt.place is not None
    assert (attempt.place.country, attempt.place.city, attempt.place.asn) == ("BE", "Liege", "64500")
    assert attempt.user_agent == "UA/1"


def test_an_address_that_authentik_could_not_tell_is_none() -> None:
    assert one(AUTHENTIK | {"client_ip": "255.255.255.255"}).attempt.ip == ""


def test_what_the_servers_of_a_cluster_do_among_each_other_is_skipped_unless_it_fails() -> None:
    internal = MONGODB_NEWER | {
        "attr": {"client": "192.0.2.7:1", "user": "__system", "isClusterMember": True}
    }
    assert isinstance(read(internal)[0], Skipped)
    assert one(internal | {"id": 5286307}).attempt.actor == "__system"
    given_up = MONGODB | {"attr": {"principalName": "ann", "error": "AuthenticationAbandoned: gone"}}
    assert isinstance(read(given_up)[0], Skipped)


def test_a_record_without_a_time_is_unknown() -> None:
    for example in EXAMPLES:
        times = ("time", "timestamp", "created", "ts", "t")
        broken = example.record | {name: "yesterday" for name in times if name in example.record}
        [item] = read(broken)
        assert isinstance(item, Unknown), example


NAMES = (
    "x (Remote IP: 198.51.100.1)",
    "x' (Remote IP: '198.51.100.1')",
    'x" from ip 198.51.100.1 (Invalid password)',
    "x ip=198.51.100.1",
    'x" logged in from ip 198.51.100.1',
    'x" logged in with "password", from ip "198.51.100.1", client version "y"',
    "a\nb",
    "198.51.100.1",
    "",
)


@pytest.mark.parametrize("name", NAMES)
def test_attack_a_name_that_holds_the_words_that_follow_it_moves_no_address(name: str) -> None:
    """Who signs in chooses the name; what stands behind it is the service's."""

    def attempt(record: Json) -> Attempt:
        return one(record).attempt

    shown = name.replace("\n", "\\x0a")
    for record in (
        NEXTCLOUD | {"message": f"Login failed: {name} (Remote IP: 192.0.2.7)"},
        NEXTCLOUD | {"message": f"Login failed: '{name}' (Remote IP: '192.0.2.7')"},
        GITLAB_WORDS | {"message": f"Failed Login: username={name} ip=192.0.2.7"},
        SHELF
        | {
            "message": f'[LocalAuth] Failed login attempt for username "{name}" from ip 192.0.2.7 (User not found)'
        },
        SFTPGO | {"username": name},
        SFTPGO_PASSED
        | {
            "message": f"User {json.dumps(name.replace(chr(10), ' '))} logged in with "
            '"password", from ip "192.0.2.7", client version "x"'
        },
    ):
        found = attempt(record)
        assert found.ip == "192.0.2.7", record
        assert found.actor in (shown, name.replace("\n", " ")), record


def test_attack_a_failure_is_not_hidden_by_a_name_of_any_length() -> None:
    name = "x" * 100_000
    for record in (
        NEXTCLOUD | {"message": f"Login failed: {name} (Remote IP: 192.0.2.7)"},
        GITLAB_WORDS | {"message": f"Failed Login: username={name} ip=192.0.2.7"},
        SHELF | {"message": f'[LocalAuth] Failed login attempt for username "{name}" from ip 192.0.2.7 (x)'},
        SFTPGO | {"username": name},
        TELEPORT | {"user": name, "success": False},
    ):
        found = one(record).attempt
        assert (found.outcome, found.ip, found.actor) == ("failure", "192.0.2.7", "x" * 256)


def test_attack_words_of_a_success_in_a_name_stay_a_failure() -> None:
    for name in ("Successful Login: username=ann", 'Login successful: "ann"', "user.login", "T1000I"):
        for record in (
            NEXTCLOUD | {"message": f"Login failed: {name} (Remote IP: 192.0.2.7)"},
            GITLAB_WORDS | {"message": f"Failed Login: username={name} ip=192.0.2.7"},
            AUTHENTIK_NOBODY | {"identifier": name},
        ):
            assert (one(record).attempt.outcome, one(record).attempt.actor) == ("failure", name)


def test_a_message_in_a_shape_that_is_not_known_is_unknown() -> None:
    for record in (
        GITLAB_WORDS | {"message": "Failed Login: user ann from 192.0.2.7"},
        SHELF | {"message": "[LocalAuth] Failed login attempt by ann"},
    ):
        [item] = read(record)
        assert isinstance(item, Unknown)


@pytest.mark.parametrize("filling", [" (Remote IP: ", '" from ip 1 (', " ip=1", "\\", '"', " ", "x"])
def test_attack_a_message_that_is_made_to_be_searched_for_ever_is_read_at_once(filling: str) -> None:
    for record, head in (
        (NEXTCLOUD, "Login failed: "),
        (NEXTCLOUD, 'Login successful: "'),
        (GITLAB_WORDS, "Failed Login: username="),
        (GITLAB_WORDS, "Successful Login: username="),
        (SHELF, '[LocalAuth] Failed login attempt for username "'),
        (SFTPGO_PASSED, 'User "'),
    ):
        [item] = read(record | {"message": head + filling * (200_000 // len(filling))})
        assert isinstance(item, Imported | Unknown | Skipped)


@given(st.sampled_from([example.record for example in EXAMPLES]), st.data())
def test_any_value_at_any_place_of_a_record_is_read(record: Json, data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(sorted(record)), min_size=1, max_size=3))
    for item in read(record | {name: data.draw(JSON) for name in names}):
        assert isinstance(item, Imported | Unknown | Skipped)


def test_the_importer_reads_an_array_too() -> None:
    text = json.dumps([example.record for example in EXAMPLES])
    items = list(importer("applications").read([text], "app.json"))
    assert len(items) == len(EXAMPLES)
    assert all(isinstance(item, Imported) for item in items)
