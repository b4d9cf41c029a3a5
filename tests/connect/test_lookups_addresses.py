"""What is known of addresses: installed data, the operator's files and lists, and the strangest of input."""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.connect.lookups import Addresses, RangeList, open_addresses
from stepwarden.connect.lookups.builtin import open_builtin
from stepwarden.connect.lookups.maxmind import NOTHING, Database, read_record
from stepwarden.connect.lookups.ranges import parse_network
from stepwarden.connect.lookups.table import Table
from stepwarden.errors import LookupDataError
from stepwarden.flow.lookups import AddressInfo, AddressLookup
from tests.connect.small_table import small

INTEL = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "ip_intel"
needs_intel = pytest.mark.skipif(not INTEL.is_dir(), reason=f"no address data beside the project ({INTEL})")
HALF = 1 << 64
UNSPECIFIED = "0.0.0.0"  # noqa: S104  as an address, not to listen on


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache directory in which the table of the installed data is made once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def builtin(cache: Path) -> Table:
    """The table of the installed data."""
    return open_builtin(cache)


def only(
    databases: Sequence[Database] = (), ranges: Sequence[RangeList] = (), builtin: Table | None = None
) -> Addresses:
    return Addresses(databases=databases, ranges=ranges, builtin=builtin, remembered=100)


# -- all sources together


def test_installed_data_alone(builtin: Table) -> None:
    """Country and owner without any file of the operator's; no place."""
    found = only(builtin=builtin).lookup("81.2.69.142")
    assert (found.country, found.kind, found.latitude) == ("GB", "residential", None)
    assert found.asn


@needs_intel
def test_london() -> None:
    """MaxMind's own test address, with its accuracy radius, from files and lists that the operator brings."""
    found = open_files("maxmind_GeoIP2-City-Test.mmdb").lookup("81.2.69.142")
    assert found.country == "GB"
    assert (found.latitude, found.longitude, found.radius_km) == (51.5142, -0.0931, 10)


def open_files(*names: str) -> Addresses:
    return only([Database(INTEL / name) for name in names])


@needs_intel
def test_numbers_kinds_and_countries_from_maxmind_files() -> None:
    """One file each, by what is in it."""
    files = open_files(
        "maxmind_GeoLite2-ASN-Test.mmdb",
        "maxmind_GeoIP2-Anonymous-IP-Test.mmdb",
        "geo-whois-asn-country.mmdb",
    )
    assert files.lookup("1.128.0.0").asn == "AS1221"
    assert files.lookup("65.0.0.1").kind == "tor"
    assert files.lookup("71.160.223.0").kind == "datacenter"
    assert files.lookup("8.8.8.8").country == "US"
    assert len(files.sources) == 3


@needs_intel
def test_the_operators_files_go_before_installed_data(builtin: Table) -> None:
    """Where a file knows the number, the installed data's name is not used; where it does not, it is."""
    database = Database(INTEL / "maxmind_GeoLite2-ASN-Test.mmdb")
    both = only([database], builtin=builtin)
    assert both.lookup("1.128.0.0").asn == "AS1221"
    assert both.lookup("81.2.69.142").country == "GB"
    assert not both.lookup("81.2.69.142").asn.startswith("AS2")


@needs_intel
def test_range_lists_as_they_are_published() -> None:
    """X4BNet's lists and a Tor exit list load whole, and each says its kind; Tor goes before VPN."""
    files = (
        ("x4bnet_datacenter_ipv4.txt", "datacenter"),
        ("x4bnet_datacenter_ipv6.txt", "datacenter"),
        ("x4bnet_vpn_ipv4.txt", "vpn"),
        ("tor_exit_2024-02-27.lst", "tor"),
    )
    known = only(ranges=[RangeList.load(INTEL / name, kind) for name, kind in files])  # type: ignore[arg-type]
    for name, kind in reversed(files):
        first = (INTEL / name).read_text().split()[0].partition("/")[0]
        assert known.lookup(first).kind == kind
    assert known.lookup("81.2.69.142").kind in ("tor", "residential")


def test_the_strongest_kind_wins_whatever_the_order_of_lists() -> None:
    """An exit node in a datacentre is an exit node."""
    tor = RangeList.parse("192.0.2.7", "tor")
    datacenter = RangeList.parse("192.0.2.0/24\n2001:db8::/32", "datacenter")
    for lists in ([tor, datacenter], [datacenter, tor]):
        known = only(ranges=lists)
        assert known.lookup("192.0.2.7").kind == "tor"
        assert known.lookup("192.0.2.8").kind == "datacenter"
        assert known.lookup("2001:db8::8").kind == "datacenter"
        assert known.lookup("192.0.3.0").kind == "residential"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "missing"),
        ("a", "malformed"),
        ("fe80::1%eth0", "malformed"),
        ("192.0.2.7:55", "malformed"),
        (UNSPECIFIED, "malformed"),
        ("224.0.0.1", "malformed"),
        ("255.255.255.255", "malformed"),
        ("::", "malformed"),
        ("ff02::1", "malformed"),
        ("10.1.2.3", "private"),
        ("::ffff:10.1.2.3", "private"),
        ("127.0.0.1", "private"),
        ("100.64.0.1", "private"),
        ("169.254.169.254", "private"),
        ("::1", "private"),
        ("fd00::1", "private"),
        ("fe80::1", "private"),
        ("203.0.113.7", "residential"),
        ("2001:db8::1", "residential"),
        ("223.255.255.255", "residential"),
    ],
)
def test_special_addresses(text: str, kind: str) -> None:
    """Private, impossible and documentation ranges, the same as text and as an object."""
    known = only()
    assert known.lookup(text).kind == kind
    if kind not in ("missing", "malformed") or text in ("::", UNSPECIFIED):
        assert known.lookup(ip_address(text)).kind == kind


def test_an_ipv4_address_in_ipv6_clothes(tmp_path: Path) -> None:
    """A mapped address is the address that it maps."""
    known = only(builtin=small(tmp_path))
    plain = known.lookup("192.0.2.7")
    assert plain == known.lookup("::ffff:192.0.2.7") == known.lookup(ip_address("::ffff:c000:207"))
    assert plain.country == "XY"


@given(st.one_of(st.text(max_size=60), st.ip_addresses(), st.ip_addresses().map(str)))
def test_no_input_makes_a_lookup_raise(text: str) -> None:
    """Anything is an address, missing or malformed."""
    lookup: AddressLookup = only()
    assert isinstance(lookup.lookup(text), AddressInfo)


def test_the_memory_of_lookups_is_bounded() -> None:
    """Asking about many addresses keeps the last few."""
    known = only()
    for number in range(1000):
        known.lookup(str(ip_address(number + (1 << 28))))
    assert known._remember.cache_info().currsize == 100


# -- lists and records


@pytest.mark.parametrize(
    "line",
    [
        "192.0.2.1/24",
        "192.0.2.0/33",
        "a",
        "192.0.2.0 - 192.0.2.9",
        "fe80::%1/64",
        "192.0.2.0/24 x",
        "1" * 300,
        "\x00",
    ],
)
def test_a_bad_line_refuses_the_whole_list(line: str) -> None:
    """With its number and without its control characters: half a list would protect half in silence."""
    with pytest.raises(LookupDataError, match="line 3") as caught:
        RangeList.parse(f"# made today\n192.0.2.0/24\n{line}\n", "vpn")
    assert str(caught.value).isprintable()


@given(
    st.lists(st.integers(0, 255), max_size=20),
    st.lists(st.tuples(st.integers(0, 15), st.integers(24, 32)), max_size=6),
)
def test_a_list_holds_exactly_its_networks(numbers: list[int], networks: list[tuple[int, int]]) -> None:
    """Overlapping and touching networks included."""
    chosen = [ip_network(f"192.0.2.{start * 16}/{bits}", strict=False) for start, bits in networks]
    known = RangeList.parse("\n".join(map(str, chosen)), "vpn")
    for number in numbers:
        address = ip_address(f"192.0.2.{number}")
        assert (address in known) == any(address in network for network in chosen)


@given(
    st.one_of(
        st.text("0123456789abcdef:./%+ ", max_size=24),
        st.ip_addresses().map(lambda made: f"{made}/24"),
        st.builds(
            lambda made, bits: str(ip_network((made, min(bits, made.max_prefixlen)), strict=False)),
            st.ip_addresses(),
            st.integers(0, 128),
        ),
    )
)
def test_networks_are_read_as_the_standard_library_reads_them(text: str) -> None:
    """Ours is a faster reading of the same texts, except netmasks and zone ids, which it refuses."""
    try:
        expected = ip_network(text)
    except ValueError:
        with pytest.raises(ValueError):
            parse_network(text)
        return
    try:
        found = parse_network(text)
    except ValueError:
        assert "%" in text or "." in text.partition("/")[2]
        return
    assert found == (expected.version, int(expected.network_address), int(expected.broadcast_address))


@pytest.mark.parametrize("name", ["missing.txt", "latin.txt"])
def test_a_list_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    """No file, or not UTF-8: an error of ours."""
    (tmp_path / "latin.txt").write_bytes(b"192.0.2.0/24 # Stra\xdfe\n")
    with pytest.raises(LookupDataError):
        RangeList.load(tmp_path / name, "vpn")


@pytest.mark.parametrize("content", [None, b"", b"no database", b"\xab\xcd\xefMaxMind.com" + b"\xff" * 20])
def test_a_database_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    """A missing or foreign file is found at the start."""
    path = tmp_path / "x.mmdb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LookupDataError):
        Database(path)


RECORD_FIELDS = [
    "country",
    "country_code",
    "iso_code",
    "registered_country",
    "location",
    "latitude",
    "longitude",
    "accuracy_radius",
    "traits",
    "autonomous_system_number",
    "is_tor_exit_node",
]


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3)),
        lambda inner: st.dictionaries(
            st.sampled_from(RECORD_FIELDS),
            inner,
            max_size=6,
        ),
        max_leaves=12,
    ).filter(lambda made: isinstance(made, dict))
)
def test_no_record_makes_it_raise_or_say_nonsense(record: dict[str, object]) -> None:
    """Wrong types and values out of range count as not there."""
    known = read_record(record)
    assert known.country == "" or (len(known.country) == 2 and known.country.isupper())
    if known.place is not None:
        latitude, longitude, radius = known.place
        assert -90 <= latitude <= 90
        assert -180 <= longitude <= 180
        assert radius is None or 0 <= radius <= 20_000


def test_an_empty_record_says_nothing() -> None:
    """And a country in lower case is one all the same."""
    assert read_record({}) == NOTHING
    assert read_record({"country_code": "gb"}).country == "GB"
    assert read_record({"traits": {"is_anycast": True}}).kind == "anycast"


def test_all_sources_are_opened_from_paths(tmp_path: Path, cache: Path, builtin: Table) -> None:
    """The one call that the application makes."""
    (tmp_path / "vpn.txt").write_text("192.0.2.0/24\n")
    known = open_addresses(cache=cache, databases=[], ranges=[(tmp_path / "vpn.txt", "vpn")], remembered=10)
    assert known.lookup("192.0.2.1").kind == "vpn"
    assert known.sources == ("vpn (1 ranges)", builtin.origin)
