"""Tables with a header: what a mapping must name, and the one data set that needs none."""

import pytest

from stepwarden.connect.detect import importer
from stepwarden.connect.importers.base import Imported
from stepwarden.connect.importers.csvlog import CsvLog, parse_mapping
from stepwarden.errors import InputError

RBA = (
    "index,Login Timestamp,User ID,Round-Trip Time [ms],IP Address,Country,Region,City,ASN,User Agent String,"
    "Browser Name and Version,OS Name and Version,Device Type,Login Successful,Is Attack IP,Is Account Takeover\n"
    "0,2020-02-03 12:43:30.772,-4324475583306591935,,10.0.65.171,NO,-,-,29695,UA/1,Firefox 20.0,iOS 13.4,mobile,"
    "False,False,True\n"
)


def test_the_rba_data_set_needs_no_mapping_and_its_labels_are_not_read() -> None:
    """Place and device of the record, the outcome, and nothing of who was an attacker."""
    [item] = importer("csv").read([RBA], "rba.csv")
    [other] = importer("csv").read([RBA.replace("False,True\n", "True,False\n")], "rba.csv")
    assert isinstance(item, Imported)
    assert item == other
    assert item.attempt.actor == "-4324475583306591935"
    assert item.attempt.outcome == "failure"
    assert item.attempt.place is not None
    assert item.attempt.place.country == "NO"
    assert item.attempt.device is not None
    assert item.attempt.device.type == "mobile"


@pytest.mark.parametrize("text", ["user", "user=", "colour=x,time=t", "user=a,actor=b", ""])
def test_a_wrong_mapping_says_what_is_wrong(text: str) -> None:
    """Before any line is read."""
    with pytest.raises(InputError):
        parse_mapping(text)


def test_a_mapping_must_name_a_time_and_columns_that_are_there() -> None:
    """The message lists the header."""
    with pytest.raises(InputError, match="time"):
        list(CsvLog({"user": "a"}).read(["a,b\n1,2\n"], "x"))
    with pytest.raises(InputError, match="the header has: a, b"):
        list(CsvLog({"time": "t"}).read(["a,b\n1,2\n"], "x"))


def test_a_header_that_is_no_csv_is_refused_in_our_words() -> None:
    """A lone carriage return inside it is the csv module's own error, which must not leave the room."""
    with pytest.raises(InputError, match="line 1, is no CSV"):
        list(importer("csv", mapping={"time": "a", "user": "b"}).read(["a\rb,c\n1,2\n"], "log"))
