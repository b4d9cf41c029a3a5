"""Enrolling and removing factors. Each is an entry; secrets go beside the log, sealed, in the same transaction.

Who may: somebody who has no factor yet, on the word of the application alone. Everybody else needs an allowed attempt
``factor.enroll`` (or ``factor.remove``), at most ten minutes old and used once, which takes the strongest factor that
they have, freshly proved (``judge``); after a recovery code only when its hold is over (``stepup.people``). An operator
can take all of a person's factors away (``reset``), with a reason; what then is enrolled is a first factor again.
"""

import hmac
import re
from collections.abc import Callable, Sequence

import msgspec

from stepwarden.errors import ConflictError, ForbiddenError, InputError, NotFoundError
from stepwarden.events.attempt import NO_CONTROL
from stepwarden.events.entries import FactorEnrolled, FactorRemoved
from stepwarden.events.redaction import redact
from stepwarden.flow.answers import TotpEnrolment
from stepwarden.flow.attempts import Attempts
from stepwarden.flow.audited import check_reason
from stepwarden.flow.drafts import Draft, Drafts
from stepwarden.flow.notices import Notices
from stepwarden.flow.recorder import Appended, Recorder
from stepwarden.flow.vault import NAMES, Vault
from stepwarden.ledger.store import SideWrite
from stepwarden.stepup.assurance import FactorKind, kind_of
from stepwarden.stepup.binding import keyed_text
from stepwarden.stepup.factors import recovery, registration, sent, totp
from stepwarden.stepup.means import Means
from stepwarden.stepup.people import MAX_CREDENTIALS

ENROL_ACTION = "factor.enroll"
REMOVE_ACTION = "factor.remove"
ENROLLED, REMOVED = "factor.enrolled", "factor.removed"
"""What the person is told."""
ENROL_WITHIN = 600_000_000
"""Microseconds after which an allowed ``factor.enroll`` is no longer good for enrolling."""
CREDENTIAL_BYTES = 6
MAX_NAME = 64
_MAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")


class PasskeyRules(msgspec.Struct, frozen=True, kw_only=True):
    """How passkeys are enrolled: the name shown, whom to believe about hardware, and by which roots."""

    name: str
    trust: registration.Trust
    roots: dict[str, list[bytes]] = {}


class Enrolments:
    """All calls on the loop's thread."""

    def __init__(
        self,
        recorder: Recorder,
        attempts: Attempts,
        vault: Vault,
        means: Means,
        drafts: Drafts,
        notices: Notices,
        *,
        issuer: str,
        passkeys: PasskeyRules,
        entropy: Callable[[int], bytes],
    ) -> None:
        self._recorder = recorder
        self._state = recorder.state
        self._attempts = attempts
        self._vault = vault
        self._means = means
        self._drafts = drafts
        self._notices = notices
        self._issuer = issuer
        self._passkeys = passkeys
        self._entropy = entropy

    async def enrol_totp(
        self, actor: str, *, attempt: str, by: str, name: str = "", secret: bytes = b""
    ) -> TotpEnrolment:
        """Give a person a new TOTP secret (``secret``: the one of a draft).

        Raises:
            ForbiddenError: there is no attempt that allows it.
        """
        token, previous = self._may(actor, attempt, ENROL_ACTION)
        secret = secret or self._entropy(totp.SECRET_BYTES)
        await self._enrolled(actor, token, "totp", previous, secret, by, name=name).durable
        self._notices.tell(token, ENROLLED)
        return self.totp_of(actor, secret)

    def totp_of(self, actor: str, secret: bytes) -> TotpEnrolment:
        """A secret as an authenticator app takes it."""
        uri = totp.uri(secret, issuer=self._issuer, account=actor)
        return TotpEnrolment(secret=totp.base32(secret), uri=uri)

    async def make_recovery_codes(self, actor: str, *, attempt: str, by: str) -> list[str]:
        """Give a person 10 new recovery codes; those before are void. ``attempt`` as for ``enrol_totp``."""
        token, previous = self._may(actor, attempt, ENROL_ACTION)
        codes = recovery.codes(self._entropy(recovery.CODE_BYTES * recovery.CODES_AT_ONCE))
        credential = self._entropy(CREDENTIAL_BYTES).hex()
        rows = tuple(
            self._vault.put(
                token,
                "recovery",
                f"{credential}.{number}",
                recovery.stored(code, self._entropy(recovery.SALT_BYTES)),
            )
            for number, code in enumerate(codes)
        )
        for old in self._state.stepup.people.credentials(token, "recovery"):
            self._removed(token, "recovery", old, -1, by)
        entry = FactorEnrolled(
            time=self._recorder.now(),
            id=self._recorder.new_id(),
            previous=previous,
            by=by,
            actor=token,
            factor="recovery",
            credential=credential,
            count=len(codes),
        )
        await self._recorder.append(entry, self._recorder.private(actor, {"actor": actor}), rows).durable
        self._notices.tell(token, ENROLLED)
        return codes

    def begin_passkey(self, actor: str) -> tuple[str, str]:
        """A draft's name, and what ``navigator.credentials.create`` takes, as JSON."""
        token = self._person(actor)
        challenge = self._entropy(registration.CHALLENGE_BYTES)
        known = [raw_id for _, raw_id in self._vault.get(token, "webauthn")]
        options = registration.options(
            rp_id=self._means.rp_id,
            rp_name=self._passkeys.name,
            user_id=bytes.fromhex(self._means.keyed(b"stepwarden user v1\n" + token.encode())),
            user_name=actor,
            challenge=challenge,
            known=known,
            attested=bool(self._passkeys.roots),
        )
        return self._drafts.begin(Draft(actor=token, factor="webauthn", secret=challenge)), options

    async def enrol_passkey(
        self, actor: str, *, draft: str, answer: str, name: str, attempt: str, by: str
    ) -> str:
        """Enrol the passkey that a browser made; its id with us.

        Raises:
            ForbiddenError: there is no attempt that allows it.
            InputError: it is no passkey that can be enrolled, or the draft is over.
            ConflictError: somebody has it already.
        """
        token, previous = self._may(actor, attempt, ENROL_ACTION)
        begun = self._drafts.take(draft, token, "webauthn")
        made = None
        if begun is not None:
            made = registration.check(
                answer,
                challenge=begun.secret,
                rp_id=self._means.rp_id,
                origins=sorted(self._means.origins),
                roots=self._passkeys.roots,
                trust=self._passkeys.trust,
            )
        if made is None:
            raise InputError("this passkey could not be enrolled: begin again", field="answer")
        if any(hmac.compare_digest(raw_id, made.raw_id) for _, raw_id in self._vault.get(token, "webauthn")):
            raise ConflictError("this passkey is enrolled already")
        appended = self._enrolled(
            actor, token, "webauthn", previous, made.raw_id, by, name=name, passkey=made
        )
        await appended.durable
        self._notices.tell(token, ENROLLED)
        return appended.name

    def begin_totp(self, actor: str) -> tuple[str, TotpEnrolment]:
        """A draft's name, and the secret to be shown."""
        secret = self._entropy(totp.SECRET_BYTES)
        name = self._drafts.begin(Draft(actor=self._person(actor), factor="totp", secret=secret))
        return name, self.totp_of(actor, secret)

    async def confirm_totp(
        self, actor: str, *, draft: str, code: str, name: str, attempt: str, by: str
    ) -> None:
        """Enrol the secret of a draft, once a code of it is shown.

        Raises:
            ForbiddenError: there is no attempt that allows it.
            InputError: the code is not right, or the draft is over.
        """
        token, _ = self._may(actor, attempt, ENROL_ACTION)
        begun = self._drafts.find(draft, token, "totp")
        if begun is None or totp.matching_step(begun.secret, code, self._recorder.now()) is None:
            raise InputError("the code is not the one that the app shows now", field="code")
        self._drafts.drop(draft)
        await self.enrol_totp(actor, attempt=attempt, by=by, name=name, secret=begun.secret)

    def begin_address(self, actor: str, factor: str, address: str) -> tuple[str, str]:
        """A draft's name, and the code to be sent to the address.

        Raises:
            InputError: it is no address of this kind.
        """
        kind = kind_of(factor)
        address = self.check_address(factor, address)
        if kind is None:
            raise InputError("no such factor", field="factor")
        token, code = self._person(actor), sent.code(self._entropy(sent.ENTROPY))
        kept = self._means.keyed(keyed_text(address, factor, code))
        return self._drafts.begin(Draft(actor=token, factor=kind, address=address, code=kept)), code

    def check_address(self, factor: str, address: str) -> str:
        """The address as it is kept. Raises: InputError: it is none."""
        address = address.strip()
        plain = re.fullmatch(NO_CONTROL, address) is not None
        right = {"email": _MAIL, "sms": _PHONE}.get(factor)
        if (
            not plain
            or (right is not None and right.fullmatch(address) is None)
            or not 0 < len(address) <= 254
        ):
            raise InputError("not an address that something can be sent to", field="address")
        return address

    async def confirm_address(
        self, actor: str, *, factor: str, draft: str, code: str, attempt: str, by: str
    ) -> None:
        """Enrol an address, once the code that was sent there is shown. Raises as ``confirm_totp`` does."""
        token, _ = self._may(actor, attempt, ENROL_ACTION)
        begun = self._drafts.find(draft, token, factor)
        shown = self._means.keyed(
            keyed_text(begun.address if begun else "", factor, sent.normalise(code) or "")
        )
        if begun is None or not hmac.compare_digest(shown, begun.code):
            raise InputError("the code is not the one that was sent", field="code")
        self._drafts.drop(draft)
        await self.enrol_address(actor, factor=factor, address=begun.address, attempt=attempt, by=by)

    async def enrol_address(self, actor: str, *, factor: str, address: str, attempt: str, by: str) -> None:
        """Enrol an address (mail, telephone, a push provider's id of the person) on the application's word."""
        if factor not in ("email", "sms", "push"):
            raise InputError("the factors with an address are email, sms and push", field="factor")
        address = self.check_address(factor, address)
        token, previous = self._may(actor, attempt, ENROL_ACTION)
        kind: FactorKind = "email" if factor == "email" else "sms" if factor == "sms" else "push"
        before = self._notices.addresses(token)
        await self._enrolled(actor, token, kind, previous, address.encode(), by, name=address).durable
        self._notices.tell_at(before or self._notices.addresses(token), ENROLLED)

    async def remove(self, actor: str, *, factor: str, credential: str, attempt: str, by: str) -> None:
        """Remove one factor.

        Raises:
            NotFoundError: the person has no such factor.
            ForbiddenError: there is no attempt that allows it.
        """
        token = self._person(actor)
        if credential not in self._state.stepup.people.credentials(token, factor):
            raise NotFoundError("this person has no such factor")
        token, previous = self._may(actor, attempt, REMOVE_ACTION)
        told = self._notices.addresses(token)
        await self._removed(token, factor, credential, previous, by).durable
        self._notices.tell_at(told, REMOVED)

    async def reset(self, actor: str, *, reason: str, by: str) -> int:
        """Take all factors of a person away, on an operator's word; how many. ``reason`` goes into the log.

        Raises:
            InputError: no reason, or one that names the person.
        """
        check_reason(reason, actor)
        token, last = self._person(actor), None
        told = self._notices.addresses(token)
        held = [(one.factor, one.id) for one in self._state.stepup.people.listing(token)]
        for factor, credential in held:
            last = self._removed(token, factor, credential, -1, by, reason=redact(reason))
        if last is not None:
            await last.durable
            self._notices.tell_at(told, REMOVED)
        return len(held)

    def _removed(
        self, token: str, factor: str, credential: str, previous: int, by: str, *, reason: str = ""
    ) -> Appended:
        kept = [
            name
            for name, _ in self._vault.get(token, factor)
            if name == credential or name.startswith(credential + ".")
        ]
        rows = tuple(self._vault.drop(token, factor, name) for name in kept)
        entry = FactorRemoved(
            time=self._recorder.now(),
            id=self._recorder.new_id(),
            previous=previous,
            by=by,
            actor=token,
            factor=factor,
            credential=credential,
            reason=reason,
        )
        return self._recorder.append(entry, side=(*rows, self._vault.drop(token, NAMES, credential)))

    def _enrolled(
        self,
        actor: str,
        token: str,
        factor: FactorKind,
        previous: int,
        secret: bytes,
        by: str,
        *,
        name: str,
        passkey: registration.Registered | None = None,
    ) -> Appended:
        recorder = self._recorder
        if len(self._state.stepup.people.credentials(token, factor)) >= MAX_CREDENTIALS:
            raise ConflictError(f"at most {MAX_CREDENTIALS} of a kind: remove one first")
        name = clean_name(name)
        credential = self._entropy(CREDENTIAL_BYTES).hex()
        rows: Sequence[SideWrite] = (
            self._vault.put(token, factor, credential, secret),
            *((self._vault.put(token, NAMES, credential, name.encode()),) if name else ()),
        )
        entry = FactorEnrolled(
            time=recorder.now(),
            id=recorder.new_id(),
            previous=previous,
            by=by,
            actor=token,
            factor=factor,
            credential=credential,
        )
        if passkey is not None:
            entry = msgspec.structs.replace(
                entry,
                public_key=passkey.public_key,
                rp_id=self._means.rp_id,
                aaguid=passkey.aaguid,
                hardware=passkey.hardware,
                synced=passkey.synced,
                backed_up=passkey.backed_up,
                sign_count=passkey.sign_count,
            )
        return recorder.append(entry, recorder.private(actor, {"actor": actor, "name": name}), tuple(rows))

    def _person(self, actor: str) -> str:
        if not 0 < len(actor) <= 256 or re.match(NO_CONTROL, actor) is None:
            raise InputError("an actor has 1 to 256 characters and no control characters", field="actor")
        return self._recorder.people.find_or_make(actor)[0].token

    def _may(self, actor: str, attempt: str, action: str) -> tuple[str, int]:
        """The person's token and the index of the attempt that allows it (-1: none is needed)."""
        token = self._person(actor)
        if not self._state.stepup.people.enrolled(token):
            return token, -1
        refused = ForbiddenError(
            f"this person has a factor already: ask for the action {action} first, let them step up, and "
            "send the id of the allowed attempt as `attempt`"
        )
        if not attempt:
            raise refused
        index, decided, _, _ = self._attempts.find(attempt)
        fits = (
            decided.facts.action == action
            and decided.facts.actor == token
            and decided.decision == "allow"
            and self._recorder.now() - decided.time <= ENROL_WITHIN
            and index not in self._state.spent
        )
        if not fits:
            raise refused
        return token, index


def clean_name(name: str) -> str:
    """A name that a person gave a factor, as it is kept: one line, at most 64 characters, no secret."""
    shown = "".join(character for character in name if character.isprintable())
    return redact(shown.strip())[:MAX_NAME]
