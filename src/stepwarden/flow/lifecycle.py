"""The life of policies: which step may follow which, as a fold of the entries that are those steps.

    draft -> (tested) (back-tested) -> shadow -> canary -> live -> former -> retired

1. ``draft`` brings the text. A policy that is known cannot be drafted again, unless it is retired: then it begins anew.
2. ``tested`` and ``back-tested`` say by which report; any policy that is not retired may be.
3. ``shadow``: it assesses every attempt and decides none. Takes a draft, or the canary.
4. ``canary``: it decides for a share of the actors. Takes that it was back-tested, or has been in shadow.
5. Only one policy at a time is a candidate, that is in shadow or canary. ``withdrawn`` makes it a draft again.
6. Promotion (``policy.changed``) takes that it was tested, and back-tested or in shadow or canary; or a reason to do
   without, which stands in the entry.
7. Rolling back takes nothing: the policy that was live before is live again, and the one that was live is retired.
8. The policy that was live is *former*: it can be rolled back to, the last one first. The 17th is retired.
9. ``retired`` takes any policy but the live one. It comes back only as a new draft.
10. Whatever makes another policy live ends a canary (it becomes a draft again); a shadow stays, and is compared anew.

``permit`` raises where a step may not be taken: the service asks it before it writes the entry, and the audit asks it
again. ``fold`` does not judge: a step that makes no sense changes nothing.

The emergency is here too: between ``policy.emergency`` on and off every demand is the highest.

Bounded: ``POLICIES`` policies (the longest retired go first, then the oldest drafts), ``STEPS`` steps of each.

Not here: what the candidate answers (``deciding``), and how often that differs (``compared``).
"""

from hashlib import sha256
from typing import Final, Literal, assert_never

import msgspec

from stepwarden.errors import ConflictError, InputError, NotFoundError
from stepwarden.events.entries import Entry, PolicyChanged, PolicyEmergency, PolicyStepped
from stepwarden.flow.compared import Compared

POLICIES: Final = 64
STEPS: Final = 64
FORMER: Final = 16
WHOLE: Final = 10_000
"""A canary's share is of so many actors."""

Stage = Literal["draft", "shadow", "canary", "live", "former", "retired"]
_HEX: Final = frozenset("0123456789abcdef")


class Stepped(msgspec.Struct, frozen=True, array_like=True):
    """A step that was taken: the entry at ``index``, at ``time`` (microseconds), by whom and why.

    ``step`` is the entry's, or for what made it live ``file``, ``promoted`` or ``rolled-back``.
    """

    index: int
    time: int
    step: str
    by: str
    reason: str
    share: int
    alone: bool
    digest: str
    summary: str


class Record(msgspec.Struct, kw_only=True):
    """One policy. ``tested``, ``back_tested`` and ``tried`` (in shadow or canary) hold since its last draft."""

    policy: str
    name: str
    text: str
    stage: Stage
    tested: bool = False
    back_tested: bool = False
    tried: bool = False
    share: int = 0
    alone: bool = False
    steps: list[Stepped] = []
    results: Compared | None = None


class Emergency(msgspec.Struct, frozen=True):
    """Every demand is the highest, since the entry at ``index``."""

    index: int
    time: int
    by: str
    reason: str


class LifeCycle(msgspec.Struct):
    """All policies of a log. ``candidate`` is the one in shadow or canary, "" for none; ``former`` the last one last.

    ``filed`` is what the configured file last made live. ``counting`` is the policy whose results still grow.
    """

    records: dict[str, Record] = {}
    live: str = ""
    candidate: str = ""
    former: list[str] = []
    filed: str = ""
    counting: str = ""
    emergency: Emergency | None = None

    # --- what may be done

    def permit(self, entry: PolicyStepped | PolicyChanged | PolicyEmergency) -> None:
        """Do nothing where this may come next.

        Raises:
            ConflictError: not now, and what is missing.
            NotFoundError: no such policy is known.
            InputError: the entry is not what such a step is.
        """
        match entry:
            case PolicyStepped():
                self._permit_step(entry)
            case PolicyChanged():
                self._permit_change(entry)
            case PolicyEmergency(on=on):
                if on == (self.emergency is not None):
                    raise ConflictError(f"the emergency is {'on' if on else 'off'} already")
            case _:
                assert_never(entry)

    def _permit_step(self, entry: PolicyStepped) -> None:
        if entry.step == "draft":
            self._permit_draft(entry)
            return
        record = self.need(entry.policy)
        match entry.step:
            case "tested" | "back-tested":
                _not_in(record, "retired")
                if len(entry.digest) != 64 or not _HEX.issuperset(entry.digest) or not entry.summary:
                    raise InputError("a report has a SHA-256 and a summary", field="digest")
            case "shadow":
                self._alone_on_the_way(record, "draft", "canary")
            case "canary":
                self._alone_on_the_way(record, "draft", "shadow", "canary")
                if not 1 <= entry.share <= WHOLE:
                    raise InputError("a canary decides for 0.01% to 100% of the actors", field="share")
                if not (record.back_tested or record.tried):
                    raise ConflictError("a canary takes a back-test, or a time in shadow, before it")
            case "withdrawn":
                _only_in(record, "shadow", "canary")
            case "retired":
                _not_in(record, "retired", "live")
            case _:
                assert_never(entry.step)

    def _permit_draft(self, entry: PolicyStepped) -> None:
        if sha256(entry.text.encode()).hexdigest() != entry.policy:
            raise InputError("the hash is not that of the text", field="policy")
        known = self.records.get(entry.policy)
        if known is not None and known.stage != "retired":
            raise ConflictError(f"this policy is known already: it is {_said(known.stage)}")

    def _permit_change(self, entry: PolicyChanged) -> None:
        if entry.way == "file":
            return
        if entry.replaces != self.live or entry.policy == self.live:
            raise ConflictError("another policy is live than the one that this one replaces")
        if entry.way == "rolled-back":
            if not self.former or self.former[-1] != entry.policy:
                raise ConflictError("no policy was live before this one, as far as is known")
            return
        record = self.need(entry.policy)
        _only_in(record, "draft", "shadow", "canary")
        missing = [] if record.tested else ["a test (stepwarden policy test --record)"]
        missing += [] if record.back_tested or record.tried else ["a back-test or a time in shadow or canary"]
        if missing and not entry.forced:
            raise ConflictError(
                f"promotion takes {' and '.join(missing)} before it; or --force with a reason"
            )

    def _alone_on_the_way(self, record: Record, *stages: Stage) -> None:
        if self.candidate not in ("", record.policy):
            other = self.records[self.candidate]
            raise ConflictError(
                f"policy {other.policy[:12]} is {_said(other.stage)}: withdraw it first, one at a time is a candidate"
            )
        _only_in(record, *stages)

    def need(self, policy: str) -> Record:
        """Raises: NotFoundError: no policy of this hash is known (any more)."""
        record = self.records.get(policy)
        if record is None:
            raise NotFoundError(f"there is no policy {policy[:12]}: draft it first")
        return record

    # --- what was done

    def fold(self, index: int, entry: Entry) -> None:
        """Take in one entry of the log; the next one."""
        if isinstance(entry, PolicyStepped):
            self._stepped(index, entry)
        elif isinstance(entry, PolicyChanged):
            self._changed(index, entry)
        elif isinstance(entry, PolicyEmergency):
            self.emergency = Emergency(index, entry.time, entry.by, entry.reason) if entry.on else None
        elif self.counting:
            results = self.records[self.counting].results
            if results is not None:
                results.fold(index, entry)

    def _stepped(self, index: int, entry: PolicyStepped) -> None:
        try:
            self._permit_step(entry)
        except (ConflictError, NotFoundError, InputError):
            return  # the audit names it
        record = self._draft(entry) if entry.step == "draft" else self.need(entry.policy)
        match entry.step:
            case "draft":
                pass
            case "tested":
                record.tested = True
            case "back-tested":
                record.back_tested = True
            case "shadow" | "canary":
                record.tried = True
                record.stage, record.share, record.alone = entry.step, entry.share, entry.alone
                if self.candidate != record.policy:
                    self.candidate = record.policy
                    self._count(record, entry.time)
            case "withdrawn":
                self._leave("draft")
            case "retired":
                self._retire(record)
            case _:
                assert_never(entry.step)
        _note(record, index, entry, entry.step)

    def _draft(self, entry: PolicyStepped) -> Record:
        before = self.records.pop(entry.policy, None)
        steps = before.steps if before is not None else []
        record = Record(policy=entry.policy, name=entry.name, text=entry.text, stage="draft", steps=steps)
        self.records[entry.policy] = record
        if self.counting == entry.policy:
            self.counting = ""
        self._forget()
        return record

    def _changed(self, index: int, entry: PolicyChanged) -> None:
        before, now = self.live, entry.policy
        if self.candidate == now or (self.candidate and self.records[self.candidate].stage == "canary"):
            self._leave("draft")
        self.former = [one for one in self.former if one != now]
        if before and before != now:
            old = self.records[before]
            if entry.way == "rolled-back":
                old.stage = "retired"
            else:
                old.stage = "former"
                self.former.append(before)
                for dropped in self.former[:-FORMER]:
                    self.records[dropped].stage = "retired"
                self.former = self.former[-FORMER:]
        record = self.records.get(now)
        if record is None:
            record = self.records[now] = Record(policy=now, name=entry.name, text=entry.text, stage="live")
        record.stage, record.name, record.text = "live", entry.name, entry.text
        self.live = now
        if entry.way == "file":
            self.filed = now
        if self.candidate and before != now:
            self._count(self.records[self.candidate], entry.time)
        _note(record, index, entry, entry.way)
        self._forget()

    def _count(self, record: Record, time: int) -> None:
        """From here on this candidate is compared with the live policy; the one before keeps its counts."""
        if self.counting and self.counting != record.policy:
            known = self.records[self.counting].results
            if known is not None:
                known.recent, known.open = {}, {}
        record.results = Compared(policy=record.policy, live=self.live, since=time)
        self.counting = record.policy

    def _leave(self, stage: Stage) -> None:
        record = self.records[self.candidate]
        record.stage, record.share, record.alone = stage, 0, False
        self.candidate = ""

    def _retire(self, record: Record) -> None:
        if self.candidate == record.policy:
            self._leave("retired")
        record.stage = "retired"
        self.former = [one for one in self.former if one != record.policy]

    def _forget(self) -> None:
        for stage in ("retired", "draft"):
            for name in [name for name, record in self.records.items() if record.stage == stage][:-1]:
                if len(self.records) <= POLICIES:
                    return
                del self.records[name]
                if self.counting == name:
                    self.counting = ""


def _note(record: Record, index: int, entry: PolicyStepped | PolicyChanged, step: str) -> None:
    share, alone, digest, summary = 0, False, "", ""
    if isinstance(entry, PolicyStepped):
        share, alone, digest, summary = entry.share, entry.alone, entry.digest, entry.summary
    elif entry.forced:
        summary = f"forced: {entry.forced}"
    noted = Stepped(index, entry.time, step, entry.by, entry.reason, share, alone, digest, summary)
    record.steps.append(noted)
    del record.steps[:-STEPS]


def _only_in(record: Record, *stages: Stage) -> None:
    if record.stage not in stages:
        raise ConflictError(
            f"policy {record.policy[:12]} is {_said(record.stage)}; this takes one that is "
            f"{' or '.join(map(_said, stages))}"
        )


def _not_in(record: Record, *stages: Stage) -> None:
    if record.stage in stages:
        raise ConflictError(f"policy {record.policy[:12]} is {_said(record.stage)}")


def _said(stage: Stage) -> str:
    said: dict[Stage, str] = {"draft": "a draft", "shadow": "in shadow", "canary": "a canary"}
    return said.get(stage, stage)
