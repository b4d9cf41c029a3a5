"""Client addresses behind proxies, and in the address fields of log files."""

from ipaddress import IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.events.addresses import (
    MALFORMED,
    MAX_HEADER,
    MISSING,
    ClientAddress,
    client_address,
    network_of,
    parse_address,
    parse_address_field,
)

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("2001:db8:ffff::/48"))
PROXY = "10.0.0.1"
ADDRESSES = st.ip_addresses().map(str)
OUTSIDE = ADDRESSES.filter(
    lambda text: (found := parse_address(text)) is not None and not any(found in net for net in TRUSTED)
)
INSIDE = st.one_of(st.ip_addresses(network="10.0.0.0/8"), st.ip_addresses(network="2001:db8:ffff::/48")).map(
    str
)
JUNK = st.text(max_size=30).filter(lambda text: "," not in text and parse_address(text.strip(" \t")) is None)


def behind(header: str, peer: str = PROXY) -> ClientAddress:
    return client_address("", peer, header, TRUSTED)


@pytest.mark.parametrize(
    "header",
    [
        "a",
        "",
        " ",
        ",",
        "192.0.2.7,",
        "192.0.2.7, ",
        "unknown",
        "192.0.2.7:55",
        "[2001:db8::1]",
        "[2001:db8::1]:443",
        "fe80::1%eth0",
        "fe80::1%25eth0",
        "2001:db8::1%",
        "192.0.2.07",
        "192.0.2",
        "192.0.2.256",
        "3221225991",
        "0xc0.0.2.7",
        "192.0.2.7/32",
        "for=192.0.2.7",
        '"192.0.2.7"',
        "192.0.2.7;",
        "192.0.2.7\x00",
        "192.0.2.7\n",
        "１９２.0.2.7",
        "6.6.6.6, a",
        "6.6.6.6, , 10.0.0.2",
        "6.6.6.6, x, 10.0.0.2",
        "6.6.6.6" + " " * MAX_HEADER,
        ",".join(["6.6.6.6"] * 1500),
        "a" * 10_240,
    ],
)
def test_bad_x_forwarded_for_skips_policy(header: str) -> None:
    """A trusted proxy's malformed, empty or huge header is malformed: no pass, not the proxy's own address."""
    assert behind(header) == MALFORMED


@pytest.mark.parametrize(
    ("header", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("6.6.6.6, 192.0.2.7", "192.0.2.7"),
        ("10.9.9.9, 192.0.2.7", "192.0.2.7"),
        ("junk,, %,\t192.0.2.7 , 10.0.0.2", "192.0.2.7"),
        ("192.0.2.7, 10.0.0.3, 10.0.0.2", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("192.0.2.7, ::ffff:10.0.0.2", "192.0.2.7"),
        ("2001:DB8:0:0::7", "2001:db8::7"),
        ("192.0.2.7,2001:db8:ffff::1", "192.0.2.7"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
    ],
)
def test_the_client_is_the_first_from_the_right_that_is_not_trusted(header: str, client: str) -> None:
    """A chain of proxies is followed back; what the client itself wrote, left of it, does not count."""
    assert behind(header) == ClientAddress(client, "ok")


@given(st.lists(st.one_of(ADDRESSES, JUNK), max_size=5), OUTSIDE, st.lists(INSIDE, max_size=4))
def test_spoofed_left_parts_change_nothing(spoofed: list[str], client: str, proxies: list[str]) -> None:
    """Whatever an attacker sends as the header arrives left of what our proxies add."""
    honest = ",".join([client, *proxies])
    assert behind(",".join([*spoofed, honest])) == behind(honest) == ClientAddress(_canonical(client), "ok")


def _canonical(text: str) -> str:
    return str(parse_address(text))


@given(st.text(max_size=60), OUTSIDE)
def test_headers_of_strangers_are_not_read(header: str, peer: str) -> None:
    """Who is not one of our proxies speaks for nobody."""
    assert behind(header, peer) == ClientAddress(_canonical(peer), "ok")


@given(JUNK, st.lists(INSIDE, max_size=3))
def test_junk_where_it_matters_is_malformed(junk: str, proxies: list[str]) -> None:
    """Between our proxies and the client, only an address is an address."""
    assert behind(",".join(["192.0.2.7", junk, *proxies])) == MALFORMED


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=80))
def test_no_text_makes_it_raise_or_give_a_second_spelling(ip: str, peer: str, header: str) -> None:
    """Whatever comes out parses again to itself."""
    found = client_address(ip, peer, header, TRUSTED)
    if found.state == "ok":
        assert _canonical(found.address) == found.address
    else:
        assert found.address == ""


def test_an_address_that_the_caller_worked_out_counts_alone() -> None:
    """``ip`` wins over the header, and if it is bad there is no falling back to anything."""
    assert client_address("192.0.2.7", PROXY, "6.6.6.6", TRUSTED).address == "192.0.2.7"
    assert client_address("x", "192.0.2.9", "6.6.6.6", TRUSTED) == MALFORMED
    assert client_address("::ffff:192.0.2.7", "", "", TRUSTED).address == "192.0.2.7"


def test_nothing_is_missing_and_a_header_without_a_peer_is_not() -> None:
    """No address at all is missing; a header that nobody vouches for is malformed."""
    assert client_address("", "", "", TRUSTED) == MISSING
    assert client_address("", "", "192.0.2.7", TRUSTED) == MALFORMED
    assert client_address("", "unix:", "192.0.2.7", TRUSTED) == MALFORMED


def test_without_trusted_proxies_the_peer_is_the_client() -> None:
    """The default trusts nobody."""
    assert client_address("", PROXY, "192.0.2.7", ()).address == PROXY


@pytest.mark.parametrize(
    ("field", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:55", "192.0.2.7"),
        ("192.0.2.7:65535", "192.0.2.7"),
        ("[2001:DB8::1]:443", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[::ffff:192.0.2.7]:80", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("  192.0.2.7 ", "192.0.2.7"),
    ],
)
def test_log_fields_may_bring_a_port(field: str, address: str) -> None:
    """As Entra, Azure and Microsoft 365 write them."""
    assert parse_address_field(field) == ClientAddress(address, "ok")


@pytest.mark.parametrize(
    "field",
    [
        "192.0.2.7:",
        "192.0.2.7:65536",
        "192.0.2.7:+5",
        "192.0.2.7:٥",
        "192.0.2.7:5:5",
        "[192.0.2.7]:5",
        "[2001:db8::1",
        "[2001:db8::1]443",
        "[2001:db8::1]:",
        "2001:db8::1]:443",
        "[]:1",
        "fe80::1%eth0",
        "[fe80::1%eth0]:22",
        "localhost",
        "1.2.3",
    ],
)
def test_bad_log_fields_are_malformed(field: str) -> None:
    """A name, half a bracket or a strange port is no address."""
    assert parse_address_field(field) == MALFORMED


@pytest.mark.parametrize("field", ["", " ", "-"])
def test_empty_log_fields_are_missing(field: str) -> None:
    """Logs write a hyphen where they have nothing."""
    assert parse_address_field(field) == MISSING


@given(st.ip_addresses(), st.integers(0, 65535))
def test_every_address_is_read_back_from_a_field(address: object, port: int) -> None:
    """With and without a port."""
    text = str(address)
    with_port = f"[{text}]:{port}" if isinstance(address, IPv6Address) else f"{text}:{port}"
    assert (
        parse_address_field(text) == parse_address_field(with_port) == ClientAddress(_canonical(text), "ok")
    )


@given(st.text(max_size=60))
def test_no_field_makes_it_raise(text: str) -> None:
    """Any text is an address, missing or malformed."""
    assert parse_address_field(text).state in ("ok", "missing", "malformed")


@given(st.ip_addresses())
def test_the_network_around_an_address(address: object) -> None:
    """What ``ipaddress`` says of /24 and /48."""
    found = parse_address(str(address))
    assert found is not None
    expected = ip_network((found, 24 if found.version == 4 else 48), strict=False)
    assert network_of(str(address)) == str(expected)
    assert ip_address(found) in expected


def test_there_is_no_network_around_nothing() -> None:
    """What is no address has none."""
    assert network_of("a") == ""
