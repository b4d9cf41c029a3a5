"""Signed notes: other people's notes, attacks, and every byte mangled."""

import base64

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stepwarden.errors import BadSignatureError, LedgerError, MalformedNoteError
from stepwarden.ledger.note import (
    MAX_SIGNATURES,
    Ed25519Signer,
    Ed25519Verifier,
    Signature,
    SignedNote,
    decode_base64,
    encode_base64,
    is_key_name,
    open_note,
    sign_note,
)

# The example of Go's golang.org/x/mod/sumdb/note, an independent implementation.
GO_SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
)
GO_LINE = (
    "— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)

OURS = Ed25519Signer.from_seed("log.example/ours", bytes(range(32)))
THEIRS = Ed25519Signer.from_seed("witness.example", bytes(range(1, 33)))
TEXT = "log.example/ours\n12\n\nblank lines are text\n"
NOTE = sign_note(TEXT, [OURS, THEIRS])


def test_go_reads_and_writes_the_same() -> None:
    """Key texts, key id, signature and note are byte for byte those of Go's implementation."""
    signer = Ed25519Signer.parse(GO_SECRET)
    assert signer.format() == GO_SECRET
    assert signer.verifier.format() == GO_PUBLIC
    assert sign_note(GO_TEXT, [signer]) == GO_TEXT + "\n" + GO_LINE
    assert open_note(GO_TEXT + "\n" + GO_LINE, [Ed25519Verifier.parse(GO_PUBLIC)]) == GO_TEXT


def test_the_specification_s_example_reads_back() -> None:
    """The note in c2sp.org/signed-note, blank line and accent included, is taken apart and written the
    same.
    """
    note = (
        "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n"
        "— quasimodo.example/salvatore "
        "NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n"
    )
    found = SignedNote.parse(note)
    assert found.format() == note
    assert found.text.endswith("sole:\n\ned è subito sera.\n")
    assert found.signatures[0].name == "quasimodo.example/salvatore"


def test_any_one_of_several_keys_opens_a_note() -> None:
    """Knowing one signer is enough; the order and the number of known keys do not matter."""
    for verifiers in ([OURS.verifier], [THEIRS.verifier], [THEIRS.verifier, OURS.verifier]):
        assert open_note(NOTE, verifiers) == TEXT


def test_a_note_by_strangers_is_refused() -> None:
    """A note that no known key signed says nothing."""
    stranger = Ed25519Signer.from_seed("log.example/ours", bytes(32))
    with pytest.raises(BadSignatureError, match="no known key"):
        open_note(NOTE, [stranger.verifier])
    with pytest.raises(BadSignatureError, match="no known key"):
        open_note(NOTE, [])


def test_a_known_key_s_bad_signature_refuses_the_whole_note() -> None:
    """A good signature beside it does not help: somebody is lying about a key that we trust."""
    lines = SignedNote.parse(NOTE).signatures
    forged = Signature(name=lines[1].name, key_id=lines[1].key_id, signature=bytes(64))
    note = SignedNote(text=TEXT, signatures=(lines[0], forged)).format()
    with pytest.raises(BadSignatureError, match=r"witness\.example does not verify"):
        open_note(note, [OURS.verifier, THEIRS.verifier])
    # The same line by a key that is not known is ignored, as the specification demands.
    assert open_note(note, [OURS.verifier]) == TEXT


def test_a_repeated_line_must_verify_too() -> None:
    """A second line by the same key cannot smuggle in a bad signature behind a good one."""
    good = SignedNote.parse(NOTE).signatures[0]
    bad = Signature(name=good.name, key_id=good.key_id, signature=good.signature[::-1])
    with pytest.raises(BadSignatureError):
        open_note(SignedNote(text=TEXT, signatures=(good, bad)).format(), [OURS.verifier])


def test_another_key_under_our_name_is_a_stranger() -> None:
    """Name and key id count together: sharing one of them is not being known."""
    impostor = Ed25519Signer.from_seed(OURS.name, bytes(32))
    note = sign_note(TEXT, [impostor, OURS])
    assert open_note(note, [OURS.verifier]) == TEXT


def test_a_signature_over_another_text_is_refused() -> None:
    """A signature cannot be moved to a text with one blank line more."""
    moved = NOTE.replace("12\n\nblank", "12\n\n\nblank")
    with pytest.raises(BadSignatureError):
        open_note(moved, [OURS.verifier])


def test_at_least_sixteen_signatures_are_read_and_a_flood_is_not() -> None:
    """The specification's minimum works; more than our limit is refused before any verifying."""
    signers = [Ed25519Signer.from_seed(f"witness.example/{number}", bytes(32)) for number in range(65)]
    assert open_note(sign_note(TEXT, signers[:16]), [signers[15].verifier]) == TEXT
    assert open_note(sign_note(TEXT, signers[:MAX_SIGNATURES]), [signers[0].verifier]) == TEXT
    with pytest.raises(MalformedNoteError, match="more than"):
        open_note(sign_note(TEXT, signers), [signers[0].verifier])


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        "text\n",
        "text\n\n",
        "text",
        "\n\n",
        NOTE[:-1],
        NOTE + "\n",
        NOTE + "more\n",
        NOTE.replace("—", "-", 1),
        NOTE.replace("— log", "—  log", 1),
        NOTE.replace("log.example/ours ", "log example/ours ", 1),
        NOTE.replace("\n", "\r\n"),
        NOTE.replace("12\n", "12\t\n", 1),
        NOTE.replace("12\n", "12\0\n", 1),
        NOTE.replace("12\n", "12\ud800\n", 1),
        NOTE.replace("— log.example/ours ", "— log.example/ours\u2028", 1),
        TEXT + "\n— name \n",
        TEXT + "\n— name AAAAAA==\n",
        TEXT + "\n—  AAAAAAA=\n",
        TEXT + "\n— na+me AAAAAAA=\n",
        TEXT + "\n— name AAAAAAB=\n",
        TEXT + "\n— name AAAA AAA=\n",
        "x" * 1_000_001,
    ],
)
def test_what_is_no_note_is_refused(note: str) -> None:
    """Each wrong spelling raises our error, whatever is wrong with it."""
    with pytest.raises(MalformedNoteError):
        open_note(note, [OURS.verifier])


@given(st.integers(0, len(NOTE.encode()) - 1), st.integers(1, 255))
@settings(max_examples=500, deadline=None)
def test_every_byte_of_a_note_counts(at: int, flip: int) -> None:
    """However one byte is changed, both known keys' note is refused: text, names, ids and signatures alike.

    A changed name or id makes its key a stranger, so the other key must not be enough to hide that here: we
    ask for both lines, as a quorum would.
    """
    data = bytearray(NOTE.encode())
    data[at] ^= flip
    try:
        note = bytes(data).decode()
    except UnicodeDecodeError:
        return
    first_line = len(TEXT.encode()) + 1
    try:
        opened = open_note(note, [OURS.verifier, THEIRS.verifier])
    except LedgerError:
        return
    # Only a line that became a stranger's may change without refusing the note, and the text never.
    assert at >= first_line
    assert opened == TEXT
    names = {(line.name, line.key_id) for line in SignedNote.parse(note).signatures}
    assert not {(OURS.name, OURS.key_id), (THEIRS.name, THEIRS.key_id)} <= names


@given(st.text())
@example("a\n\n— b AAAAAAA=\n")
def test_no_text_breaks_the_parser(text: str) -> None:
    """A text is refused with our error, or is exactly what format writes."""
    try:
        found = SignedNote.parse(text)
    except MalformedNoteError:
        return
    assert found.format() == text


@given(st.text(st.characters(exclude_categories=["C", "Z"]), max_size=40), st.lists(st.binary(min_size=1)))
def test_any_note_reads_back(text: str, signatures: list[bytes]) -> None:
    """format, then parse, gives the same note."""
    lines = tuple(Signature(name="k", key_id=b"abcd", signature=each) for each in signatures[:5] or [b"x"])
    note = SignedNote(text=text + "\n", signatures=lines)
    assert SignedNote.parse(note.format()) == note


@pytest.mark.parametrize("text", ["", "no newline", "tab\t\n", "nul\0\n", "\ud800\n"])
def test_what_is_no_text_is_not_signed(text: str) -> None:
    """Signing it is our own mistake."""
    with pytest.raises(ValueError, match="ends in a newline"):
        sign_note(text, [OURS])


def test_a_note_without_signer_is_not_made() -> None:
    """There is no unsigned note."""
    with pytest.raises(ValueError, match="needs a signer"):
        sign_note(TEXT, [])


@given(st.integers(0, len(GO_PUBLIC) - 1), st.characters(max_codepoint=0x2100))
@settings(max_examples=300)
def test_every_character_of_a_public_key_counts(at: int, character: str) -> None:
    """A typing error in a vkey is refused, by its id or its form."""
    text = GO_PUBLIC[:at] + character + GO_PUBLIC[at + 1 :]
    if text != GO_PUBLIC:
        with pytest.raises(MalformedNoteError):
            Ed25519Verifier.parse(text)


@given(st.integers(0, len(GO_SECRET) - 1), st.characters(max_codepoint=0x2100))
@settings(max_examples=300)
def test_every_character_of_a_secret_key_counts(at: int, character: str) -> None:
    """A typing error in an skey is refused, and the message does not show the key."""
    text = GO_SECRET[:at] + character + GO_SECRET[at + 1 :]
    if text != GO_SECRET:
        with pytest.raises(MalformedNoteError) as caught:
            Ed25519Signer.parse(text)
        assert GO_SECRET[-20:] not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a+b",
        "a+b+c",
        "a+00000000+",
        "name+c74f20a3+" + base64.b64encode(b"\x04" + bytes(32)).decode(),
        "name+c74f20a3+" + base64.b64encode(b"\x01" + bytes(31)).decode(),
        GO_PUBLIC + "\n",
        " " + GO_PUBLIC,
        GO_PUBLIC.replace("c74f20a3", "C74F20A3"),
        GO_PUBLIC.replace("c74f20a3", "c74f20a4"),
        GO_PUBLIC.replace("PeterNeumann", "Peter Neumann"),
    ],
)
def test_what_is_no_public_key_is_refused(text: str) -> None:
    """Each raises our error, in the public and in the secret form."""
    with pytest.raises(MalformedNoteError):
        Ed25519Verifier.parse(text)
    with pytest.raises(MalformedNoteError):
        Ed25519Signer.parse("PRIVATE+KEY+" + text)


@given(st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="+"), min_size=1))
@settings(max_examples=50)
def test_any_key_reads_back(name: str) -> None:
    """Secret and public texts give the same key again."""
    signer = Ed25519Signer.from_seed(name, bytes(32))
    assert Ed25519Signer.parse(signer.format()).format() == signer.format()
    assert Ed25519Verifier.parse(signer.verifier.format()).key_id == signer.key_id


def test_a_secret_key_does_not_show_itself() -> None:
    """Neither repr nor str of a signer holds its text."""
    secret = OURS.format().rsplit("+", 1)[1]
    assert secret not in repr(OURS)
    assert secret not in str(OURS)


def test_a_verifier_raises_nothing() -> None:
    """Whatever the bytes of a signature, the answer is no."""
    for signature in (b"", b"x", bytes(63), bytes(64), bytes(65)):
        assert not OURS.verifier.verify(b"message", signature)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u00a0b", "a\x85b", "a\t", "\ud800"])
def test_names_that_no_key_may_have(name: str) -> None:
    """Spaces of any alphabet, plus signs and control characters are no part of a name."""
    assert not is_key_name(name)
    with pytest.raises(MalformedNoteError):
        Ed25519Signer.from_seed(name, bytes(32))


def test_a_seed_has_32_bytes() -> None:
    """Another length is refused, in our words."""
    with pytest.raises(MalformedNoteError, match="32 bytes"):
        Ed25519Signer.from_seed("name", bytes(31))


@given(st.text(max_size=12) | st.text("AB+/=", max_size=12))
def test_base64_has_one_spelling(text: str) -> None:
    """What is read is written the same; everything else is refused."""
    try:
        data = decode_base64(text)
    except MalformedNoteError:
        return
    assert encode_base64(data) == text
