"""A table of two networks, for tests."""

from pathlib import Path

from stepwarden.connect.lookups.table import Contents, Table, value_of, write


def small(tmp_path: Path) -> Table:
    """A table of one IPv4 and one IPv6 network."""
    contents = Contents(
        v4=[(0, 0), (0xC0000200, value_of(1, 1)), (0xC0000300, 0)],
        v6=[(0, 0), (0x20010DB8 << 32, value_of(1, 2)), (0x20010DB9 << 32, 0)],
        countries=["  ", "XY"],
        names=["", "Ünï Net", "Sechs"],
        origin="made up",
    )
    write(tmp_path / "small.bin", contents)
    return Table(tmp_path / "small.bin")
