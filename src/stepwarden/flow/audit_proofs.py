"""Step 9 of the audit: what can be checked of a step-up from the log alone.

- the nonce of a challenge commits to its id, the binding and the policy of the decision that asked for it, and to what
  is approved; its binding is that decision's: nothing of it was exchanged afterwards;
- ``proved`` are the methods that stood at the decision, and it was ready only if they are a first factor;
- a success claims the level and the methods that the factor gives on top of them, by the assurance table, and by a
  factor that was admitted at all;
- a TOTP time step lies in its window around the entry's time, and after the last one used of its authenticator;
- a recovery code is used once; the credential is one that this person has;
- a passkey's assertion is there, and verifies: its key from enrolment signed this challenge, and so this very action,
  for the site that it was enrolled for, with the person verified, and its counter went forward;
- a code by mail or text message, or a push, was sent for this challenge;
- the grant ends when it must.

That a code itself was right cannot be seen, as its secret is no part of the log; nor can a provider's word be.
"""

from collections.abc import Callable

from stepwarden.events import entries as e
from stepwarden.flow.audit_steps import Findings
from stepwarden.flow.state import LogState
from stepwarden.stepup.assurance import TABLE, FactorKind, Used, classes, kind_of, level, methods_after
from stepwarden.stepup.binding import commitment
from stepwarden.stepup.factors import totp, webauthn
from stepwarden.stepup.gate import GRANT_SECONDS
from stepwarden.stepup.issue import admits, already_proved
from stepwarden.stepup.state import OpenChallenge


class Proofs:
    """Takes each entry with the state before it."""

    def __init__(self, attempt: Callable[[int], e.AttemptDecided | None]) -> None:
        """``attempt`` gives the attempt at an index, if it can be had."""
        self.findings = Findings(9)
        self._attempt = attempt

    def check(self, state: LogState, index: int, entry: e.Entry) -> None:
        """Look at the entry at ``index``; ``state`` is that of the log before it."""
        why: str | None
        if isinstance(entry, e.ChallengeIssued):
            why = self._issued(entry)
        elif isinstance(entry, e.ChallengePassed):
            why = _passed(state, entry)
        else:
            return
        self.findings.count += 1
        if why:
            self.findings.fail(f"entry {index}: {why}")

    def _issued(self, entry: e.ChallengeIssued) -> str | None:
        decided = self._attempt(entry.previous)
        if decided is None:
            return None  # step 8 says so
        if entry.binding != decided.binding:
            return "the challenge is bound to another action than the decision"
        if entry.nonce != commitment(
            entry.challenge, entry.binding, decided.policy, entry.personal.get("approval", "")
        ):
            return "the challenge's nonce does not commit to its id, binding and policy"
        proved = already_proved(decided.standing, decided.facts.proved)
        if entry.proved != proved or entry.ready != bool(classes(proved)):
            return "the challenge counts other methods as proved than the attempt came with"
        return None


def _passed(state: LogState, entry: e.ChallengePassed) -> str | None:
    found = state.stepup.challenge(entry.challenge)
    if found is None:
        return None  # step 8 says so
    kind = kind_of(entry.factor)
    if kind is None:
        return f"there is no factor {entry.factor}"
    used = _used(state, entry, kind)
    if not admits(found.issued, used):
        return f"the factor {entry.factor} could not answer this challenge"
    if kind != "provider" and (entry.aal, entry.amr) != (
        level(found.proved, used),
        methods_after(found.proved, used),
    ):
        return f"it claims AAL{entry.aal} by {'+'.join(entry.amr)}, which this factor does not give here"
    if entry.expires != entry.time + GRANT_SECONDS * 1_000_000:
        return f"its grant is good for other than {GRANT_SECONDS} s"
    if kind == "totp" and abs(entry.step - totp.step_of(entry.time)) > totp.WINDOW:
        return f"its time step {entry.step} lies outside the window of its time"
    if kind == "provider":
        return None
    fresh = state.stepup.people.fresh(entry.actor, kind, entry.credential, entry.step)
    if fresh is None:
        return f"the credential {entry.credential} is none of this person's"
    if not fresh:
        return f"the code of {entry.credential} had been used before"
    if kind == "webauthn":
        return _signed(state, found, entry)
    if TABLE[kind].sent and all(one.credential != entry.credential for one in found.sent):
        return f"no code was sent to {entry.credential} for this challenge"
    return None


def _used(state: LogState, entry: e.ChallengePassed, kind: FactorKind) -> Used:
    """What the factor was worth: of a passkey by its enrolment, of a provider by its own word."""
    if kind == "provider":
        return Used(kind, aal=entry.aal, methods=entry.amr)
    passkey = state.stepup.people.passkey(entry.actor, entry.credential)
    if kind != "webauthn" or passkey is None:
        return Used(kind)
    return Used(kind, hardware=passkey.hardware and not entry.synced, synced=entry.synced)


def _signed(state: LogState, found: OpenChallenge, entry: e.ChallengePassed) -> str | None:
    """The person's passkey signed this very challenge, which commits to this very action."""
    passkey = state.stepup.people.passkey(entry.actor, entry.credential)
    if passkey is None:
        return f"the credential {entry.credential} has no public key"
    said = webauthn.check_proof(entry.proof, found.issued.nonce, passkey)
    if said is None:
        return f"its assertion is no signature of the passkey {entry.credential} over this challenge"
    if said != (entry.sign_count, entry.synced, entry.backed_up):
        return "it claims another counter, or other backup flags, than were signed"
    if (entry.sign_count or passkey.sign_count) and entry.sign_count <= passkey.sign_count:
        return f"the counter of the passkey {entry.credential} had gone back"
    return None
