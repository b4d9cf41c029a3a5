"""Where checkpoints are kept: files of notes are taken apart, our own is written whole or not at all."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.app.outside import NEWEST, KeptFiles, PublishedFile, notes_in, read_notes
from stepwarden.errors import InputError, StorageError
from stepwarden.ledger.checkpoint import Checkpoint
from stepwarden.ledger.note import Ed25519Signer, sign_note

ORIGIN = "log.example/kept"
SIGNER = Ed25519Signer.from_seed(ORIGIN, bytes(32))
OTHER = Ed25519Signer.from_seed("witness.example/w", bytes(32))


def note(size: int, *, both: bool = False) -> str:
    text = Checkpoint(origin=ORIGIN, size=size, root=bytes(32)).format()
    return sign_note(text, [SIGNER, OTHER] if both else [SIGNER])


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=6), st.sampled_from(["", "\n", "\n\n"]))
def test_notes_in_one_file_are_taken_apart(made: list[tuple[int, bool]], between: str) -> None:
    """One after another, with or without blank lines, by one key or two."""
    notes = [note(size, both=both) for size, both in made]
    assert notes_in(between.join(notes)) == notes


@given(st.text(max_size=300))
def test_any_text_is_taken_apart_without_an_error(text: str) -> None:
    assert isinstance(notes_in(text), list)


def test_the_newest_of_a_folder_are_looked_at(tmp_path: Path) -> None:
    """Files by their age, other things in the folder left out."""
    (tmp_path / "folder").mkdir()
    for size in range(NEWEST + 5):
        (tmp_path / f"{size}.checkpoint").write_text(note(size))
    found = KeptFiles(tmp_path, suffix=".checkpoint").kept()
    assert len(found) == NEWEST
    assert note(NEWEST + 4) in [kept.note for kept in found]


@pytest.mark.parametrize("name", ["nowhere", "binary", "long"])
def test_files_that_cannot_be_read_are_out_of_reach_and_no_agreement(tmp_path: Path, name: str) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with (tmp_path / "long").open("wb") as file:
        file.truncate(NEWEST * 1_000_000 + 1)
    with pytest.raises(InputError):
        read_notes(tmp_path / name)


def test_our_own_note_is_replaced_whole(tmp_path: Path) -> None:
    """After each write the file is one of the notes; nothing else is left in the folder."""
    published = PublishedFile(tmp_path / "published.checkpoint")
    assert published.kept() == ()
    for size in range(3):
        published.write(note(size))
        assert [kept.note for kept in published.kept()] == [note(size)]
    assert [path.name for path in tmp_path.iterdir()] == ["published.checkpoint"]
    with pytest.raises(StorageError):
        PublishedFile(tmp_path / "nowhere" / "published.checkpoint").write(note(1))


def test_an_emptied_note_of_our_own_is_not_the_same_as_none(tmp_path: Path) -> None:
    (tmp_path / "published.checkpoint").write_text("")
    assert [kept.note for kept in PublishedFile(tmp_path / "published.checkpoint").kept()] == [""]
