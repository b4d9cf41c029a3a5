"""Step 7 of the audit: what is personal about an entry is there, or was erased rightly.

A leaf holds commitments, the opening lies beside the log. An opening that is gone must be explained by a later
``subject.erased`` of the person (or, where it names nobody, of the address) whose entry it is; what was pruned with its
entry is not looked for. Without that, an opening that was quietly deleted would be indistinguishable from one that
nobody ever wrote.

With the master key each opening is opened, and each value compared with its commitment: an opening that was exchanged,
or moved beside another entry, is found. Without it, only that openings are there is checked.

Kept in memory: a count for each person with a missing opening whose erasure has not come yet.
"""

from typing import Final, Protocol

from stepwarden.errors import StepwardenError
from stepwarden.events import entries as e
from stepwarden.events.personal import verify
from stepwarden.flow.audit_steps import Findings
from stepwarden.flow.people import Person, owner_tokens
from stepwarden.ledger.verify import Step

REMEMBERED: Final = 20_000
"""People whose keys are kept at hand."""


class Unsealer(Protocol):
    """The part of ``People`` that opens."""

    def owner(self, entry: e.Entry) -> Person | None: ...

    def unseal(self, person: Person, index: int, sealed: bytes) -> bytes: ...


class Openings:
    """Takes each entry with the sealed opening beside it."""

    def __init__(self, people: Unsealer | None) -> None:
        """Without ``people`` (no master key) nothing is opened."""
        self.findings = Findings(7)
        self._people = people
        self._missing: dict[tuple[str, str], list[int]] = {}
        self._known: dict[tuple[str, str], Person | None] = {}
        self._opened = 0
        self._erased = 0

    def check(self, index: int, entry: e.Entry, sealed: bytes) -> None:
        """Look at the entry at ``index``; ``sealed`` is b"" where there is no opening."""
        if isinstance(entry, e.SubjectErased):
            self._erased += len(self._missing.pop((entry.actor, entry.address), ()))
        if not entry.personal:
            if sealed:
                self.findings.fail(f"entry {index}: an opening lies beside an entry that commits to nothing")
            return
        self.findings.count += 1
        if not sealed or not self._opens(index, entry, sealed):
            self._missing.setdefault(owner_tokens(entry), []).append(index)

    def erased_since(self, entry: e.SubjectErased) -> None:
        """An erasure behind the head that is verified ran beside us: what is missing is no alarm, nor is it ok."""
        if self._missing.pop((entry.actor, entry.address), None):
            self.findings.unchecked = (
                "some were erased while this ran, by entries after this head: verify again"
            )

    def _opens(self, index: int, entry: e.Entry, sealed: bytes) -> bool:
        """Whether it can be opened, or need not be; False where the person's key is gone."""
        if self._people is None:
            return True
        try:
            person = self._owner(self._people, entry)
            if person is None:
                return False
            opened = verify(entry.personal, self._people.unseal(person, index, sealed))
            if set(opened) != set(entry.personal):
                self.findings.fail(f"entry {index}: its opening leaves out some of what the leaf commits to")
        except StepwardenError as exc:
            self.findings.fail(f"entry {index}: {exc}", exc)
        self._opened += 1
        return True

    def _owner(self, people: Unsealer, entry: e.Entry) -> Person | None:
        """Whose entry it is; the same few people come again and again."""
        whose = owner_tokens(entry)
        if whose not in self._known:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[whose] = people.owner(entry)
        return self._known[whose]

    def step(self) -> Step:
        """The step, once every entry was taken."""
        for indices in self._missing.values():
            for index in indices:
                self.findings.fail(
                    f"entry {index}: its opening is gone, and no later entry says that it was erased"
                )
        self._missing.clear()
        how = f"{self._opened} opened and compared" if self._people else "there, not opened (no master key)"
        return self.findings.step(f"{how}, {self._erased} erased as the log says")
