"""Rotations: who may follow whom, and what each key's signature is good for."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.errors import BadSignatureError, CorruptLogError, MalformedNoteError, StepwardenError
from stepwarden.ledger.checkpoint import Checkpoint, open_checkpoint
from stepwarden.ledger.keyring import Keyring
from stepwarden.ledger.note import Ed25519Signer, encode_base64, sign_note
from stepwarden.ledger.rotation import KeyHistory, Rotation

ORIGIN = "log.example/rotated"
KEYS = [Ed25519Signer.from_seed(ORIGIN, bytes([number]) * 32) for number in range(1, 5)]


def vkey(number: int) -> str:
    return KEYS[number].verifier.format()


def rotated(history: KeyHistory, old: int, new: int, index: int) -> None:
    done = Rotation(old=vkey(old), new=vkey(new), index=index, until=10)
    by_old, by_new = (encode_base64(KEYS[number].sign(done.statement())) for number in (old, new))
    history.rotate(done, by_old=by_old, by_new=by_new, time=index)


def note(size: int, *signers: Ed25519Signer) -> str:
    return sign_note(Checkpoint(origin=ORIGIN, size=size, root=bytes(32)).format(), signers)


def test_both_keys_are_needed_during_the_overlap_and_one_after_it() -> None:
    """A history says for each size who has to sign."""
    history = KeyHistory(vkey(0))
    rotated(history, 0, 1, 7)
    history.retire(vkey(0), index=20, time=20)
    needed = {size: [known.vkey for known in history.needed(size)] for size in (7, 8, 20, 21)}
    assert needed == {7: [vkey(0)], 8: [vkey(0), vkey(1)], 20: [vkey(0), vkey(1)], 21: [vkey(1)]}


def test_a_stolen_key_cannot_name_its_own_successor_alone() -> None:
    """The new key's signature is needed as well as the old one's, over this very statement."""
    done = Rotation(old=vkey(0), new=vkey(1), index=7, until=10)
    by_old, by_new = (encode_base64(KEYS[number].sign(done.statement())) for number in (0, 1))
    done.verify(by_old, by_new)
    for change in ({"index": 8}, {"until": 11}, {"new": vkey(2)}, {"old": vkey(2)}):
        with pytest.raises(BadSignatureError):
            replace(done, **change).verify(by_old, by_new)
    with pytest.raises(BadSignatureError):
        done.verify(by_new, by_old)


def test_a_checkpoint_cannot_be_passed_off_as_a_rotation() -> None:
    """No origin begins like a statement, so no signature is good for both."""
    statement = Rotation(old=vkey(0), new=vkey(1), index=7, until=10).statement().decode()
    with pytest.raises(MalformedNoteError):
        Checkpoint.parse(statement)


def test_a_rotation_to_another_log_or_to_itself_is_refused() -> None:
    """A log keeps its name, and a key cannot follow itself."""
    other = Ed25519Signer.from_seed("log.example/other", bytes(32)).verifier.format()
    for new in (other, vkey(0)):
        with pytest.raises(MalformedNoteError):
            Rotation(old=vkey(0), new=new, index=7, until=10).statement()


def test_a_retired_key_does_not_come_back() -> None:
    """Neither as a successor nor as the one that is rotated from."""
    history = KeyHistory(vkey(0))
    rotated(history, 0, 1, 7)
    with pytest.raises(CorruptLogError, match="before the last one has ended"):
        rotated(history, 1, 2, 9)
    history.retire(vkey(0), index=20, time=20)
    with pytest.raises(CorruptLogError, match="used before"):
        rotated(history, 1, 0, 30)
    with pytest.raises(CorruptLogError, match="not from the key"):
        rotated(history, 0, 2, 30)
    with pytest.raises(CorruptLogError):
        history.retire(vkey(1), index=30, time=30)


def test_a_stolen_retired_key_forks_nothing() -> None:
    """Whoever signs a longer log with a key after its retirement is not believed by anybody with the ring."""
    ring = Keyring().with_key(KEYS[1].verifier, "signs").retired(KEYS[0].verifier, 20)
    known = Keyring.parse(ring.format()).verifiers()
    assert open_checkpoint(note(20, KEYS[0]), ORIGIN, known).size == 20
    for signers in ((KEYS[0],), (KEYS[0], KEYS[1])):
        with pytest.raises(BadSignatureError):
            open_checkpoint(note(21, *signers), ORIGIN, known)
    assert open_checkpoint(note(21, KEYS[1]), ORIGIN, known).size == 21


def test_a_limit_is_never_read_as_none() -> None:
    """A remark between, other spellings: the key stays limited, or the file is refused."""
    key = vkey(0)
    assert Keyring.parse(f"# until size 5: retired\n# what a key that was\n\n{key}\n").keys[0].until == 5
    for limit in ("until size five", "until size 05", "until size", "until size -1", "until size 5x"):
        with pytest.raises(MalformedNoteError):
            Keyring.parse(f"# {limit}\n{key}\n")
    with pytest.raises(MalformedNoteError, match="line 2"):
        Keyring.parse(f"{key}\n{key}\n")


@given(
    st.lists(
        st.tuples(st.sampled_from(["rotate", "retire"]), st.integers(0, 3), st.integers(0, 3)), max_size=12
    )
)
def test_at_every_size_one_or_two_keys_sign(steps: list[tuple[str, int, int]]) -> None:
    """Whatever is asked for: a history either refuses, or each size has its main key and at most one more."""
    history = KeyHistory(vkey(0))
    for index, (what, one, other) in enumerate(steps, start=1):
        try:
            if what == "rotate":
                rotated(history, one, other, index)
            else:
                history.retire(vkey(one), index=index, time=index)
        except StepwardenError:
            continue
    for size in range(len(steps) + 3):
        needed = history.needed(size)
        assert 1 <= len(needed) <= 2
        assert len({known.vkey for known in needed}) == len(needed)
    assert history.main in history.needed(len(steps) + 3)
