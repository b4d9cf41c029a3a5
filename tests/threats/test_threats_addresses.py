"""Addresses that lie: a header is believed only of a proxy that is trusted, and what cannot be read is refused.

The pages get the address from the connection and ``X-Forwarded-For``, the API from ``peer`` and ``forwarded_for``; both
go through one reader (authentik CVE-2024-47070: a header of one letter skipped the policy).
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.stories.asking import FIREFOX, entries
from tests.threats.page_browser import PageBrowser
from tests.threats.threat_house import House, Person, open_house

UNREADABLE = {
    "a letter": "a",
    "empty": "",
    "blanks": "   ",
    "ten kilobytes": "1.2.3.4, " * 1_130 + "x",
    "zone": "fe80::1%eth0",
    "zone of a spoofed chain": "81.2.3.4, fe80::1%lo",
    "octal": "0177.0.0.1",
    "short": "127.1",
    "decimal": "2130706433",
    "name": "localhost",
    "port without address": ":80",
    "ends in a comma": "81.2.3.4,",
    "two in one": "81.2.3.4 81.2.3.5",
    "quoted": '"81.2.3.4"',
    "junk at the end": "81.2.3.4, a",
}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A service that trusts one proxy only, and is reached without it."""
    data = tmp_path_factory.mktemp("alone") / "data"
    with open_house(data, STEPWARDEN_SERVER_TRUSTED_PROXIES="192.0.2.1/32") as found:
        yield found


def ask_behind(person: Person, header: str | None, peer: str = "127.0.0.1") -> dict[str, Any]:
    more: dict[str, Any] = {"ip": None, "peer": peer}
    if header is not None:
        more["forwarded_for"] = header
    return person.ask("login", session="", **more)


def rules(answer: dict[str, Any]) -> set[str]:
    return {reason["rule"] for reason in answer["reasons"]}


@pytest.mark.parametrize("name", UNREADABLE)
def test_attack_x_forwarded_for_that_cannot_be_read_in_the_api(house: House, name: str) -> None:
    """From a trusted proxy: the highest risk, refused, for a known person too. Nothing of it stands in a reason."""
    person = house.person().sign_in()
    answer = ask_behind(person, UNREADABLE[name])
    assert answer["decision"] == "deny", answer
    assert "address-malformed" in rules(answer)


@pytest.mark.parametrize("name", [name for name in UNREADABLE if name != "blanks"])
def test_attack_x_forwarded_for_that_cannot_be_read_on_pages(house: House, name: str) -> None:
    """The same person's own page, entered through the same header, stays shut, with a page and no error."""
    person = house.person().sign_in()
    found = house.http.post(f"/v1/actors/{person.actor}/pages", json={"proved": ["pwd"]})
    browser = PageBrowser(house.url)
    reply = browser.go(found.json()["url"], **{"x-forwarded-for": UNREADABLE[name]})
    assert reply.status_code == 403
    assert "stepwarden-account" not in str(browser.http.cookies)
    decided = house.entries(person.actor, "attempt.decided")[-1]
    assert decided["decision"] == "deny"


def test_attack_a_spoofed_chain_makes_a_stranger_a_neighbour(house: House) -> None:
    """The left part of the header is the attacker's to write: what counts is what the trusted proxy has seen."""
    owner = house.person().sign_in()
    ours = owner.ask("login", session="", ip=None, peer="127.0.0.1", forwarded_for=owner.ip)
    assert ours["decision"] == "allow", ours
    spoofed = owner.ask(
        "login", session="", ip=None, peer="127.0.0.1", forwarded_for=f"{owner.ip}, {owner.ip}, 93.9.9.9"
    )
    assert "new-network" in rules(spoofed) or "new-address" in rules(spoofed), spoofed
    (row,) = house.http.get(
        "/v1/log/entries",
        params={"actor": owner.actor, "kind": "attempt.decided", "order": "newest", "limit": 1},
    ).json()["entries"]
    assert row["personal"]["ip"] == "93.9.9.9"


def test_attack_x_forwarded_for_from_somebody_who_is_no_proxy(house: House) -> None:
    """From an address that is not trusted the header is not read at all, whatever it says."""
    person = house.person().sign_in()
    for header in (*UNREADABLE.values(), "10.0.0.1", person.ip):
        answer = ask_behind(person, header[:16_000], peer="93.8.7.6")
        assert "address-malformed" not in rules(answer)
    (row,) = house.http.get(
        "/v1/log/entries",
        params={"actor": person.actor, "kind": "attempt.decided", "order": "newest", "limit": 1},
    ).json()["entries"]
    assert row["personal"]["ip"] == "93.8.7.6"


@pytest.mark.parametrize("name", ["a letter", "empty", "ten kilobytes", "zone", "an address"])
def test_attack_x_forwarded_for_of_a_direct_visitor(alone: House, name: str) -> None:
    """Where nobody trusted stands between, a browser's own header changes nothing: it is known by its connection."""
    person = alone.person().sign_in()
    found = alone.http.post(f"/v1/actors/{person.actor}/pages", json={"proved": ["pwd"]})
    browser = PageBrowser(alone.url)
    header = {**UNREADABLE, "an address": person.ip}[name]
    browser.go(found.json()["url"], **{"x-forwarded-for": header})
    (row,) = alone.http.get(
        "/v1/log/entries",
        params={"actor": person.actor, "kind": "attempt.decided", "order": "newest", "limit": 1},
    ).json()["entries"]
    assert row["personal"]["ip"] == "127.0.0.1"


def test_attack_headers_that_other_proxies_use(alone: House) -> None:
    """None of them is read."""
    person = alone.person().sign_in()
    names = (
        "forwarded",
        "x-real-ip",
        "true-client-ip",
        "cf-connecting-ip",
        "x-client-ip",
        "x-forwarded-host",
    )
    told = dict.fromkeys(names, "81.2.3.4") | {"forwarded": "for=81.2.3.4"}
    found = alone.http.post(f"/v1/actors/{person.actor}/pages", json={"proved": ["pwd"]})
    PageBrowser(alone.url).go(found.json()["url"], **told)
    last = entries(alone.http, actor=person.actor, kind="attempt.decided")[-1]
    (row,) = alone.http.get(
        "/v1/log/entries",
        params={"actor": person.actor, "kind": "attempt.decided", "order": "newest", "limit": 1},
    ).json()["entries"]
    assert (row["index"], row["personal"]["ip"]) == (last["index"], "127.0.0.1")


def test_attack_addresses_in_the_field_for_one(house: House) -> None:
    """An address that the application passes on unread is refused like a header that cannot be read."""
    for text in ("a", "1.2.3.4.5", "::ffff:1.2.3", "fe80::1%25eth0", "1.2.3.4\u200b", "999.1.1.1"):
        answer = house.person().ask("login", session="", ip=text, user_agent=FIREFOX)
        assert answer["decision"] == "deny", text
