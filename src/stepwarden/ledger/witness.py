r"""A witness (c2sp.org/tlog-witness): signs a log's checkpoint only if it continues the one that it signed before.

A log asks by ``add-checkpoint``: the size that the witness is believed to have seen, the hashes that prove that the
new tree begins with that one, a blank line, and the log's signed checkpoint:

    >>> asked = AddCheckpoint(old=0, proof=(), note="log.example/demo\n...")
    >>> asked.format()
    'old 0\n\nlog.example/demo\n...'
    >>> AddCheckpoint.parse(asked.format()) == asked
    True

The witness looks at it in this order, and the first thing wrong is the answer:

    1  it reads as above, in its one spelling; the checkpoint is one              400
    2  the checkpoint's origin is that of a log that the witness follows          404
    3  a key of that log signed it; a known key's bad signature refuses it too    403
    4  ``old`` is not above the checkpoint's size                                 400
    5  ``old`` is the size of the newest checkpoint signed for this log (0: none) 409 and that size
    6  where ``old`` is that very size, the root is the same                      409 and that size
    7  the proof leads from the old tree to the new one; from 0 it is empty,      422
       and an empty tree has the root of an empty tree
    8  it is persisted, if (size, root) are still what step 5 read               (else from step 5 again)
    9  the cosignatures leave, one by each of the witness's keys                  200

The cosignatures are made before they are persisted with the checkpoint and leave afterwards, so that what
``checkpoint`` serves is complete and what has left can never be forgotten. Of two requests that race, the
store's compare-and-swap lets one win; the other one is answered by step 5.

A log whose key signed what steps 6 and 7 refuse may be showing two trees: ``Verdict.alarm`` says so.

This module is *not* the server (``gateway``) nor the side that asks (``connect``), and it does not judge what a log
contains.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Protocol, Self

from stepwarden.errors import BadProofError, BadSignatureError, MalformedNoteError
from stepwarden.ledger.checkpoint import EMPTY, Checkpoint, parse_hash, parse_size
from stepwarden.ledger.cosignature import Cosigner
from stepwarden.ledger.note import SignedNote, Verifier, encode_base64, verified
from stepwarden.ledger.proof import verify_consistency

MAX_PROOF: Final = 63
"""Hashes of a consistency proof at most, by the specification."""

MAX_REQUEST: Final = 256 * 1024
"""Bytes of a request at most: 63 hashes, and a note with many post-quantum signatures."""

TEXT: Final = "text/plain; charset=utf-8"
SIZE: Final = "text/x.tlog.size"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddCheckpoint:
    """What a log asks. ``note`` is the signed checkpoint; nothing of it is verified here."""

    old: int
    proof: tuple[bytes, ...]
    note: str

    def format(self) -> str:
        """Return the body of the request."""
        hashes = "".join(f"{encode_base64(one)}\n" for one in self.proof)
        return f"old {self.old}\n{hashes}\n{self.note}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read back what ``format`` wrote, and nothing else.

        Raises:
            MalformedNoteError: for every other text, whatever is wrong with it.
        """
        head, blank, note = text.partition("\n\n")
        first, *hashes = head.split("\n")
        if not blank or not first.startswith("old "):
            raise MalformedNoteError("a request is `old N`, hashes, a blank line and a checkpoint")
        if len(hashes) > MAX_PROOF:
            raise MalformedNoteError(f"more than {MAX_PROOF} hashes")
        return cls(
            old=parse_size(first.removeprefix("old ")),
            proof=tuple(parse_hash(line) for line in hashes),
            note=note,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The newest checkpoint that the witness signed for a log; ``note`` has the log's and its own signatures."""

    size: int
    root: bytes
    note: str


class WitnessStore(Protocol):
    """What a witness remembers. Used from any thread, and by several processes at once.

    Two promises: what ``advance`` has returned True for survives loss of power, and of any number of calls
    with the same ``before`` that ask for different trees one returns True. After an error from ``advance``
    nobody knows whether it is persisted: the store then refuses everything until it is opened anew.
    """

    def latest(self, origin: str) -> Seen | None:
        """Return the newest checkpoint signed for this log, None for none."""
        ...

    def latest_by_hash(self, digest: str) -> Seen | None:
        """The same by the SHA-256 (lower-case hex) of the origin, as the monitoring address has it."""
        ...

    def advance(self, origin: str, before: Seen | None, seen: Seen) -> bool:
        """Put ``seen`` in the place of ``before``, if its size and root are (still) what is there.

        Raises:
            StorageError: from the store.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is answered: an HTTP status, a body and its type. ``alarm``: what an operator should hear."""

    status: int
    body: str
    media: str = TEXT
    alarm: str = ""


class _RefusalError(Exception):
    """Ends it at one of the steps; carries the answer."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.body)
        self.verdict = verdict


def origin_hash(origin: str) -> str:
    """The name under which a log's newest checkpoint is served: ``/<this>/checkpoint``."""
    return sha256(origin.encode()).hexdigest()


class Witness:
    """The witness's one decision. Safe to use from any thread."""

    def __init__(
        self,
        store: WitnessStore,
        cosigners: Sequence[Cosigner],
        keys_of: Callable[[str], Collection[Verifier]],
        clock: Callable[[], int],
    ) -> None:
        """Decide with these keys.

        Args:
            keys_of: the keys of the log of an origin; none for a log that is not followed.
            clock: seconds since 1970 UTC.
        """
        if not cosigners:
            raise ValueError("a witness needs a key")
        self._store = store
        self._cosigners = tuple(cosigners)
        self._keys_of = keys_of
        self._clock = clock

    def add(self, body: bytes) -> Verdict:
        """Answer one ``add-checkpoint``. What it answers with 200 is persisted.

        Raises:
            StorageError: from the store; nothing was signed that anybody has seen.
        """
        try:
            asked, note, claim = _read(body)
            lines = self._verified(note, claim)
            if asked.old > claim.size:
                raise _refused(400, f"old is {asked.old}, the checkpoint has {claim.size} entries")
            while True:
                before = self._store.latest(claim.origin)
                _check(asked, claim, before)
                signed = self._signed(claim, lines)
                if self._store.advance(claim.origin, before, signed[0]):
                    return Verdict(status=200, body=signed[1])
        except _RefusalError as refusal:
            return refusal.verdict

    def checkpoint(self, digest: str) -> str | None:
        """The newest signed checkpoint of the log whose origin has this SHA-256 (hex); None for none."""
        seen = self._store.latest_by_hash(digest)
        return None if seen is None else seen.note

    def _verified(self, note: SignedNote, claim: Checkpoint) -> SignedNote:
        """The note with the signatures of the log's known keys only; those by others are ignored."""
        keys = self._keys_of(claim.origin)
        if not keys:
            raise _refused(404, "this witness does not follow a log of this origin")
        try:
            lines = verified(note, keys)
        except BadSignatureError as exc:
            raise _refused(403, str(exc)) from exc
        if not lines:
            raise _refused(403, "no known key of this log signed the checkpoint")
        once = {(line.name, line.key_id): line for line in lines}
        return SignedNote(text=note.text, signatures=tuple(once.values()))

    def _signed(self, claim: Checkpoint, note: SignedNote) -> tuple[Seen, str]:
        """What is to be persisted, and the lines that may leave once it is."""
        now = self._clock()
        made = tuple(cosigner.cosign(note.text, now) for cosigner in self._cosigners)
        whole = SignedNote(text=note.text, signatures=(*note.signatures, *made))
        seen = Seen(size=claim.size, root=claim.root, note=whole.format())
        return seen, "".join(line.format() for line in made)


def _refused(status: int, why: str, alarm: str = "") -> _RefusalError:
    return _RefusalError(Verdict(status=status, body=why + "\n", alarm=alarm))


def _read(body: bytes) -> tuple[AddCheckpoint, SignedNote, Checkpoint]:
    """Step 1."""
    try:
        asked = AddCheckpoint.parse(body.decode())
        note = SignedNote.parse(asked.note)
        return asked, note, Checkpoint.parse(note.text)
    except (UnicodeDecodeError, MalformedNoteError) as exc:
        raise _refused(400, f"this is no add-checkpoint request: {exc}") from exc


def _check(asked: AddCheckpoint, claim: Checkpoint, before: Seen | None) -> None:
    """Steps 5 to 7."""
    size = 0 if before is None else before.size
    known = Verdict(status=409, body=f"{size}\n", media=SIZE)
    if asked.old != size:
        raise _RefusalError(known)
    who = f"the log {claim.origin} signed {claim.size} entries with root {claim.root.hex()}"
    if before is not None and claim.size == size and claim.root != before.root:
        raise _RefusalError(
            Verdict(
                status=409,
                body=known.body,
                media=SIZE,
                alarm=f"{who}, and before that the same size with root {before.root.hex()}",
            )
        )
    try:
        _check_proof(asked, claim, before)
    except BadProofError as exc:
        alarm = f"{who}, and no proof that it continues {size} entries" if size else ""
        raise _refused(422, f"the proof does not hold: {exc}", alarm) from exc


def _check_proof(asked: AddCheckpoint, claim: Checkpoint, before: Seen | None) -> None:
    """Step 7.

    Raises:
        BadProofError: it does not hold.
    """
    if claim.size == 0 and claim.root.hex() != EMPTY:
        raise BadProofError("an empty log has another root")
    if before is None or before.size == 0:
        # verify_consistency refuses to show anything from nothing: here the protocol wants an empty proof.
        if asked.proof:
            raise BadProofError("from 0 the proof is empty")
        return
    verify_consistency(before.size, claim.size, asked.proof, before.root, claim.root)
