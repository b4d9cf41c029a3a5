"""Checkpoints and receipts: one text each, and nothing proved by any other."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.errors import BadProofError, BadSignatureError, LedgerError, MalformedNoteError
from stepwarden.ledger.checkpoint import (
    EMPTY,
    MAX_SIZE,
    Checkpoint,
    check_origin,
    open_checkpoint,
    parse_size,
)
from stepwarden.ledger.merkle import EMPTY_ROOT, leaf_hash, root_of
from stepwarden.ledger.note import Ed25519Signer, sign_note
from stepwarden.ledger.proof import inclusion_proof
from stepwarden.ledger.tiles import StoredNodes, Tail
from stepwarden.ledger.tlog_proof import TlogProof
from tests.fakes_ledger import MemoryStore

ORIGIN = "log.example/ours"
SIGNER = Ed25519Signer.from_seed(ORIGIN, bytes(range(32)))
KEYS = [SIGNER.verifier]

# The example of c2sp.org/tlog-checkpoint.
SOFA = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"

ENTRIES = [b"entry %d" % number for number in range(11)]


def receipt_of(index: int, extra: bytes = b"") -> TlogProof:
    tail = Tail()
    tail.extend([leaf_hash(entry) for entry in ENTRIES])
    claim = Checkpoint(origin=ORIGIN, size=tail.size, root=tail.root())
    proof = inclusion_proof(index, tail.size, StoredNodes(MemoryStore(), tail))
    note = sign_note(claim.format(), [SIGNER])
    return TlogProof(index=index, hashes=tuple(proof), checkpoint=note, extra=extra)


RECEIPT = receipt_of(6).format()


def test_the_specification_s_example_reads_back() -> None:
    """The published checkpoint is understood and written the same."""
    found = Checkpoint.parse(SOFA)
    assert (found.origin, found.size) == ("example.com/behind-the-sofa", 20852163)
    assert found.format() == SOFA


def test_the_empty_root_is_known() -> None:
    """The constant in the module's example is the hash of nothing."""
    assert bytes.fromhex(EMPTY) == EMPTY_ROOT


def test_extension_lines_are_kept() -> None:
    """Other logs' extension lines are under the signature, so they are read and written."""
    found = Checkpoint.parse(SOFA + "one\ntwo 2\n")
    assert found.extensions == ("one", "two 2")
    assert found.format() == SOFA + "one\ntwo 2\n"


ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "a\n1\n",
        f"a\n1\n{ROOT}",
        f"a\n1\n{ROOT}\n\n",
        f"a\n1\n{ROOT}\nx\n\ny\n",
        f"\n1\n{ROOT}\n",
        f"a\n\n{ROOT}\n",
        f"a\n+1\n{ROOT}\n",
        f"a\n-1\n{ROOT}\n",
        f"a\n01\n{ROOT}\n",
        f"a\n00\n{ROOT}\n",
        f"a\n1_0\n{ROOT}\n",
        f"a\n 1\n{ROOT}\n",
        f"a\n1.0\n{ROOT}\n",
        f"a\n٣\n{ROOT}\n",
        f"a\n²\n{ROOT}\n",
        f"a\n{2**63}\n{ROOT}\n",
        f"a\n{'9' * 5000}\n{ROOT}\n",
        f"a\n1\n{ROOT[:-1]}\n",
        f"a\n1\n{ROOT[:-2]}J=\n",
        "a\n1\nAAAA\n",
        f"a\n1\n{ROOT} \n",
        f"a\r\n1\n{ROOT}\n",
        f"a\ud800\n1\n{ROOT}\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    """Second spellings of numbers and hashes, missing and empty lines all raise our error."""
    with pytest.raises(MalformedNoteError):
        Checkpoint.parse(text)


@given(
    st.text(st.characters(exclude_categories=["C"]), min_size=1),
    st.integers(0, MAX_SIZE),
    st.binary(min_size=32, max_size=32),
)
def test_any_checkpoint_reads_back(origin: str, size: int, root: bytes) -> None:
    """format, then parse, gives the same claim."""
    claim = Checkpoint(origin=origin, size=size, root=root)
    assert Checkpoint.parse(claim.format()) == claim


EDITED = st.builds(lambda at, new: SOFA[:at] + new + SOFA[at + 1 :], st.integers(0, 120), st.text(max_size=2))


@given(st.text() | EDITED)
def test_no_text_breaks_the_checkpoint_parser(text: str) -> None:
    """A text is refused with our error, or is exactly what format writes."""
    try:
        found = Checkpoint.parse(text)
    except MalformedNoteError:
        return
    assert found.format() == text


@given(st.text("0123456789+-_ .e", max_size=22))
def test_a_number_has_one_spelling(text: str) -> None:
    """What is read is written the same; everything else is refused."""
    try:
        number = parse_size(text)
    except MalformedNoteError:
        return
    assert str(number) == text
    assert number <= MAX_SIZE


def test_numbers_at_the_limits() -> None:
    """Zero and the largest are read; a zero before others, a sign and one more than the largest are not."""
    assert [parse_size("0"), parse_size("7"), parse_size(str(MAX_SIZE))] == [0, 7, MAX_SIZE]
    for text in ("", "00", "07", "-0", "+7", "7\n", "\u0667", str(MAX_SIZE + 1), "9" * 20):
        with pytest.raises(MalformedNoteError):
            parse_size(text)


def test_a_checkpoint_of_another_log_is_refused() -> None:
    """The same key may sign for several logs: the origin must be the one we asked for."""
    note = sign_note(SOFA, [SIGNER])
    assert open_checkpoint(note, "example.com/behind-the-sofa", KEYS).size == 20852163
    with pytest.raises(MalformedNoteError, match="behind-the-sofa"):
        open_checkpoint(note, ORIGIN, KEYS)


@pytest.mark.parametrize("origin", ["", "two words", "a+b", "a\nb"])
def test_our_log_has_a_plain_name(origin: str) -> None:
    """An origin that could not be a key's name is refused when a log is set up."""
    with pytest.raises(MalformedNoteError, match="URL without scheme"):
        check_origin(origin)


def test_receipts_of_all_entries_verify() -> None:
    """Formatted, parsed and checked with nothing but the entry, the origin and the key."""
    for index, entry in enumerate(ENTRIES):
        found = TlogProof.parse(receipt_of(index).format())
        claim = found.verify(entry, ORIGIN, KEYS)
        assert (claim.size, claim.root) == (11, root_of([leaf_hash(each) for each in ENTRIES]))


def test_a_receipt_s_text_is_frozen() -> None:
    """The receipt of an entry never changes its spelling: people keep these files."""
    kept = Path(__file__).parent.parent / "vectors" / "ledger_receipt.tlog-proof"
    assert kept.read_text() == RECEIPT


def test_a_receipt_for_another_entry_is_refused() -> None:
    """The proof holds for the one entry at its place."""
    found = TlogProof.parse(RECEIPT)
    with pytest.raises(BadProofError):
        found.verify(ENTRIES[5], ORIGIN, KEYS)
    with pytest.raises(BadProofError):
        TlogProof.parse(RECEIPT.replace("index 6", "index 5")).verify(ENTRIES[6], ORIGIN, KEYS)


def test_a_receipt_by_a_stranger_or_of_another_log_is_refused() -> None:
    """Key and origin are the reader's, never the receipt's."""
    found = TlogProof.parse(RECEIPT)
    with pytest.raises(BadSignatureError):
        found.verify(ENTRIES[6], ORIGIN, [Ed25519Signer.from_seed(ORIGIN, bytes(32)).verifier])
    with pytest.raises(MalformedNoteError):
        found.verify(ENTRIES[6], "log.example/other", KEYS)


def test_extra_data_travels_and_proves_nothing() -> None:
    """It is carried through, and changing it changes no verdict: nobody may trust it."""
    found = TlogProof.parse(receipt_of(3, b"context").format())
    assert found.extra == b"context"
    assert "extra Y29udGV4dA==\nindex 3\n" in found.format()
    other = TlogProof.parse(found.format().replace("Y29udGV4dA==", "Y29udGV4dB8="))
    assert other.verify(ENTRIES[3], ORIGIN, KEYS).size == 11


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v1\n",
        RECEIPT.replace("@v1", "@v2"),
        RECEIPT.replace("index 6", "index 06"),
        RECEIPT.replace("index 6", "index +6"),
        RECEIPT.replace("index 6", "Index 6"),
        RECEIPT.replace("index 6\n", ""),
        RECEIPT.replace("index 6", "extra \nindex 6"),
        RECEIPT.replace("index 6", "extra !\nindex 6"),
        RECEIPT.replace("index 6", "extra eA==\nextra eA==\nindex 6"),
        RECEIPT.replace("index 6", "index 6\nindex 6"),
        RECEIPT.replace("\n\n", "\n\n\n", 1),
        RECEIPT.replace("\n\n", "\n", 1),
        RECEIPT.replace("index 6\n", "index 6\n" + (ROOT + "\n") * 60),
        RECEIPT + "\n",
        RECEIPT[:-1],
        RECEIPT.replace("\n11\n", "\n011\n"),
    ],
)
def test_what_is_no_receipt_is_refused(text: str) -> None:
    """Missing parts, second spellings and too many hashes raise our error."""
    with pytest.raises(MalformedNoteError):
        TlogProof.parse(text)


@given(st.integers(0, len(RECEIPT.encode()) - 1), st.integers(1, 255))
@settings(max_examples=500, deadline=None)
def test_every_byte_of_a_receipt_counts(at: int, flip: int) -> None:
    """However one byte is changed, the receipt proves the entry no more."""
    data = bytearray(RECEIPT.encode())
    data[at] ^= flip
    try:
        text = bytes(data).decode()
    except UnicodeDecodeError:
        return
    with pytest.raises(LedgerError):
        TlogProof.parse(text).verify(ENTRIES[6], ORIGIN, KEYS)
