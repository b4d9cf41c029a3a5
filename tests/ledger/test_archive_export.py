"""Exporting: looks before it writes, can be killed at any write, and refuses every archive that is not this log's."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.errors import ArchiveError, ArchiveForkError, CorruptLogError
from stepwarden.ledger.archive import Exported, export
from stepwarden.ledger.archive_check import Checked, Held, check, expected
from stepwarden.ledger.note import Ed25519Signer, sign_note
from stepwarden.ledger.tiles import WIDTH
from tests.ledger.archived_log import KEYS, ORIGIN, SIGNER, GrowingLog, MemoryArchive


def send(log: GrowingLog, archive: MemoryArchive, size: int, *, history: bool = True) -> Exported:
    return export(log.store, archive, log.notes[size], verifiers=KEYS, origin=ORIGIN, history=history)


def look(log: GrowingLog, archive: MemoryArchive, retain: int | None = None) -> Checked:
    return check(log.store, archive, verifiers=KEYS, origin=ORIGIN, retain=retain)


def complete(archive: MemoryArchive, size: int) -> None:
    """Everything that a reader of that size needs is there."""
    missing = [path.format() for path in expected(size) if path.format() not in archive.files]
    assert not missing


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 512, 70_000])
def test_an_export_holds_all_that_a_reader_needs(size: int) -> None:
    """Whatever the size: entries, tiles, both checkpoints, and it reads back as ours."""
    log, archive = GrowingLog(), MemoryArchive()
    note = log.grow_to(size)
    done = send(log, archive, size)
    complete(archive, size)
    assert (done.before, done.size) == (0, size)
    assert archive.files["checkpoint"].decode() == archive.files[f"checkpoints/{size}"].decode() == note
    assert look(log, archive).ok


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 1400), min_size=1, max_size=5), st.data())
def test_exports_in_any_steps_end_alike(sizes: list[int], data: st.DataObject) -> None:
    """Growing in steps, killed at any write and run again: the same readable archive as in one go."""
    log, archive = GrowingLog(), MemoryArchive()
    for size in sorted(sizes):
        log.grow_to(size)
        archive.fail_at = data.draw(st.integers(0, 30))
        try:
            send(log, archive, size)
        except ArchiveError:
            archive.fail_at = None
            if "checkpoint" in archive.files:  # what a reader saw before is still all there
                complete(archive, look(log, archive).size)
            send(log, archive, size)
        archive.fail_at = None
        complete(archive, size)
        assert look(log, archive).ok


def test_the_checkpoint_comes_last_and_after_all_is_durable() -> None:
    """Entries, then tiles, then a flush, then the checkpoints, each flushed."""
    log, archive = GrowingLog(), MemoryArchive()
    log.grow_to(600)
    send(log, archive, 600)
    assert archive.writes[-5:] == ["flush", "checkpoints/600", "flush", "checkpoint", "flush"]
    tiles = [path.startswith("tile/entries/") for path in archive.writes[:-5]]
    assert tiles == sorted(tiles, reverse=True)


def test_full_tiles_are_immutable_and_partial_ones_go() -> None:
    """Only what never changes is fixed; partial tiles leave when their full one is there."""
    log, archive = GrowingLog(), MemoryArchive()
    for size in (10, 200, 300):
        log.grow_to(size)
        send(log, archive, size)
    assert archive.fixed == {
        "tile/entries/000", "tile/0/000", "checkpoints/10", "checkpoints/200", "checkpoints/300",
    }  # fmt: skip
    assert not [path for path in archive.files if path.startswith(("tile/entries/000.p", "tile/0/000.p"))]


def test_nothing_is_written_twice() -> None:
    """The same note again writes nothing; more entries write only what changed."""
    log, archive = GrowingLog(), MemoryArchive()
    log.grow_to(5_000)
    send(log, archive, 5_000)
    archive.writes.clear()
    again = send(log, archive, 5_000)
    assert (again.files, again.bytes) == (0, 0)
    assert not [path for path in archive.writes if path != "flush"]
    log.grow_to(5_010)
    assert send(log, archive, 5_010).files == 2  # the last bundle and the last tile of level 0


def test_an_older_note_leaves_a_longer_archive_alone() -> None:
    """Two exports side by side: the one with the older note finds its work done."""
    log, archive = GrowingLog(), MemoryArchive()
    log.grow_to(100)
    log.grow_to(300)
    send(log, archive, 300)
    files = dict(archive.files)
    assert send(log, archive, 100) == Exported(before=300, size=300, files=0, bytes=0, removed=0)
    assert archive.files == files


def test_later_cosignatures_replace_the_checkpoint_and_keep_the_first() -> None:
    """The same size with more signatures is no fork."""
    log, archive = GrowingLog(), MemoryArchive()
    note = log.grow_to(20)
    send(log, archive, 20)
    other = Ed25519Signer.from_seed("witness.example", bytes(32))
    text = note.split("\n\n")[0] + "\n"
    more = log.notes[20] = sign_note(text, [SIGNER, other])
    send(log, archive, 20)
    assert archive.files["checkpoint"].decode() == more
    assert archive.files["checkpoints/20"].decode() == note


def refused(log: GrowingLog, archive: MemoryArchive, size: int, match: str) -> None:
    files = dict(archive.files)
    with pytest.raises(ArchiveForkError, match=match):
        send(log, archive, size)
    assert archive.files == files, "nothing may be written before the archive is known to be ours"


def test_attack_a_log_rolled_back_is_not_exported_over_its_archive() -> None:
    """Yesterday's database restored: the archive knows more, and says so."""
    log, archive = GrowingLog(), MemoryArchive()
    log.grow_to(400)
    send(log, archive, 400)
    restored = GrowingLog()
    restored.grow_to(350)
    refused(restored, archive, 350, "rolled back or cut")


def test_attack_a_rolled_back_log_with_the_archives_checkpoint_wound_back_too() -> None:
    """Whoever replaces ``checkpoint`` by its older self is told on by the kept ones."""
    log, archive = GrowingLog(), MemoryArchive()
    for size in (350, 400):
        log.grow_to(size)
        send(log, archive, size)
    archive.files["checkpoint"] = log.notes[350].encode()
    restored = GrowingLog()
    restored.grow_to(390)
    refused(restored, archive, 390, "rolled back or cut")


def test_attack_a_rewritten_log_signed_with_the_stolen_key() -> None:
    """The same origin and key, another past: refused although the new log is longer."""
    log, archive = GrowingLog(), MemoryArchive()
    log.grow_to(400)
    send(log, archive, 400)
    forged = GrowingLog(b"forged")
    forged.grow_to(700)
    refused(forged, archive, 700, "rewritten")


def test_attack_another_logs_archive() -> None:
    """Another origin, or a key that is not ours: refused, not merged."""
    other = GrowingLog(
        origin="log.example/other", signer=Ed25519Signer.from_seed("log.example/other", bytes(32))
    )
    other.grow_to(30)
    archive = MemoryArchive()
    archive.files["checkpoint"] = other.notes[30].encode()
    log = GrowingLog()
    log.grow_to(40)
    refused(log, archive, 40, "another log's archive")
    stranger = GrowingLog(signer=Ed25519Signer.from_seed(ORIGIN, bytes(32)))
    stranger.grow_to(30)
    archive.files["checkpoint"] = stranger.notes[30].encode()
    refused(log, archive, 40, "known key")
    archive.files["checkpoint"] = b"\xff\xfe"
    refused(log, archive, 40, "known key")


def test_attack_a_kept_checkpoint_under_another_size() -> None:
    """History cannot be relabelled."""
    log, archive = GrowingLog(), MemoryArchive()
    log.grow_to(30)
    send(log, archive, 30)
    archive.files["checkpoints/31"] = log.notes[30].encode()
    log.grow_to(50)
    refused(log, archive, 50, "counts 30 entries")


def test_a_damaged_log_is_not_exported() -> None:
    """A note that is not this log's stops before anything is written."""
    log, other, archive = GrowingLog(), GrowingLog(b"other"), MemoryArchive()
    log.grow_to(300)
    other.grow_to(300)
    log.notes[300] = other.notes[300]
    with pytest.raises(CorruptLogError, match="not this log's"):
        send(log, archive, 300)
    assert not archive.files


def test_attack_each_changed_or_missing_file_is_named() -> None:
    """Reading back finds one byte anywhere, and every file that is gone."""
    log, archive = GrowingLog(), MemoryArchive()
    for size in (300, 700):
        log.grow_to(size)
        send(log, archive, size)
    for path in [*(tile.format() for tile in expected(700)), "checkpoints/300", "checkpoints/700"]:
        whole = archive.files[path]
        archive.files[path] = whole[:-1] + bytes([whole[-1] ^ 1])
        found = look(log, archive)
        assert (found.different.named, found.ok) == ([path], False)
        archive.files[path] = whole[:-1]
        assert look(log, archive).different.named == [path]
        if not path.startswith("checkpoints"):
            del archive.files[path]
            assert look(log, archive).missing.named == [path]
        archive.files[path] = whole
    assert look(log, archive).ok


def test_locks_are_judged_one_by_one() -> None:
    """Not locked, locked too short, overlaid: each is told apart, for kept files only."""
    log, archive = GrowingLog(), MemoryArchive()
    log.grow_to(WIDTH * 3 + 5)
    send(log, archive, WIDTH * 3 + 5)
    year = 365 * 86_400

    def held(path: str) -> Held:
        return Held(
            data=archive.files[path],
            written=1_000,
            locked_until={"tile/0/000": 0, "tile/0/001": 1_000 + year - 7_200}.get(path, 1_000 + year),
            overlaid=path == "tile/0/002",
        )

    found = check(log.store, archive, verifiers=KEYS, origin=ORIGIN, retain=year, locks=held)
    assert (found.unlocked.named, found.short.named, found.overlaid.named) == (
        ["tile/0/000"], ["tile/0/001"], ["tile/0/002"],
    )  # fmt: skip
    assert not found.missing.count
    assert not found.different.count
    unasked = check(log.store, archive, verifiers=KEYS, origin=ORIGIN, retain=None, locks=held)
    assert [places.count for _, places in unasked.troubles()] == [0, 0, 0, 0, 1]


def test_a_sample_reads_so_many() -> None:
    """``choose`` picks; the rest is not read."""
    log, archive = GrowingLog(), MemoryArchive()
    log.grow_to(5_000)
    send(log, archive, 5_000)
    found = check(
        log.store, archive, verifiers=KEYS, origin=ORIGIN, retain=None, choose=lambda count: {0, count - 1}
    )
    assert (found.files, found.expected) == (2, len(list(expected(5_000))) + 1)


def test_an_empty_archive_cannot_be_checked() -> None:
    """Nothing there is not the same as nothing wrong."""
    log = GrowingLog()
    log.grow_to(3)
    with pytest.raises(ArchiveError, match="export to it first"):
        look(log, MemoryArchive())
