"""Cosignatures and keys of every kind: other people's, ours, attacks, and every byte mangled."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stepwarden.errors import BadSignatureError, MalformedNoteError
from stepwarden.ledger.checkpoint import Checkpoint, open_checkpoint
from stepwarden.ledger.cosignature import (
    MAX_TIME,
    Cosigner,
    Ed25519Cosigner,
    MlDsaCosigner,
    cosigned_at,
)
from stepwarden.ledger.note import Ed25519Signer, Signature, SignedNote, Verifier, sign_note, verified
from stepwarden.ledger.vkey import PublicKey, parse_vkey

VECTORS: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "ledger_cosignatures.json").read_text()
)
SEED = bytes(range(32))
ED = Ed25519Cosigner.from_seed("witness.example/w1", SEED)
ML = MlDsaCosigner.from_seed("witness.example/w2", SEED)
LOG = Ed25519Signer.from_seed("log.example/ours", SEED)
BOTH = pytest.mark.parametrize("cosigner", [ED, ML], ids=["ed25519", "ml-dsa-44"])
CLAIM = Checkpoint(origin="log.example/ours", size=12, root=bytes(range(32)))
TEXT = CLAIM.format()
TIME = 1_679_315_147
KEYS: list[PublicKey] = [parse_vkey(c.verifier.format()) for c in (ED, ML)] + [LOG.verifier]


def cosigned(text: str, *lines: Signature) -> str:
    return SignedNote(text=text, signatures=lines).format()


def test_a_public_witness_s_cosignature_verifies() -> None:
    """A real log's checkpoint with a real witness's line: both verify, and the time is read."""
    vector = VECTORS["ed25519"]
    keys = [parse_vkey(vector["log_vkey"]), parse_vkey(vector["witness_vkey"])]
    good = verified(SignedNote.parse(vector["note"]), keys)
    assert [line.name for line in good] == [key.name for key in keys]
    assert cosigned_at(good[1]) == vector["time"]


def test_another_implementation_s_ml_dsa_signature_verifies() -> None:
    """A log that signs with ML-DSA-44 alone, made by torchwood, is read, and its time of 0."""
    vector = VECTORS["ml_dsa_44"]
    key = parse_vkey(vector["vkey"])
    assert key.format() == vector["vkey"]
    assert open_checkpoint(vector["note"], "example.com/mldsa-log", [key]).size == 1
    assert cosigned_at(SignedNote.parse(vector["note"]).signatures[0]) == 0


def test_what_is_signed_is_spelled_out_by_hand() -> None:
    """The bytes under an Ed25519 cosignature are the specification's, written here without our code."""
    line = ED.cosign(TEXT, TIME)
    message = b"cosignature/v1\ntime 1679315147\n" + TEXT.encode()
    Ed25519PublicKey.from_public_bytes(ED.verifier.public_key).verify(line.signature[8:], message)
    assert line.signature[:8] == TIME.to_bytes(8, "big")
    assert ED.cosign(TEXT, TIME) == line


@BOTH
def test_a_cosigner_s_line_opens_and_tells_the_time(cosigner: Cosigner) -> None:
    """Beside the log's signature, a cosignature verifies with the public text of its key."""
    line = cosigner.cosign(TEXT, TIME)
    note = cosigned(TEXT, *SignedNote.parse(sign_note(TEXT, [LOG])).signatures, line)
    key = parse_vkey(cosigner.verifier.format())
    assert list(verified(SignedNote.parse(note), [key])) == [line]
    assert cosigned_at(line) == TIME


@BOTH
def test_backdating_a_cosignature_breaks_it(cosigner: Cosigner) -> None:
    """The time stands in the signed bytes: nobody can make a checkpoint look older or newer."""
    line = cosigner.cosign(TEXT, TIME)
    other = (TIME - 1).to_bytes(8, "big") + line.signature[8:]
    assert not cosigner.verifier.verify(TEXT.encode(), other)


@BOTH
@pytest.mark.parametrize(
    "other",
    [
        Checkpoint(origin="log.example/theirs", size=12, root=CLAIM.root),
        Checkpoint(origin=CLAIM.origin, size=13, root=CLAIM.root),
        Checkpoint(origin=CLAIM.origin, size=12, root=bytes(32)),
    ],
    ids=["origin", "size", "root"],
)
def test_moving_a_cosignature_to_another_checkpoint_breaks_it(cosigner: Cosigner, other: Checkpoint) -> None:
    """A line covers the log's name, the size and the root."""
    line = cosigner.cosign(TEXT, TIME)
    with pytest.raises(BadSignatureError, match="does not verify"):
        verified(SignedNote.parse(cosigned(other.format(), line)), [cosigner.verifier])


def test_moving_a_line_to_another_name_breaks_an_ml_dsa_cosignature() -> None:
    """The ML-DSA kind covers the cosigner's name, so one key under two names is two cosigners."""
    twin = MlDsaCosigner.from_seed("witness.example/twin", SEED)
    assert twin.verifier.public_key == ML.verifier.public_key
    assert not twin.verifier.verify(TEXT.encode(), ML.cosign(TEXT, TIME).signature)


def test_only_the_ed25519_kind_covers_extension_lines() -> None:
    """As the specification says; it is why nobody should write such lines."""
    extended = TEXT + "extension\n"
    assert not ED.verifier.verify(extended.encode(), ED.cosign(TEXT, TIME).signature)
    assert ML.verifier.verify(extended.encode(), ML.cosign(TEXT, TIME).signature)


def test_a_plain_signature_is_no_cosignature_and_the_other_way_round() -> None:
    """The same seed and name under the two types: neither's bytes pass for the other's."""
    plain = Ed25519Signer.from_seed(ED.name, SEED)
    assert plain.key_id != ED.key_id
    assert not plain.verifier.verify(TEXT.encode(), ED.cosign(TEXT, TIME).signature[8:])
    assert not ED.verifier.verify(TEXT.encode(), bytes(8) + plain.sign(TEXT.encode()))


def test_an_origin_that_does_not_fit_the_structure_is_neither_signed_nor_verified() -> None:
    """255 bytes are its most; a length that wrapped round would let two logs share a signature."""
    claim = Checkpoint(origin="o" * 256, size=1, root=bytes(32))
    with pytest.raises(MalformedNoteError, match="255"):
        ML.cosign(claim.format(), TIME)
    assert not ML.verifier.verify(claim.format().encode(), ML.cosign(TEXT, TIME).signature)
    assert ED.verifier.verify(claim.format().encode(), ED.cosign(claim.format(), TIME).signature)
    with pytest.raises(MalformedNoteError, match="255"):
        MlDsaCosigner.from_seed("é" * 128, SEED)


@BOTH
def test_only_a_checkpoint_and_a_time_are_cosigned(cosigner: Cosigner) -> None:
    """A cosigner signs no other text, and no time that its format cannot hold."""
    for text in ("", "hello\n", TEXT[:-1], TEXT + "\n", "log.example/ours\n012\n" + TEXT.split("\n", 2)[2]):
        with pytest.raises(MalformedNoteError):
            cosigner.cosign(text, TIME)
    for time in (-1, MAX_TIME + 1):
        with pytest.raises(ValueError, match="time"):
            cosigner.cosign(TEXT, time)
    assert cosigned_at(cosigner.cosign(TEXT, MAX_TIME)) == MAX_TIME


@BOTH
def test_a_time_above_63_bits_is_no_cosignature(cosigner: Cosigner) -> None:
    """The specification's bound: such a line neither verifies nor tells a time."""
    late = b"\xff" * 8 + cosigner.cosign(TEXT, TIME).signature[8:]
    assert not cosigner.verifier.verify(TEXT.encode(), late)
    with pytest.raises(MalformedNoteError, match="no cosignature"):
        cosigned_at(Signature(name="w", key_id=bytes(4), signature=late))


def test_a_line_that_is_no_cosignature_tells_no_time() -> None:
    """The log's own plain signature has no time in it, and its bytes are not taken for one."""
    (line,) = SignedNote.parse(sign_note(TEXT, [LOG])).signatures
    with pytest.raises(MalformedNoteError, match="states no time"):
        cosigned_at(line)


@BOTH
def test_every_byte_of_a_cosignature_counts(cosigner: Cosigner) -> None:
    """One flipped bit anywhere, one byte more or less: it does not verify."""
    good = cosigner.cosign(TEXT, TIME).signature
    assert cosigner.verifier.verify(TEXT.encode(), good)
    for at in range(0, len(good), 1 if len(good) < 100 else 37):
        bad = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
        assert not cosigner.verifier.verify(TEXT.encode(), bad)
    for bad in (b"", good[:-1], good + b"\0", good[8:], good[:8]):
        assert not cosigner.verifier.verify(TEXT.encode(), bad)


@settings(max_examples=200, deadline=None)
@given(
    message=st.binary(max_size=200),
    signature=st.binary(max_size=80) | st.binary(min_size=2428, max_size=2428),
)
def test_no_bytes_make_a_verifier_raise(message: bytes, signature: bytes) -> None:
    """Whatever a stranger sends is only ever a False."""
    keys: list[Verifier] = [ED.verifier, ML.verifier]
    assert not any(key.verify(message, signature) for key in keys)


def test_key_texts_read_back() -> None:
    """Public and secret texts of both kinds: one spelling each, and the same key after."""
    for cosigner in (ED, ML):
        again = type(cosigner).parse(cosigner.format())
        assert again.format() == cosigner.format()
        assert again.verifier.format() == parse_vkey(cosigner.verifier.format()).format()
        assert cosigner.format() not in repr(cosigner)
    assert {key.format() for key in KEYS} == {parse_vkey(key.format()).format() for key in KEYS}


def test_secret_texts_of_another_kind_are_refused_without_showing_them() -> None:
    """A key of one kind is not taken for another's, and no message repeats it."""
    ed, ml, plain = ED.format(), ML.format(), LOG.format()
    cases: list[tuple[type[Cosigner], str]] = [
        *((Ed25519Cosigner, text) for text in (ml, plain, ed[12:], ed.replace("w1", "w9"), ed[:-4], "")),
        *((MlDsaCosigner, text) for text in (ed, plain, ml[12:], ml.replace("w2", "w9"), ml[:-4], ml + "\n")),
    ]
    for kind, text in cases:
        with pytest.raises(MalformedNoteError) as caught:
            kind.parse(text)
        assert not text or text[-16:] not in str(caught.value)


def test_a_vkey_of_unknown_kind_is_refused_by_its_number() -> None:
    """Other types exist (ECDSA 02, RFC 6962 05): they are named, not guessed at."""
    for kind in ("AgAA", "BQAA", "AA==", ""):
        with pytest.raises(MalformedNoteError, match="known are 01, 04 and 06"):
            parse_vkey(f"log.example+00000000+{kind}")


@settings(max_examples=300, deadline=None)
@given(data=st.data())
@example(data=None)
def test_parse_vkey_reads_back_or_refuses(data: st.DataObject | None) -> None:
    """No text makes it raise anything else, or accept a second spelling."""
    good = KEYS[0].format()
    if data is None:
        text = good.upper()
    else:
        base = data.draw(st.sampled_from([key.format() for key in KEYS]))
        at = data.draw(st.integers(0, min(len(base), 120)))
        text = data.draw(
            st.text(max_size=40) | st.just(base[:at] + data.draw(st.text(max_size=2)) + base[at + 1 :])
        )
    try:
        found = parse_vkey(text)
    except MalformedNoteError:
        return
    assert found.format() == text
