"""The installed data: its compact table, how it is made, and that it says what its own package says."""

import gzip
import pickle
import random
from ipaddress import ip_address
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.connect.lookups.builtin import installed_data, open_builtin
from stepwarden.connect.lookups.compile_builtin import changes, main, merge, upper_halves
from stepwarden.connect.lookups.table import Contents, Table, value_of, write
from stepwarden.errors import LookupDataError
from tests.connect.small_table import small

HALF = 1 << 64


@pytest.fixture(scope="module")
def builtin(tmp_path_factory: pytest.TempPathFactory) -> Table:
    """The table of the installed data, made once."""
    return open_builtin(tmp_path_factory.mktemp("cache"))


# -- the table


def test_a_table_says_what_was_written(tmp_path: Path) -> None:
    """First and last address of a network, and the ones outside."""
    table = small(tmp_path)
    expected = {
        "192.0.1.255": ("", ""),
        "192.0.2.0": ("XY", "Ünï Net"),
        "192.0.2.255": ("XY", "Ünï Net"),
        "192.0.3.0": ("", ""),
        "0.0.0.1": ("", ""),
        "255.255.255.255": ("", ""),
        "2001:db7:ffff::": ("", ""),
        "2001:db8::": ("XY", "Sechs"),
        "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff": ("XY", "Sechs"),
        "2001:db9::": ("", ""),
        "::": ("", ""),
    }
    assert {text: table.lookup(ip_address(text)) for text in expected} == expected
    assert table.origin == "made up"


def test_every_damaged_table_is_refused(tmp_path: Path) -> None:
    """A flipped bit anywhere, a cut or a longer file, an empty one: an error at the start, no wrong answers."""
    small(tmp_path)
    path = tmp_path / "small.bin"
    whole = path.read_bytes()
    damaged = [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(0, len(whole), 5)]
    damaged += [whole[:-1], whole + b"\0", whole[:20], b"", whole[: len(whole) // 2]]
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(LookupDataError):
            Table(path)


def test_a_missing_table_is_an_error_of_ours(tmp_path: Path) -> None:
    """No library's exception leaves the room."""
    with pytest.raises(LookupDataError):
        Table(tmp_path / "none.bin")
    with pytest.raises(LookupDataError):
        write(tmp_path / "no" / "folder.bin", Contents(v4=[], v6=[], countries=[], names=[], origin=""))


def test_more_countries_than_fit_are_refused() -> None:
    """Rather than a value that runs into its neighbour."""
    with pytest.raises(LookupDataError):
        value_of(1, 1 << 20)


# -- making it


NETWORKS = st.lists(st.tuples(st.integers(0, 300), st.integers(1, 20), st.integers(0, 3)), max_size=12)


def _apart(spans: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    made: list[tuple[int, int, int]] = []
    for start, size, value in sorted(spans):
        if not made or start > made[-1][1]:
            made.append((start, start + size - 1, value))
    return made


def _naive(networks: list[tuple[int, int, int]], at: int) -> int:
    return next((value for first, last, value in networks if first <= at <= last), 0)


def _in_force(rows: list[tuple[int, int]], at: int) -> int:
    return [value for start, value in rows if start <= at][-1]


@given(NETWORKS, NETWORKS)
def test_merging_networks_agrees_with_looking_through_them(
    one: list[tuple[int, int, int]], two: list[tuple[int, int, int]]
) -> None:
    """For every address, what the rows say is what the lists say; and no row repeats the one before."""
    countries, names = _apart(one), _apart(two)
    rows = merge(list(changes(countries)), list(changes(names)))
    for at in range(330):
        assert _in_force(rows, at) == value_of(_naive(countries, at), _naive(names, at))
    assert all(before[1] != after[1] for before, after in pairwise(rows))


@given(NETWORKS)
def test_upper_halves_agree_at_the_beginning_of_each_64(spans: list[tuple[int, int, int]]) -> None:
    """Networks longer than /64 blur inside their /64 and nowhere else."""
    scale = HALF // 4
    networks = [(first * scale, (last + 1) * scale - 1, value) for first, last, value in _apart(spans)]
    rows = list(changes(networks))
    halves = upper_halves(rows)
    for half in range(83):
        assert _in_force(halves, half) == _in_force(rows, half << 64)


def test_the_installed_data_says_what_its_own_package_says(builtin: Table) -> None:
    """2,000 addresses, half of them IPv6 at networks' borders, through ours and through geoip2fast's search."""
    from geoip2fast import GeoIP2Fast

    theirs = GeoIP2Fast(geoip2fast_data_file=str(installed_data()))
    random_numbers = random.Random(7)
    rows = builtin._v6
    addresses = [ip_address(random_numbers.getrandbits(32)) for _ in range(1000)]
    for _ in range(1000):
        half = rows[random_numbers.randrange(1, len(rows))] - random_numbers.randrange(2)
        addresses.append(ip_address(half << 64))
    agreed = 0
    for address in addresses:
        said = theirs.lookup(str(address))
        country, name = builtin.lookup(address)
        known = said.country_code if said.country_code.isalpha() and len(said.country_code) == 2 else ""
        assert country == ("" if said.is_private or known == "--" else known), address
        # Their search for names gives IPv4 addresses in a gap the network before the gap; ours gives none.
        if name:
            assert said.asn_name[:64].strip() == name, address
            agreed += 1
    assert agreed > 900


def test_the_table_is_made_once_and_again_when_damaged(tmp_path: Path) -> None:
    """The second opening reads the same file; a damaged one is replaced."""
    source = tmp_path / "data.gz"
    _write_data(source)
    cache = tmp_path / "deep" / "cache"
    open_builtin(cache, source)
    (path,) = cache.iterdir()
    first = path.stat().st_mtime_ns
    assert open_builtin(cache, source).lookup(ip_address("1.2.3.4")) == ("DE", "Net One")
    assert path.stat().st_mtime_ns == first
    path.write_bytes(path.read_bytes()[:-3])
    table = open_builtin(cache, source)
    assert table.lookup(ip_address("1.2.3.4")) == ("DE", "Net One")
    assert table.lookup(ip_address("10.0.0.1")) == ("", "")
    assert table.lookup(ip_address("255.255.255.255")) == ("FR", "")
    assert table.lookup(ip_address("2001:db8::1")) == ("FR", "Net Two")
    assert list(cache.iterdir()) == [path], "no temporary file stays"


def _write_data(path: Path) -> None:
    """Data in the package's format: 1.0.0.0/8 in Germany, 10/8 reserved, 2001:db8::/32 in France."""
    countries = [f"{n:02d}:Reserved" for n in range(16)] + ["DE:Germany", "FR:France", "x1:Nowhere"]
    six = 0x20010DB8 << 96
    parts = [
        [0, 4, 9],
        [0],
        countries,
        ["<unknown>", "Net\x1b One", "Net Two"],
        [[1 << 24, 10 << 24], [0xFFFFFF00], [six]],
        [[1 << 24], [six]],
        [[16, 2], [17], [17]],
        [[1], [2]],
        [[8, 8], [24], [32]],
        [[8], [32]],
    ]
    info = {"info": "TEST-20240101", "country": True, "asn": True, "ipv6": True, "city": False}
    with gzip.open(path, "wb") as file:
        pickle.dump((120, info, 4, parts), file)


@pytest.mark.parametrize(
    "content",
    [b"", b"junk", gzip.compress(b"junk", mtime=0), gzip.compress(pickle.dumps((1, {}, 0, [])), mtime=0)],
)
def test_data_of_another_format_is_refused_with_a_reason(
    tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """A new release of the package may change its format: then we say so, and make no table."""
    source = tmp_path / "data.gz"
    source.write_bytes(content)
    assert main([str(source), str(tmp_path / "table.bin")]) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not (tmp_path / "table.bin").exists()


def test_a_failing_process_gives_its_reason(tmp_path: Path) -> None:
    """What the process wrote last is in the error."""
    source = tmp_path / "data.gz"
    source.write_bytes(b"junk")
    with pytest.raises(LookupDataError, match="data"):
        open_builtin(tmp_path / "cache", source)
    with pytest.raises(LookupDataError):
        open_builtin(tmp_path / "cache", tmp_path / "missing.gz")
