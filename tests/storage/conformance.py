"""What every LogStore must do, whatever it is made of: the contract of ``stepwarden.ledger.store`` as tests.

Authors of a store derive a class from ``LogStoreConformance`` and give it a ``disk``: a function that opens
a store over one and the same data each time it is called, after what it opened before has been closed.
"""

from collections.abc import Callable, Sequence

import pytest

from stepwarden.errors import FencedError, PrunedError
from stepwarden.ledger.store import Group, Head, LogStore, SideWrite, Submission

Disk = Callable[[], LogStore]


def group(
    first: int,
    submissions: Sequence[Submission],
    epoch: int,
    tiles: Sequence[tuple[int, int, bytes]] = (),
) -> Group:
    """A group with a head that only a store would believe."""
    size = first + len(submissions)
    head = Head(size=size, root=size.to_bytes(32), checkpoint=f"signed {size} — ä\n", epoch=epoch)
    return Group(first=first, submissions=submissions, tiles=tiles, head=head)


def entries(first: int, stop: int) -> list[Submission]:
    """Entries that differ, some of them empty or with an opening, as long as they may be and as short."""
    return [
        Submission(
            leaf=b"" if n % 7 == 3 else b"leaf %d" % n + bytes(n % 5),
            opening=b"opening %d" % n if n % 3 else b"",
        )
        for n in range(first, stop)
    ]


class LogStoreConformance:
    """Derive, and define the fixture ``disk``."""

    def test_a_new_store_is_empty(self, disk: Disk) -> None:
        """Before the first group there is no head, no entry, no tile, no side row."""
        store = disk()
        assert store.load() is None
        assert list(store.leaves(0, 10)) == []
        assert list(store.openings(0, 10)) == []
        assert store.tile(0, 0) is None
        assert store.side("keys", b"k") is None
        assert list(store.side_items("keys")) == []
        store.close()

    def test_an_empty_group_sets_the_head(self, disk: Disk) -> None:
        """A log of no entries has a signed head too."""
        store = disk()
        first = group(0, [], store.take_over())
        store.commit(first)
        assert store.load() == first.head
        store.close()

    def test_committed_groups_are_read_back_byte_for_byte(self, disk: Disk) -> None:
        """Any range of entries and openings comes back as it went in, across groups and after a restart."""
        store = disk()
        epoch = store.take_over()
        wanted = entries(0, 40)
        for start, stop in ((0, 1), (1, 17), (17, 18), (18, 40)):
            store.commit(group(start, wanted[start:stop], epoch))
        for again in (False, True):
            if again:
                store.close()
                store = disk()
            for first in range(0, 42, 3):
                for stop in range(0, 46, 4):
                    assert list(store.leaves(first, stop)) == [each.leaf for each in wanted[first:stop]]
                    assert list(store.openings(first, stop)) == [each.opening for each in wanted[first:stop]]
            head = store.load()
            assert head is not None
            assert (head.size, head.root, head.epoch) == (40, (40).to_bytes(32), epoch)
            assert head.checkpoint == "signed 40 — ä\n"
        store.close()

    def test_the_longest_entry_fits(self, disk: Disk) -> None:
        """A leaf may have 65,535 bytes; an opening may be longer."""
        store = disk()
        longest = Submission(bytes(range(255)) * 257, b"\xff" * 70_000)
        assert len(longest.leaf) == 65_535
        store.commit(group(0, [longest, longest], store.take_over()))
        assert list(store.leaves(1, 2)) == [longest.leaf]
        assert list(store.openings(1, 2)) == [longest.opening]
        store.close()

    def test_tiles_are_kept_by_level_and_index(self, disk: Disk) -> None:
        """A group may complete several tiles, of several levels."""
        store = disk()
        epoch = store.take_over()
        tiles = [(0, 0, b"\x01" * 8192), (0, 1, b"\x02" * 8192), (1, 0, b"\x03" * 8192)]
        store.commit(group(0, entries(0, 2), epoch, tiles))
        store.commit(group(2, entries(2, 3), epoch, [(0, 2, b"\x04" * 8192)]))
        for level, index, hashes in tiles:
            assert store.tile(level, index) == hashes
        assert store.tile(0, 2) == b"\x04" * 8192
        assert store.tile(1, 1) is None
        store.close()

    def test_side_rows_are_replaced_and_deleted(self, disk: Disk) -> None:
        """The last write of a key wins, within a group too; spaces are apart; any bytes may be a key."""
        store = disk()
        epoch = store.take_over()
        store.commit(
            group(
                0,
                [
                    Submission(
                        b"a", side=(SideWrite("totp", b"\x00\xff", b"1"), SideWrite("totp", b"b", b"2"))
                    ),
                    Submission(b"b", side=(SideWrite("totp", b"b", None), SideWrite("keys", b"b", b"3"))),
                    Submission(b"c", side=(SideWrite("keys", b"c", None), SideWrite("keys", b"c", b""))),
                ],
                epoch,
            )
        )
        assert list(store.side_items("totp")) == [(b"\x00\xff", b"1")]
        assert list(store.side_items("keys")) == [(b"b", b"3"), (b"c", b"")]
        side = (
            SideWrite("totp", b"\x00\xff", b"4"),
            SideWrite("keys", b"b", None),
            SideWrite("keys", b"?", None),
        )
        store.commit(group(3, [Submission(b"d", side=side)], epoch))
        assert store.side("totp", b"\x00\xff") == b"4"
        assert store.side("totp", b"b") is None
        assert list(store.side_items("keys")) == [(b"c", b"")]
        store.close()

    def test_many_side_rows_come_in_the_order_of_their_keys(self, disk: Disk) -> None:
        """A space may hold more rows than a reader fetches at once."""
        store = disk()
        rows = [(n.to_bytes(2), b"%d" % n) for n in range(2_500)]
        side = tuple(SideWrite("people", key, value) for key, value in reversed(rows))
        store.commit(group(0, [Submission(b"a", side=side)], store.take_over()))
        assert list(store.side_items("people")) == rows
        store.close()

    @pytest.mark.parametrize("first", [0, 1, 4, 6, 100])
    def test_a_group_that_does_not_follow_is_fenced(self, disk: Disk, first: int) -> None:
        """A gap, an overlap or a repetition is refused and changes nothing."""
        store = disk()
        epoch = store.take_over()
        store.commit(group(0, entries(0, 5), epoch))
        side = (SideWrite("keys", b"k", b"v"),)
        with pytest.raises(FencedError):
            store.commit(group(first, [Submission(b"other", side=side)], epoch))
        assert list(store.leaves(0, 10)) == [each.leaf for each in entries(0, 5)]
        assert store.side("keys", b"k") is None
        head = store.load()
        assert head is not None
        assert head.size == 5
        store.close()

    def test_a_former_writer_is_fenced(self, disk: Disk) -> None:
        """After somebody took over, a group with the old epoch is refused and changes nothing."""
        store = disk()
        old = store.take_over()
        store.commit(group(0, entries(0, 5), old))
        new = store.take_over()
        assert new > old
        with pytest.raises(FencedError):
            store.commit(group(5, entries(5, 6), old))
        assert list(store.leaves(0, 10)) == [each.leaf for each in entries(0, 5)]
        store.close()
        store = disk()
        store.commit(group(5, entries(5, 6), store.take_over()))
        assert len(list(store.leaves(0, 10))) == 6
        store.close()

    def test_each_restart_takes_over(self, disk: Disk) -> None:
        """Epochs only rise, restarts included."""
        seen = []
        for _ in range(3):
            store = disk()
            seen.append(store.take_over())
            store.close()
        assert seen == sorted(set(seen))

    def test_a_reader_may_stop_early_while_the_log_grows(self, disk: Disk) -> None:
        """Commits go on while somebody is in the middle of reading."""
        store = disk()
        epoch = store.take_over()
        store.commit(group(0, entries(0, 5), epoch))
        reading = store.leaves(0, 100)
        assert next(reading) == entries(0, 1)[0].leaf
        store.commit(group(5, entries(5, 9), epoch))
        assert next(reading) == entries(1, 2)[0].leaf
        del reading
        assert len(list(store.leaves(0, 100))) == 9
        store.close()

    def test_openings_are_erased_and_entries_stay(self, disk: Disk) -> None:
        """Any indices, in any order, twice; a restart does not bring them back."""
        store = disk()
        epoch = store.take_over()
        wanted = entries(0, 40)
        for start, stop in ((0, 1), (1, 17), (17, 18), (18, 40)):
            store.commit(group(start, wanted[start:stop], epoch))
        assert store.erase_openings([]) == 0
        gone = [39, 5, 17, 5, 6, 16, 1]
        assert store.erase_openings(gone) == len([n for n in set(gone) if wanted[n].opening])
        assert store.erase_openings(gone) == 0
        assert store.erase_openings([-1, 40, 1_000]) == 0
        openings = [b"" if n in gone else each.opening for n, each in enumerate(wanted)]
        store.scrub()
        for again in (False, True):
            if again:
                store.close()
                store = disk()
            assert list(store.openings(0, 50)) == openings
            assert list(store.leaves(0, 50)) == [each.leaf for each in wanted]
        store.commit(group(40, entries(40, 41), store.take_over()))
        assert list(store.openings(39, 50)) == [b"", entries(40, 41)[0].opening]
        store.close()

    def test_what_lies_before_the_floor_is_gone_and_the_log_goes_on(self, disk: Disk) -> None:
        """Entries and openings before it raise PrunedError; tiles, head, side rows and the rest stay."""
        store = disk()
        epoch = store.take_over()
        wanted = entries(0, 1_100)
        tiles = [(0, n, bytes([n]) * 8192) for n in range(4)]
        store.commit(group(0, [*wanted[:300]], epoch, tiles[:1]))
        side = (SideWrite("keys", b"k", b"v"),)
        store.commit(group(300, [Submission(*wanted[300][:2], side), *wanted[301:1_100]], epoch, tiles[1:]))
        assert store.floor() == 0
        store.prune(512)
        for again in (False, True):
            if again:
                store.close()
                store = disk()
            assert store.floor() == 512
            for first, stop in ((0, 1), (0, 1_100), (511, 512), (299, 600)):
                with pytest.raises(PrunedError):
                    list(store.leaves(first, stop))
                with pytest.raises(PrunedError):
                    list(store.openings(first, stop))
            assert list(store.leaves(0, 0)) == []
            for first in (512, 513, 700):
                assert list(store.leaves(first, 1_200)) == [each.leaf for each in wanted[first:]]
                assert list(store.openings(first, 1_200)) == [each.opening for each in wanted[first:]]
            assert [store.tile(0, n) for n in range(5)] == [*(hashes for _, _, hashes in tiles), None]
            assert store.side("keys", b"k") == b"v"
        assert store.erase_openings([3, 511]) == 0
        assert store.erase_openings([512]) == 1
        epoch = store.take_over()
        store.commit(group(1_100, entries(1_100, 1_300), epoch))
        with pytest.raises(FencedError):
            store.commit(group(0, entries(0, 3), epoch))
        assert len(list(store.leaves(512, 2_000))) == 1_300 - 512
        store.close()

    def test_the_floor_only_rises(self, disk: Disk) -> None:
        """A lower one leaves it; one that no log of that size can have is our mistake."""
        store = disk()
        store.commit(group(0, entries(0, 1_024), store.take_over()))
        store.prune(0)
        assert store.floor() == 0
        for wrong in (-256, 1, 255, 1_024, 1_280):
            with pytest.raises(ValueError, match="cannot begin"):
                store.prune(wrong)
        store.prune(512)
        store.prune(256)
        store.prune(512)
        assert store.floor() == 512
        store.prune(768)
        assert store.floor() == 768
        assert list(store.leaves(768, 2_000)) == [each.leaf for each in entries(768, 1_024)]
        store.close()

    def test_a_reader_whom_the_floor_overtakes_is_told(self, disk: Disk) -> None:
        """What was about to be read is pruned: an error that says so, not a damaged log, not other entries."""
        store = disk()
        epoch = store.take_over()
        big = [Submission(b"%06d" % n + bytes(60_000), b"opening") for n in range(1_024)]
        for first in range(0, 1_024, 128):
            store.commit(group(first, big[first : first + 128], epoch))
        reading = store.leaves(0, 1_024)
        seen = [next(reading)]
        store.prune(768)
        with pytest.raises(PrunedError):
            seen.extend(reading)
        assert seen == [each.leaf for each in big[: len(seen)]]
        store.close()

    def test_closing_twice_is_no_error(self, disk: Disk) -> None:
        """Shutdown paths may meet."""
        store = disk()
        store.close()
        store.close()
