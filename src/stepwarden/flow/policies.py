"""The life of policies, as a running service carries it out: each step is one entry, durable on return.

What may follow what is in ``lifecycle``; here the entries are made. A policy is read and compiled before it becomes a
draft, shadow, canary or live, so that whatever is wrong with it is said while the one before still decides.

The configured file (``use``) is the operator's own word, and makes a policy live at once, as always. But a file that
nobody has touched since it was last made live says nothing new: where another policy was promoted, or rolled back to,
meanwhile, that one stays. Otherwise a mere restart would undo a promotion.
"""

from hashlib import sha256
from typing import Literal

import msgspec

from stepwarden.errors import ConflictError, InputError, NotFoundError, PolicyError
from stepwarden.events.entries import PolicyChanged, PolicyEmergency, PolicyRefused, PolicyStepped
from stepwarden.events.policies import Step, Way
from stepwarden.events.redaction import redact
from stepwarden.flow.answers import Recorded
from stepwarden.flow.audited import check_reason
from stepwarden.flow.policy_views import PoliciesView, PolicyView, policies_view, policy_view
from stepwarden.flow.recorder import Recorder
from stepwarden.flow.views import receipt_view
from stepwarden.policy.loader import load
from stepwarden.policy.policy import Policy

MAX_POLICY = 60_000
"""Bytes of a policy file: the whole of it goes into one entry."""
DETAIL = 512
SUMMARY = 300
SHORTEST = 6
"""Characters of a hash that name a policy, at least."""
StepName = Literal[Step, "promote", "rollback"]
REASONED: frozenset[StepName] = frozenset({"canary", "withdrawn", "promote", "rollback", "retired"})
"""Steps that may change what is decided: they take a reason."""


class StepAsked(msgspec.Struct, frozen=True, kw_only=True):
    """A step to take. ``policy``: a hash, its beginning, ``live`` or ``candidate``; "" with ``draft`` and ``rollback``.

    ``share`` of 10,000. ``force``: why it is promoted without the steps before it. The rest is the entry's.
    """

    step: StepName
    policy: str = ""
    text: str = ""
    share: int = 0
    alone: bool = False
    reason: str = ""
    force: str = ""
    digest: str = ""
    summary: str = ""


class Policies:
    """All calls on the loop's thread. Satisfies what ``gateway`` asks for."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._state = recorder.state

    def listing(self) -> PoliciesView:
        """All policies that are known, which is live, and whether there is an emergency."""
        return policies_view(self._state.cycle)

    def show(self, word: str) -> PolicyView:
        """One policy with text, steps and results. Raises: as ``find``."""
        return policy_view(self._state.cycle.records[self.find(word)], self._state.policies)

    def find(self, word: str) -> str:
        """The hash that is meant: it, its first characters, ``live``, ``candidate``, ``shadow`` or ``canary``.

        Raises:
            NotFoundError: there is none such.
            InputError: several begin so.
        """
        cycle = self._state.cycle
        if word in ("live", "candidate", "shadow", "canary"):
            found = cycle.live if word == "live" else cycle.candidate
            if not found or (word in ("shadow", "canary") and cycle.records[found].stage != word):
                raise NotFoundError(
                    f"no policy is {word}" if word in ("live", "candidate") else f"no {word} now"
                )
            return found
        known = [one for one in cycle.records if one.startswith(word)] if len(word) >= SHORTEST else []
        if len(known) > 1:
            raise InputError(f"{len(known)} policies begin with {word[:64]}", field="policy")
        if not known:
            raise NotFoundError(
                f"there is no policy {word[:64]!r}: name it by its hash, at least {SHORTEST} characters of it"
            )
        return known[0]

    async def step(self, asked: StepAsked, *, by: str) -> Recorded:
        """Take a step.

        Raises:
            ConflictError: it cannot come now; the message says what is missing.
            NotFoundError: no such policy.
            InputError: no reason where one is needed; or a report without its digest.
            PolicyError: the policy cannot be used.
        """
        reason = asked.reason
        if reason or asked.step in REASONED:
            reason = check_reason(reason, "")
        match asked.step:
            case "promote":
                entry: PolicyChanged | PolicyStepped = self._promotion(asked, reason, by)
            case "rollback":
                entry = self._rollback(reason, by)
            case step:
                entry = self._stepped(step, asked, reason, by)
        return await self._take(entry)

    async def emergency(self, on: bool, *, reason: str, by: str) -> Recorded:
        """Raise every demand to the highest, at once, or drop back. Raises: ConflictError: it is so already."""
        recorder = self._recorder
        return await self._take(
            PolicyEmergency(
                time=recorder.now(), id=recorder.new_id(), by=by, on=on, reason=check_reason(reason, "")
            )
        )

    async def _take(self, entry: PolicyStepped | PolicyChanged | PolicyEmergency) -> Recorded:
        self._state.cycle.permit(entry)
        appended = self._recorder.append(entry)
        receipt = await appended.durable
        return Recorded(id=appended.name, receipt=receipt_view(appended.index, receipt))

    def _stepped(self, step: Step, asked: StepAsked, reason: str, by: str) -> PolicyStepped:
        recorder = self._recorder
        policy, text, name = "", "", ""
        if step == "draft":
            made = _usable(asked.text)
            policy, text, name = made.hash, made.text, made.name
        else:
            policy = self.find(asked.policy)
            if step in ("shadow", "canary"):
                load(self._state.cycle.records[policy].text)
        summary = redact(asked.summary)[:SUMMARY]
        if not summary.isprintable():
            raise InputError("a summary is one printable line", field="summary")
        return PolicyStepped(
            time=recorder.now(),
            id=recorder.new_id(),
            by=by,
            policy=policy,
            step=step,
            text=text,
            name=name,
            share=asked.share if step == "canary" else 0,
            alone=asked.alone and step == "canary",
            reason=reason,
            digest=asked.digest,
            summary=summary,
        )

    def _promotion(self, asked: StepAsked, reason: str, by: str) -> PolicyChanged:
        record = self._state.cycle.need(self.find(asked.policy or "candidate"))
        load(record.text)
        forced = check_reason(asked.force, "") if asked.force else ""
        return self._change(record.policy, record.text, record.name, "promoted", reason, forced, by)

    def _rollback(self, reason: str, by: str) -> PolicyChanged:
        cycle = self._state.cycle
        if not cycle.former:
            raise ConflictError("no policy was live before this one, as far as is known")
        record = cycle.need(cycle.former[-1])
        return self._change(record.policy, record.text, record.name, "rolled-back", reason, "", by)

    def _change(
        self,
        policy: str,
        text: str,
        name: str,
        way: Way,
        reason: str,
        forced: str,
        by: str,
    ) -> PolicyChanged:
        recorder = self._recorder
        return PolicyChanged(
            time=recorder.now(),
            id=recorder.new_id(),
            by=by,
            policy=policy,
            text=text,
            name=name,
            way=way,
            replaces=self._state.cycle.live,
            reason=reason,
            forced=forced,
        )

    def passed_over(self, text: str) -> bool:
        """Whether this text of the configured file is passed over: it is not live, and says nothing new."""
        digest = sha256(text.encode()).hexdigest()
        return digest == self._state.cycle.filed and digest != self._state.cycle.live

    async def use(self, text: str, *, by: str) -> bool:
        """Make the policy of the configured file live; True when it is another one now. See the module.

        Both the change and a refusal are entries.

        Raises:
            PolicyError: it cannot be used; the one before stays live.
        """
        digest = sha256(text.encode()).hexdigest()
        cycle = self._state.cycle
        if digest in (cycle.live, cycle.filed):
            return False
        recorder = self._recorder
        try:
            policy = _usable(text)
        except PolicyError as exc:
            refused = PolicyRefused(
                time=recorder.now(),
                id=recorder.new_id(),
                by=by,
                policy=digest,
                reason=str(exc)[:DETAIL],
                line=exc.line,
                column=exc.column,
            )
            await recorder.append(refused).durable
            raise
        await self._take(self._change(policy.hash, text, policy.name, "file", "", "", by))
        return True


def _usable(text: str) -> Policy:
    """Raises: PolicyError: it cannot be used, or its entry would be too long."""
    if len(text.encode()) > MAX_POLICY:
        raise PolicyError(f"the policy has more than {MAX_POLICY} bytes")
    return load(text)
