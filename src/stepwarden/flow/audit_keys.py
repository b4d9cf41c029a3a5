"""Step 11 of the audit: the keys that signed the log are those that its entries say.

- each ``key.rotated`` is signed by the old key and the new one, from the key that signed then to one never used;
- each ``key.retired`` ends the key that was leaving;
- one of the keys we were given is among them, so that the chain hangs on something that we knew before;
- the head, and every other checkpoint given, is signed by *each* key that had to sign at its size. So a forged head
  by one stolen key is found during an overlap as well;
- the side rows from which a start reads the keys are copies of these entries.

``trusted`` goes before all that: it follows the signed statements from the keys that we were given to those that follow
them, so that an auditor's old key still verifies a log whose key was rotated since.
"""

from collections.abc import Collection, Sequence

from stepwarden.errors import StepwardenError
from stepwarden.events import entries as e
from stepwarden.flow.audit_steps import Findings
from stepwarden.flow.key_rows import take
from stepwarden.ledger.checkpoint import Checkpoint
from stepwarden.ledger.note import Ed25519Verifier, SignedNote, Verifier, verified
from stepwarden.ledger.rotation import KeyHistory
from stepwarden.ledger.verify import Step


def trusted(given: Sequence[Verifier], history: KeyHistory | None) -> list[Verifier]:
    """The keys given, and those that follow them by signed statements; retired ones only as far as they signed."""
    if history is None:
        return list(given)
    named = {(key.name, key.key_id) for key in given}
    found: dict[tuple[str, bytes], Verifier] = {(key.name, key.key_id): key for key in given}
    follows = False
    for known in history.keys:
        verifier = known.verifier
        place = (verifier.name, verifier.key_id)
        follows = follows or place in named
        if follows:
            found[place] = verifier
    return list(found.values())


class KeyAudit:
    """Takes each entry; then the notes."""

    def __init__(
        self,
        given: Collection[Verifier],
        rows: Sequence[tuple[int, e.KeyRotated | e.KeyRetired]] | None,
        floor: int,
    ) -> None:
        """``rows``: the side rows, None where there are none to compare (a published log)."""
        self.findings = Findings(11)
        self._given = given
        self._rows = rows
        self._floor = floor
        self._seen: list[tuple[int, e.KeyRotated | e.KeyRetired]] = [
            (index, entry) for index, entry in rows or () if index < floor
        ]
        self._rotations = 0

    def check(self, index: int, entry: e.Entry) -> None:
        """Look at the entry at ``index``."""
        if isinstance(entry, e.KeyRotated | e.KeyRetired):
            self._seen.append((index, entry))

    def step(self, notes: Sequence[str]) -> Step:
        """The step; ``notes`` are the checkpoints of this log that we have, its head first."""
        history = self._history()
        if self._rows is not None and list(self._rows) != self._seen:
            self.findings.fail("the side rows about keys are not the entries about keys")
        if history is not None:
            if not self._hangs(history):
                self.findings.fail("none of the keys that were given is one that signed this log")
            for note in notes:
                self._signed(note, history)
        if self._floor and self._rows is None:
            self.findings.unchecked = "rotations in pruned entries were left out"
        keys = len(history.keys) if history else 0
        return self.findings.step(
            f"{keys} {'key' if keys == 1 else 'keys'}, {self._rotations} rotations and retirements, "
            f"{len(notes)} {'checkpoint' if len(notes) == 1 else 'checkpoints'} signed by all that had to"
        )

    def _history(self) -> KeyHistory | None:
        first = next((entry.old for _, entry in self._seen if isinstance(entry, e.KeyRotated)), "")
        if not first:
            own = [key for key in self._given if isinstance(key, Ed25519Verifier)]
            if not own or self._seen:
                self.findings.fail(
                    "a key is retired that no entry brought" if self._seen else "no key was given"
                )
                return None
            first = own[0].format()
        history = KeyHistory(first)
        for index, entry in self._seen:
            self.findings.count += 1
            try:
                take(history, index, entry)
            except StepwardenError as exc:
                self.findings.fail(f"entry {index}: {exc}", exc)
            else:
                self._rotations += 1
        return history

    def _hangs(self, history: KeyHistory) -> bool:
        ours = {(known.verifier.name, known.verifier.key_id) for known in history.keys}
        return any((key.name, key.key_id) in ours for key in self._given)

    def _signed(self, note: str, history: KeyHistory) -> None:
        self.findings.count += 1
        try:
            found = SignedNote.parse(note)
            size = Checkpoint.parse(found.text).size
            needed = [Ed25519Verifier.parse(known.vkey) for known in history.needed(size)]
            signed = {(line.name, line.key_id) for line in verified(found, needed)}
        except StepwardenError as exc:
            self.findings.fail(f"a checkpoint: {exc}", exc)
            return
        for key in needed:
            if (key.name, key.key_id) not in signed:
                self.findings.fail(
                    f"the checkpoint of size {size} is not signed by {key.key_id.hex()}, which had to"
                )
