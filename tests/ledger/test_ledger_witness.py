"""The witness's decision: what it signs, what it refuses, and who cannot get around it."""

import threading
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.errors import MalformedNoteError
from stepwarden.ledger.checkpoint import Checkpoint
from stepwarden.ledger.cosignature import cosigned_at
from stepwarden.ledger.note import Ed25519Verifier, Signature, SignedNote, open_note, sign_note
from stepwarden.ledger.witness import MAX_PROOF, SIZE, AddCheckpoint, Seen, Witness, origin_hash
from tests.ledger.witness_world import NOW, ORIGIN, PLAIN, QUANTUM, Memory, Tree, make_witness, told


def pair(size: int = 0) -> tuple[Tree, Memory, Witness]:
    """A log, and a witness that has signed ``size`` entries of it (-1: never asked)."""
    tree, memory = Tree.of(max(size, 0)), Memory()
    witness = make_witness(memory, [tree.signer.verifier])
    if size >= 0:
        assert witness.add(tree.body(0)).status == 200
    return tree, memory, witness


def test_a_log_is_followed_from_nothing_over_many_sizes() -> None:
    """The first proof is empty; each later one starts at the size signed last, and both keys sign each time."""
    tree, memory, witness = pair(-1)
    old = 0
    for size in (0, 1, 2, 3, 7, 8, 8, 13, 256, 300):
        verdict = witness.add(tree.grow(size).body(old))
        assert (verdict.status, verdict.alarm) == (200, "")
        lines = [Signature.parse(line) for line in verdict.body.splitlines(keepends=True)]
        note = SignedNote(text=tree.claim().format(), signatures=tuple(lines)).format()
        for cosigner in (PLAIN, QUANTUM):
            assert open_note(note, [cosigner.verifier]) == tree.claim().format()
        assert [cosigned_at(line) for line in lines] == [NOW, NOW]
        kept = memory.latest(ORIGIN)
        assert kept is not None
        assert (kept.size, kept.root) == (size, tree.claim().root)
        old = size


def test_monitors_get_the_log_s_and_the_witness_s_signatures() -> None:
    """What is served is the whole note; lines by strangers are not passed on."""
    tree, _, witness = pair(-1)
    tree.grow(4)
    other = Tree(origin=ORIGIN, seed=8).signer
    note = sign_note(tree.claim().format(), [other, tree.signer])
    assert witness.add(AddCheckpoint(old=0, proof=(), note=note).format().encode()).status == 200
    served = witness.checkpoint(origin_hash(ORIGIN)) or ""
    keys = {(line.name, line.key_id) for line in SignedNote.parse(served).signatures}
    assert keys == {(key.name, key.key_id) for key in (tree.signer, PLAIN, QUANTUM)}
    assert witness.checkpoint(origin_hash("log.example/other")) is None


def test_rolled_back_log_is_not_signed() -> None:
    """A log that was put back to an older copy cannot offer anything that is signed."""
    tree, memory, witness = pair(10)
    tree.leaves = tree.leaves[:6]
    for old in (0, 5, 6):
        assert told(witness.add(tree.body(old))) == (409, "10\n", SIZE)
    assert witness.add(AddCheckpoint(old=10, proof=(), note=tree.note()).format().encode()).status == 400
    assert memory.known[ORIGIN].size == 10


@pytest.mark.parametrize("size", [10, 11, 16, 40])
def test_forked_log_is_not_signed_and_rings_the_alarm(size: int) -> None:
    """Another past, signed by the log's own key, is refused at every size, and an operator hears of it."""
    tree, memory, witness = pair(10)
    before = memory.known[ORIGIN]
    tree.leaves[3] = b"forged"
    tree.grow(size)
    verdict = witness.add(tree.body(10))
    assert verdict.status == (409 if size == 10 else 422)
    assert ORIGIN in verdict.alarm
    assert memory.known[ORIGIN] == before


def test_forked_log_cannot_pass_with_the_honest_log_s_proof() -> None:
    """The proof of the true tree does not carry a forged root, and the true root not a forged proof."""
    tree, _, witness = pair(10)
    honest = Tree.of(16).ask(10)
    tree.leaves[3] = b"forged"
    forged = tree.grow(16).ask(10)
    for proof, note in ((honest.proof, forged.note), (forged.proof, honest.note)):
        body = AddCheckpoint(old=10, proof=proof, note=note).format().encode()
        assert witness.add(body).status == 422


def test_old_checkpoint_replayed_is_not_signed_again() -> None:
    """A stranger who kept an earlier request cannot make the witness look at it again, nor go back."""
    tree, memory, witness = pair(5)
    earlier = tree.grow(9).body(5)
    assert witness.add(earlier).status == 200
    assert witness.add(tree.grow(12).body(9)).status == 200
    assert told(witness.add(earlier)) == (409, "12\n", SIZE)
    assert memory.known[ORIGIN].size == 12


def test_the_same_size_again_is_signed_again_if_it_is_the_same_tree() -> None:
    """A log that lost the answer asks again and gets one."""
    tree, _, witness = pair(5)
    assert witness.add(tree.body(5)).status == 200


def test_a_log_that_is_not_followed_gets_nothing() -> None:
    """404 for an unknown origin, before anything is verified or remembered."""
    _, memory, witness = pair(3)
    stranger = Tree.of(4)
    stranger.signer = Tree(origin="log.example/unknown").signer
    assert witness.add(stranger.body(0)).status == 404
    assert set(memory.known) == {ORIGIN}


def test_a_signature_by_another_key_gets_nothing() -> None:
    """403 for a followed origin that a stranger signed, and for a known key's line that does not verify."""
    tree, _, witness = pair(3)
    thief = Tree.of(4)
    thief.signer = Tree(seed=8).signer
    assert witness.add(thief.body(3)).status == 403
    bad = tree.grow(4).note().replace("\n4\n", "\n5\n")
    assert witness.add(AddCheckpoint(old=3, proof=(), note=bad).format().encode()).status == 403


def test_the_key_of_one_log_does_not_sign_for_another() -> None:
    """Following two logs does not let either speak for the other."""
    one, two, memory = Tree.of(3), Tree.of(3), Memory()
    two.signer = Tree(origin="log.example/two", seed=7).signer
    witness = make_witness(memory, [one.signer.verifier, two.signer.verifier])
    text = one.claim().format()
    note = sign_note(text, [two.signer])
    assert witness.add(AddCheckpoint(old=0, proof=(), note=note).format().encode()).status == 403


@pytest.mark.parametrize(
    ("old", "size", "proof", "status"),
    [
        (4, 3, 0, 400),
        (0, 4, 1, 422),
        (3, 4, 0, 422),
        (3, 4, 63, 422),
        (3, 3, 1, 422),
        (2, 4, 0, 409),
        (0, 4, 0, 409),
    ],
)
def test_wrong_requests_get_the_status_of_the_specification(
    old: int, size: int, proof: int, status: int
) -> None:
    """Sizes and proofs that do not fit a witness that has seen 3 entries (or none, where ``old`` is 0)."""
    tree, _, witness = pair(-1 if (old, status) == (0, 422) else 3)
    tree.grow(size)
    if size < len(tree.leaves):
        tree.leaves = tree.leaves[:size]
    body = AddCheckpoint(old=old, proof=(bytes(32),) * proof, note=tree.note()).format()
    assert witness.add(body.encode()).status == status


def test_an_empty_log_has_one_root() -> None:
    """A checkpoint of size 0 under another root is not signed, though an empty proof leads to anything."""
    tree, _, witness = pair(-1)
    text = Checkpoint(origin=ORIGIN, size=0, root=bytes(32)).format()
    body = AddCheckpoint(old=0, proof=(), note=sign_note(text, [tree.signer])).format()
    assert witness.add(body.encode()).status == 422


GOOD = Tree.of(5).ask(3).format()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "old 3",
        "old 3\n",
        "old 3\n\n",
        GOOD.replace("old 3", "old 03"),
        GOOD.replace("old 3", "old +3"),
        GOOD.replace("old 3", "Old 3"),
        GOOD.replace("old 3", "old  3"),
        GOOD.replace("old 3", "old 3 "),
        GOOD.replace("old 3", "old -1"),
        GOOD.replace("old 3", f"old {2**63}"),
        GOOD.replace("old 3\n", "old 3\nAAAA\n"),
        GOOD.replace("\n", "\r\n"),
        GOOD[:-1],
        GOOD + "\n",
        "old 3\n" + ("A" * 43 + "=\n") * (MAX_PROOF + 1) + GOOD[GOOD.index("\n\n") + 1 :],
    ],
)
def test_malformed_requests_are_refused(body: str) -> None:
    """400 for what is no request in its one spelling; nothing is remembered."""
    _, memory, witness = pair(-1)
    assert witness.add(body.encode()).status == 400
    assert not memory.known


@settings(max_examples=300, deadline=None)
@given(
    st.text()
    | st.builds(
        lambda at, new: GOOD[:at] + new + GOOD[at + 1 :],
        st.integers(0, len(GOOD) - 1),
        st.text(max_size=2),
    )
)
def test_parse_round_trips_or_refuses(text: str) -> None:
    """No text makes parse raise anything else, or accept a second spelling."""
    try:
        found = AddCheckpoint.parse(text)
    except MalformedNoteError:
        return
    assert found.format() == text


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200) | st.integers(0, len(GOOD) - 1).map(lambda at: GOOD.encode()[:at]))
def test_no_bytes_make_the_witness_raise(body: bytes) -> None:
    """Every body gets an answer, and none of these a signature."""
    _, _, witness = pair(3)
    assert witness.add(body).status in (400, 403, 409, 422)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20), st.booleans()), max_size=25))
def test_whatever_is_asked_two_signed_trees_are_always_consistent(
    asks: list[tuple[int, int, bool]],
) -> None:
    """Against a naive model: of an honest tree and a forged one only one history is ever signed."""
    honest, forged = Tree.of(20), Tree.of(20)
    forged.leaves[0] = b"forged"
    witness = make_witness(Memory(), [honest.signer.verifier])
    size, chosen = 0, ""
    for old, new, lie in asks:
        tree = forged if lie else honest
        status = witness.add(tree.body(old, new)).status
        root = tree.claim(size).root.hex()
        if old > new:
            expected = 400
        elif old != size:
            expected = 409
        elif chosen and root != chosen:
            expected = 409 if old == new else 422
        else:
            expected = 200
        assert status == expected
        if status == 200:
            size = new
            chosen = tree.claim(new).root.hex() if new else ""


class Barrier(Memory):
    """Holds everybody who has read until all have."""

    def __init__(self, parties: int) -> None:
        super().__init__()
        self.gate = threading.Barrier(parties)
        self.lock = threading.Lock()
        self.held = threading.local()

    def latest(self, origin: str) -> Seen | None:
        found = super().latest(origin)
        if not getattr(self.held, "once", False):
            self.held.once = True
            self.gate.wait(10)
        return found

    def advance(self, origin: str, before: Seen | None, seen: Seen) -> bool:
        with self.lock:
            return super().advance(origin, before, seen)


def together(*calls: Callable[[], None]) -> None:
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)


def test_a_log_of_another_make_is_witnessed_under_an_origin_that_is_not_its_key_s_name() -> None:
    """A checkpoint that Go's checksum database signed: spaces in the origin, and a key of another name."""
    key = Ed25519Verifier.parse("sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8")
    body = (
        "old 0\n\ngo.sum database tree\n35225469\nvt5T6GaLCXvyHFl9VUvvItR43XZxfLgftEcTyO3eJCQ=\n\n"
        "— sum.golang.org Az3grpukl5AXaVfYkLiDGORx/DN2nlcS5kZHR5uYOBV2KA2HgXpD"
        "+gu9HHONebHLAyaKbbTM75QTtPydhKCExixSfwQ=\n"
    )
    memory = Memory()
    witness = Witness(
        memory, (PLAIN, QUANTUM), lambda origin: [key] if " tree" in origin else [], lambda: NOW
    )
    assert witness.add(body.encode()).status == 200
    assert memory.known["go.sum database tree"].size == 35225469


def test_two_racing_requests_one_wins() -> None:
    """Both have been checked against the same memory; one is signed, the other hears the new size."""
    tree = Tree.of(9)
    witness = make_witness(Barrier(2), [tree.signer.verifier])
    verdicts = {}

    def ask(size: int) -> None:
        verdicts[size] = witness.add(tree.body(0, size))

    together(lambda: ask(5), lambda: ask(9))
    assert sorted(verdict.status for verdict in verdicts.values()) == [200, 409]
    won = next(size for size, verdict in verdicts.items() if verdict.status == 200)
    assert {verdict.body for verdict in verdicts.values() if verdict.status == 409} == {f"{won}\n"}


def test_two_racing_forks_one_wins() -> None:
    """Two trees of one size, offered at the same instant: never both are signed."""
    honest, forged = Tree.of(9), Tree.of(9)
    forged.leaves[0] = b"forged"
    witness = make_witness(Barrier(2), [honest.signer.verifier])
    statuses = []
    together(
        lambda: statuses.append(witness.add(honest.body(0)).status),
        lambda: statuses.append(witness.add(forged.body(0)).status),
    )
    assert sorted(statuses) == [200, 409]
