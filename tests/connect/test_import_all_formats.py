"""What all formats owe alike: the address and outcome of a sign-in, no vendor's verdict, no crash on any value."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.connect.detect import FORMATS, importer
from stepwarden.connect.importers.base import Imported, Skipped, Unknown
from stepwarden.connect.importers.clean import place
from stepwarden.errors import InputError
from stepwarden.events.attempt import Attempt
from tests.connect.importer_house import ENTRA, GOOD, GOOGLE, OKTA, TRAIL, Json, changed, one, read


@pytest.mark.parametrize("name", GOOD)
def test_a_good_sign_in_is_a_login_from_its_address(name: str) -> None:
    """All formats agree on the action of a sign-in, and none keeps a port or a prefix in the address."""
    attempt = one(name, GOOD[name]).attempt
    assert (attempt.ip, attempt.outcome) == ("192.0.2.7", "success")
    assert attempt.actor
    assert attempt.action == ("aws.iam.getuser" if name == "cloudtrail" else "login")


@pytest.mark.parametrize("name", [name for name in GOOD if name != "stepwarden"])
def test_keys_in_lower_case_make_no_difference(name: str) -> None:
    """Pipelines lower-case vendors' keys; our own format is strict."""

    def lower(value: object) -> object:
        if isinstance(value, dict):
            return {key.lower(): lower(item) for key, item in value.items()}
        return [lower(item) for item in value] if isinstance(value, list) else value

    assert one(name, lower(GOOD[name])) == one(name, GOOD[name])


@pytest.mark.parametrize("name", GOOD)
def test_arrays_and_objects_on_several_lines_read_like_json_lines(name: str) -> None:
    """Only the number of the record may differ."""
    for text in (json.dumps([GOOD[name]], indent=1), json.dumps(GOOD[name], indent=2)):
        [item] = importer(name).read([text], "log")
        assert item == one(name, GOOD[name])


@pytest.mark.parametrize("name", GOOD)
def test_a_record_without_a_time_is_shown_and_not_guessed(name: str) -> None:
    """It could not be put in order."""
    times = {"CreationTime", "createdDateTime", "eventTime", "published", "EventTime", "@timestamp", "time"}
    record = {key: value for key, value in GOOD[name].items() if key not in times}
    if name == "google":
        record["id"] = {"applicationName": "login"}
    [item] = read(name, record)
    assert isinstance(item, Unknown)
    assert item.reason == "no time that can be read"


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("entra", changed(ENTRA, riskLevelAggregated="high", riskState="confirmedCompromised", isRisky=True)),
        (
            "okta",
            changed(OKTA, debugContext={"debugData": {"threatSuspected": "true", "risk": "{level=HIGH}"}}),
        ),
        (
            "google",
            changed(
                GOOGLE,
                events=[
                    {"name": "login_success", "parameters": [{"name": "is_suspicious", "boolValue": True}]}
                ],
            ),
        ),
    ],
)
def test_a_vendors_risk_verdict_changes_nothing(name: str, record: Json) -> None:
    """Only what happened is read, not what the vendor thinks of it."""
    assert one(name, record) == one(name, GOOD[name])


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("okta", changed(OKTA, eventType="policy.evaluate_sign_on")),
        ("okta", changed(OKTA, eventType="security.threat.detected")),
        ("google", changed(GOOGLE, events=[{"name": "suspicious_login"}])),
        ("cloudtrail", changed(TRAIL, eventCategory="Insight")),
    ],
)
def test_records_that_are_verdicts_are_skipped(name: str, record: Json) -> None:
    """Counted, and no attempt."""
    assert [type(item) for item in read(name, record)] == [Skipped]


@pytest.mark.parametrize(
    ("latitude", "longitude", "kept"), [(50.6, 5.5, True), (0, 0, False), (91, 5, False), (50.6, None, False)]
)
def test_coordinates_count_together_and_null_island_is_not_known(
    latitude: object, longitude: object, kept: bool
) -> None:
    """0/0 is how exporters write that they do not know; a travel from there would be an alarm."""
    found = place(country="BE", latitude=latitude, longitude=longitude)
    assert found is not None
    assert (found.latitude is not None and found.longitude is not None) is kept


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(
        ["x" * 3000, "\x1b[2J", "\ud800", "[::1]:5", "{", "[", "-", "0x", "2021-03-24T12:52:56"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)


@given(st.sampled_from(sorted(GOOD)), st.data())
def test_no_value_of_any_field_crashes_an_importer(name: str, data: st.DataObject) -> None:
    """Any field may hold anything; what comes out is an attempt that the API would take, or is accounted for."""
    record = json.loads(json.dumps(GOOD[name]))
    for _ in range(data.draw(st.integers(1, 3))):
        holder = record
        while True:
            key = data.draw(st.sampled_from(sorted(holder)))
            if not (isinstance(holder[key], dict) and holder[key]) or data.draw(st.booleans()):
                break
            holder = holder[key]
        holder[key] = data.draw(VALUES)
    items = read(name, record)
    assert items
    for item in items:
        if isinstance(item, Imported):
            assert msgspec.convert(msgspec.to_builtins(item.attempt), Attempt) == item.attempt
            assert item.time >= 0


@given(st.sampled_from(sorted(FORMATS)), st.lists(st.text(max_size=60), max_size=5), st.data())
def test_no_text_crashes_an_importer(name: str, blocks: list[str], data: st.DataObject) -> None:
    """Any text in any pieces: items, or an InputError."""
    if name in GOOD and data.draw(st.booleans()):
        text = json.dumps(GOOD[name])
        at = data.draw(st.integers(0, len(text)))
        blocks.insert(0, text[:at])
    try:
        for _ in importer(name).read(blocks, "log"):
            pass
    except InputError:
        pass
