"""Published logs: read whole, growing, tidied up, pruned and damaged; and every bundle parsed or refused."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.errors import (
    BadSignatureError,
    CorruptLogError,
    MalformedNoteError,
    PrunedError,
    RollbackError,
    WitnessError,
)
from stepwarden.ledger.cosignature import Ed25519Cosigner, MlDsaCosigner
from stepwarden.ledger.note import Ed25519Signer
from stepwarden.ledger.publish import format_bundle
from stepwarden.ledger.published import PublishedLog, parse_bundle
from stepwarden.ledger.sources import DirectorySource
from stepwarden.ledger.verify import Report
from stepwarden.ledger.verify_published import verify_published
from stepwarden.ledger.witness_policy import WitnessPolicy
from tests.ledger.published_logs import ORIGIN, SIGNER, TIME, made_log, put

LOG = made_log(70_000)
SMALL = made_log(700)
MIDDLE = made_log(3_000)


def check(folder: Path, earlier: list[str] | None = None, policy: WitnessPolicy | None = None) -> Report:
    return verify_published(
        DirectorySource(folder),
        origin=ORIGIN,
        verifiers=[SIGNER.verifier],
        earlier=earlier or [],
        policy=policy,
    )


def failed(report: Report) -> list[str]:
    return [step.title for step in report.steps if not step.ok]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A published log of 700 entries."""
    SMALL.publish(tmp_path, 700)
    return tmp_path


def test_a_large_log_with_three_levels_of_tiles_passes(tmp_path: Path) -> None:
    """70,000 entries, as in the specification's example, with their past; the progress is told."""
    LOG.publish(tmp_path, 70_000)
    told: list[int] = []
    report = verify_published(
        DirectorySource(tmp_path),
        origin=ORIGIN,
        verifiers=[SIGNER.verifier],
        earlier=[LOG.note(1), LOG.note(65_536), LOG.note(69_999)],
        policy=None,
        progress=lambda done, end: told.append(done),
    )
    assert report.ok, str(report)
    assert (report.size, report.root) == (70_000, LOG.claim(70_000).root)
    assert told == sorted(told)
    assert told[-1] == 70_000
    (partial,) = [step for step in report.steps if step.title == "the partial tiles"]
    assert partial.count == 3


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 512])
def test_a_log_of_any_size_passes(tmp_path: Path, size: int) -> None:
    """Also the empty one, and those that have no partial files at all."""
    note = SMALL.publish(tmp_path, size)
    assert check(tmp_path, [note]).ok


def test_a_log_that_grew_and_kept_its_old_partial_files_passes(tmp_path: Path) -> None:
    """Whatever lies about from smaller sizes is not looked at."""
    old = 0
    for size in (10, 200, 256, 300, 700):
        SMALL.publish(tmp_path, size, old=old)
        old = size
    assert check(tmp_path, [SMALL.note(200)]).ok


def test_partial_files_that_were_replaced_by_full_ones_are_cut_from_those(tmp_path: Path) -> None:
    """The checkpoint of 300 entries; the partial files of that size went when the log had filled the tile."""
    note = SMALL.publish(tmp_path, 300)
    SMALL.publish(tmp_path, 700, old=300)
    shutil.rmtree(tmp_path / "tile" / "entries" / "001.p")
    shutil.rmtree(tmp_path / "tile" / "0" / "001.p")
    put(tmp_path / "checkpoint", note.encode())
    report = check(tmp_path)
    assert report.ok, str(report)
    assert "beyond the checkpoint" in str(report)


def test_a_log_that_grows_while_it_is_read_passes(tmp_path: Path) -> None:
    """The first checkpoint that was read counts; entries published meanwhile are no alarm."""
    SMALL.publish(tmp_path, 300)
    grown: list[int] = []

    def grow(done: int, end: int) -> None:
        if not grown:
            grown.append(done)
            SMALL.publish(tmp_path, 700, old=300)
            shutil.rmtree(tmp_path / "tile" / "entries" / "001.p")
            shutil.rmtree(tmp_path / "tile" / "0" / "001.p")

    report = verify_published(
        DirectorySource(tmp_path),
        origin=ORIGIN,
        verifiers=[SIGNER.verifier],
        earlier=[],
        policy=None,
        progress=grow,
    )
    assert report.ok, str(report)
    assert report.size == 300


KINDS: dict[str, tuple[str, list[str]]] = {
    "the checkpoint's size": ("checkpoint", ["the head"]),
    "a full bundle": ("tile/entries/001", ["the tree", "the tiles"]),
    "the partial bundle": ("tile/entries/002.p/188", ["the tree", "the partial tiles"]),
    "a full tile": ("tile/0/001", ["the tiles", "the partial tiles"]),
    "a partial tile of level 0": ("tile/0/002.p/188", ["the partial tiles"]),
    "a partial tile of level 1": ("tile/1/000.p/2", ["the partial tiles"]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_one_flipped_bit_in_each_kind_of_file_fails_the_step_that_is_for_it(folder: Path, kind: str) -> None:
    """The report names what is damaged, and no other step."""
    name, titles = KINDS[kind]
    path = folder / name
    data = bytearray(path.read_bytes())
    # In the checkpoint its size; in a bundle a byte of its first entry, behind the length.
    data[len(ORIGIN) + 1 if name == "checkpoint" else 5] ^= 1
    path.write_bytes(data)
    found = failed(check(folder))
    assert set(titles) <= set(found)
    if name == "checkpoint":  # its size is 600 now, so nothing below it fits either
        assert check(folder).steps[0].error.__class__ is BadSignatureError
    else:
        assert found == titles


@pytest.mark.parametrize(
    ("name", "titles"),
    [
        ("tile/entries/001", ["the entries", "the tree", "the tiles", "the partial tiles"]),
        ("tile/entries/002.p/188", ["the entries", "the tree", "the tiles", "the partial tiles"]),
        ("tile/0/001", ["the tiles", "the partial tiles"]),
        ("tile/0/002.p/188", ["the partial tiles"]),
        ("tile/1/000.p/2", ["the partial tiles"]),
    ],
)
def test_a_missing_or_shortened_file_fails(folder: Path, name: str, titles: list[str]) -> None:
    """Gone, cut by a byte, empty: it is never read as if it were whole."""
    path = folder / name
    data = path.read_bytes()
    for broken in (None, data[:-1], data + b"\0", b""):
        path.unlink(missing_ok=True)
        if broken is not None:
            path.write_bytes(broken)
        found = failed(check(folder))
        assert found, f"{name} as {broken!r:.20}"
        assert set(found) <= set(titles)


def test_two_swapped_entries_fail(folder: Path) -> None:
    """Order is part of what was signed."""
    path = folder / "tile/entries/000"
    entries = parse_bundle(path.read_bytes(), 256)
    entries[3], entries[4] = entries[4], entries[3]
    path.write_bytes(format_bundle(entries))
    assert failed(check(folder)) == ["the tree", "the tiles"]


def test_a_log_with_its_end_cut_off_is_caught_by_whoever_kept_a_checkpoint(tmp_path: Path) -> None:
    """Yesterday's checkpoint over today's directory is a good log by itself, and mentioned; not with a newer note."""
    newer = SMALL.publish(tmp_path, 700)
    SMALL.publish(tmp_path, 300)
    report = check(tmp_path)
    assert report.ok
    assert "its end was cut off" in str(report)
    caught = check(tmp_path, [newer])
    assert failed(caught) == ["the past"]
    with pytest.raises(RollbackError, match="does not reach"):
        caught.raise_failure()


def test_another_log_under_the_same_key_is_caught_by_whoever_kept_a_checkpoint(tmp_path: Path) -> None:
    """A stolen key signs a rewritten log: each step holds but the past."""
    forged = made_log(800, mark=b"forged")
    forged.publish(tmp_path, 800)
    assert check(tmp_path).ok
    assert failed(check(tmp_path, [SMALL.note(700)])) == ["the past"]


def test_a_checkpoint_by_another_key_fails(folder: Path) -> None:
    """The files are all right and nobody that we trust says so."""
    other = Ed25519Signer.from_seed(ORIGIN, bytes(32))
    put(folder / "checkpoint", SMALL.note(700, signer=other).encode())
    assert failed(check(folder)) == ["the head"]


def test_the_witnesses_of_a_policy_must_have_signed(folder: Path) -> None:
    """Two of three have; without one of them the step fails, and only that."""
    keys = [Ed25519Cosigner.from_seed("w1", bytes(32)), MlDsaCosigner.from_seed("w2", bytes(32))]
    text = (
        "".join(f"witness {key.name} {key.verifier.format()}\n" for key in keys)
        + "group g 2 w1 w2\nquorum g\n"
    )
    policy = WitnessPolicy.parse(text)
    body = SMALL.claim(700).format()
    lines = [key.cosign(body, TIME) for key in keys]
    put(folder / "checkpoint", SMALL.note(700, lines=lines).encode())
    report = check(folder, policy=policy)
    assert report.ok, str(report)
    assert "signed by w1, w2" in report.steps[-1].detail
    put(folder / "checkpoint", SMALL.note(700, lines=lines[:1]).encode())
    report = check(folder, policy=policy)
    assert failed(report) == ["the witnesses"]
    assert isinstance(report.steps[-1].error, WitnessError)


def prune(folder: Path, bundles: int) -> None:
    for index in range(bundles):
        (folder / f"tile/entries/{index:03}").unlink()


@pytest.mark.parametrize("bundles", [0, 1, 2, 7, 11])
def test_the_floor_of_a_pruned_log_is_found(tmp_path: Path, bundles: int) -> None:
    """Bundles are missing from the beginning: entries from there on are read, those before are refused by name."""
    MIDDLE.publish(tmp_path, 3_000)
    prune(tmp_path, bundles)
    log = PublishedLog(DirectorySource(tmp_path))
    floor = bundles * 256
    assert log.floor() == floor
    assert list(log.leaves(floor, 3_001)) == MIDDLE.entries[floor:]
    if floor:
        with pytest.raises(PrunedError, match=str(floor)):
            next(log.leaves(floor - 1, 3_000))


def test_a_pruned_log_passes_and_the_report_says_what_is_not_there(tmp_path: Path) -> None:
    """The tree is still the signed one, from the tiles; the past is compared also below the floor."""
    MIDDLE.publish(tmp_path, 3_000)
    prune(tmp_path, 4)
    report = check(tmp_path, [MIDDLE.note(300), MIDDLE.note(2_000)])
    assert report.ok, str(report)
    assert "before 1024 were pruned" in str(report)
    assert "the past" in failed(check(tmp_path, [made_log(300, mark=b"other").note(300)]))
    tile = tmp_path / "tile/0/002"
    tile.write_bytes(bytes(32) + tile.read_bytes()[32:])
    assert "the tree" in failed(check(tmp_path))


def test_a_hole_is_not_taken_for_pruning(tmp_path: Path) -> None:
    """Missing in the middle is damage, whatever is missing before it, or is claimed to be."""
    MIDDLE.publish(tmp_path, 3_000)
    (tmp_path / "tile/entries/008").unlink()
    log = PublishedLog(DirectorySource(tmp_path))
    assert log.floor() == 0
    with pytest.raises(CorruptLogError, match=r"tile/entries/008$"):
        list(log.leaves(0, 3_000))
    assert "the entries" in failed(check(tmp_path))
    prune(tmp_path, 2)
    report = check(tmp_path)
    # Halving met one of the two holes: either the other is found on the way, or all before the second counts as gone.
    assert "the entries" in failed(report) or "before 2304 were pruned" in str(report)


def test_a_log_that_lost_its_end_is_not_a_pruned_one(folder: Path) -> None:
    """All entries gone, or the last ones: no floor excuses that."""
    prune(folder, 1)
    (folder / "tile/entries/002.p/188").unlink()
    assert PublishedLog(DirectorySource(folder)).floor() == 0
    (folder / "tile/entries/001").unlink()
    assert "the entries" in failed(check(folder))


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"hello\n", b"x" * 2_000_000])
def test_what_is_no_checkpoint_is_refused(folder: Path, data: bytes) -> None:
    """The first thing that is read can be anything."""
    put(folder / "checkpoint", data)
    with pytest.raises(MalformedNoteError):
        PublishedLog(DirectorySource(folder)).load()
    assert "the head" in failed(check(folder))


def test_no_log_at_all_is_no_good_log(tmp_path: Path) -> None:
    """An empty directory does not pass, and tells no size."""
    assert PublishedLog(DirectorySource(tmp_path)).load() is None
    assert PublishedLog(DirectorySource(tmp_path)).floor() == 0
    assert "the head" in failed(check(tmp_path))


@settings(max_examples=200, deadline=None)
@given(entries=st.lists(st.binary(max_size=20), max_size=8))
def test_bundles_read_back(entries: list[bytes]) -> None:
    """What was put in comes out, and only with the right number of entries."""
    data = format_bundle(entries)
    assert parse_bundle(data, len(entries)) == entries
    for wrong in (len(entries) + 1, max(0, len(entries) - 1)):
        if wrong != len(entries):
            with pytest.raises(CorruptLogError):
                parse_bundle(data, wrong)


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=40), width=st.integers(0, 8))
def test_any_bytes_are_a_bundle_or_refused(data: bytes, width: int) -> None:
    """And each bundle has one spelling."""
    try:
        entries = parse_bundle(data, width)
    except CorruptLogError:
        return
    assert format_bundle(entries) == data
    assert len(entries) == width


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_any_damage_to_any_file_is_found(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Any file, any byte, changed, cut or gone: some step fails."""
    folder = _shared(tmp_path_factory)
    path = data.draw(st.sampled_from(sorted(p for p in folder.rglob("*") if p.is_file())))
    good = path.read_bytes()
    at = data.draw(st.integers(0, len(good) - 1))
    harm: Callable[[bytes], bytes] = data.draw(
        st.sampled_from(
            [
                lambda b: b[:at] + bytes([b[at] ^ 1]) + b[at + 1 :],
                lambda b: b[:at],
                lambda b: b + b"x",
                lambda b: b[:at] + b[at + 1 :],
            ]
        )
    )
    try:
        path.write_bytes(harm(good))
        assert not check(folder, [SMALL.note(600)]).ok
    finally:
        path.write_bytes(good)


def _shared(factory: pytest.TempPathFactory) -> Path:
    folder = factory.getbasetemp() / f"shared-{os.getpid()}"
    if not folder.exists():
        SMALL.publish(folder, 600)
    return folder
