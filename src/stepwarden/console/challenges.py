"""Challenge pages: what is approved, why it is asked, how it can be confirmed; and what is sent from there.

What goes wrong with an answer is said in one sentence that is the same for every cause (``note_not_accepted``), on the
page itself, after a redirect: going back or reloading never sends an answer a second time. What ends a challenge has
its own page (``faults``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from stepwarden.console.catalogue import reasons_shown, speak
from stepwarden.console.finishing import Finishing, notice
from stepwarden.console.kept import Shelf, Trip, hidden
from stepwarden.console.service import Pages
from stepwarden.console.visit import Data, Outcome, Redirect, Screen, Visit
from stepwarden.console.words import MAX_SHOWN, Words, approval_words
from stepwarden.errors import (
    BusyError,
    ChallengeClosedError,
    ChallengeError,
    ChallengeNotReadyError,
    CourierError,
    FactorLockedError,
    NotWitnessedError,
    StepwardenError,
)
from stepwarden.flow.shown import ChallengePage, Choice
from stepwarden.stepup.assurance import TABLE, FactorKind, kind_of

FAULTS: Final = ("not_accepted", "locked", "busy", "not_sent", "not_witnessed", "provider")
NOTES: Final = (*FAULTS, "sent")
LOOK_AGAIN: Final = 5
"""Seconds after which a page whose challenge is not ready looks again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One way to confirm. ``targets``: where something can be sent; ``first``: the one that is offered before all."""

    factor: FactorKind
    targets: tuple[Choice, ...]
    locked_until: int
    sent: bool
    first: bool
    focus: bool


class Challenges:
    """Handlers, by the name of their route. Each takes a ``Visit`` and may raise what ``Pages`` raises."""

    def __init__(self, pages: Pages, finishing: Finishing, trips: Shelf[bytes, Trip]) -> None:
        self._pages = pages
        self._finishing = finishing
        self._trips = trips

    async def show(self, visit: Visit) -> Outcome:
        """GET /step-up/{challenge}"""
        page = await self._page(visit)
        if not page.choices:
            key = "no_way" if page.ready else "not_ready"
            back, text = self._finishing.back(visit, "closed")
            values = notice(key, link=back, link_text=text, again_in=0 if page.ready else LOOK_AGAIN)
            return Screen(template="notice.html", values=values, status=409)
        note = visit.query.get("note", "")
        note = note if note in NOTES else ""
        about = kind_of(visit.query.get("factor", ""))
        options = _options(page, about if note else None)
        first, others = _arranged(options)
        return Screen(
            template="challenge.html",
            values={
                **self._told(visit, page),
                "reasons": reasons_shown(page.reasons, visit.language),
                "note": note,
                "note_factor": about,
                "fault": note in FAULTS,
                "first": first,
                "others": others,
                "others_open": any(one.factor == about and note for one in others) or not _usable(first),
                "remember_in": _remember_in(first),
                "cancel": self._finishing.back(visit, "cancelled")[0],
                "back": self._finishing.back(visit, "closed")[0],
            },
        )

    async def answer(self, visit: Visit) -> Outcome:
        """POST /step-up/{challenge}/answer"""
        factor = visit.form.get("factor", "")
        given = visit.form.get("answer", "").strip()
        # Codes are read aloud, and pasted, in groups; what the other kinds do with blanks is theirs.
        given = given if factor in ("webauthn", "recovery") else "".join(given.split())
        try:
            passed = await self._pages.answer(
                self._named(visit),
                visit.browser,
                factor=factor,
                answer=given,
                remember=visit.form.get("remember") == "on",
            )
        except ChallengeClosedError:
            if self._finishing.is_finished(visit):
                return Redirect(location=self._finishing.url(visit, "done"))
            raise
        except ChallengeNotReadyError:
            return self._again(visit)
        except FactorLockedError:
            return self._again(visit, "locked", factor)
        except NotWitnessedError:
            return self._again(visit, "not_witnessed", factor)
        except ChallengeError:
            return self._again(visit, "not_accepted", factor)
        except BusyError:
            return self._again(visit, "busy", factor)
        return self._finishing.finish(visit, passed)

    async def send(self, visit: Visit) -> Outcome:
        """POST /step-up/{challenge}/send"""
        factor = visit.form.get("factor", "")
        page = await self._page(visit)
        try:
            await self._pages.send(
                page.id,
                visit.browser,
                factor=factor,
                credential=visit.token("credential"),
                words=_sentence(page, self._words(visit, page), visit),
            )
        except ChallengeClosedError:
            raise
        except BusyError:
            return self._again(visit, "busy", factor)
        except FactorLockedError:
            return self._again(visit, "locked", factor)
        except (CourierError, ChallengeError):
            return self._again(visit, "not_sent", factor)
        if factor == "push":
            return Redirect(location=self._finishing.url(visit, "wait"))
        return self._again(visit, "sent", factor)

    async def wait(self, visit: Visit) -> Outcome:
        """GET /step-up/{challenge}/wait: a push. For a script: where to go on, or that there is nothing yet."""
        try:
            passed = await self._pages.waiting(self._named(visit), visit.browser)
        except ChallengeClosedError:
            if not visit.json:
                raise
            return Data({"next": self._finishing.url(visit, "")})
        if passed is not None:
            on = self._finishing.finish(visit, passed)
            if not visit.json:
                return on
            # A script goes by our own page, so that no code is in its hands where none is needed.
            own = on.location.startswith(f"{self._finishing.base}/account/")
            return Data({"next": on.location if own else self._finishing.url(visit, "done")})
        if visit.json:
            return Data({"waiting": True})
        page = await self._page(visit)
        return Screen(template="waiting.html", values=self._told(visit, page))

    async def deny(self, visit: Visit) -> Outcome:
        """POST /step-up/{challenge}/deny"""
        await self._pages.deny(self._named(visit), visit.browser)
        back, text = self._finishing.back(visit, "denied")
        values = notice("denied", tone="good", link=back, link_text=text, error="denied")
        return Screen(template="notice.html", values=values)

    async def to_provider(self, visit: Visit) -> Outcome:
        """POST /step-up/{challenge}/provider: by a page of ours, because ``form-action`` does not name the provider."""
        try:
            target = await self._pages.to_provider(self._named(visit), visit.browser)
        except StepwardenError:
            return self._again(visit, "provider", "provider")
        if not target.startswith(("https://", "http://")):
            raise ValueError("a provider has an address on the web")
        self._trips.put(hidden(visit.browser.key), Trip(challenge=visit.challenge, way=visit.way))
        return Screen(template="forward.html", values={"target": target})

    async def from_provider(self, visit: Visit) -> Outcome:
        """GET /openid/callback"""
        trip = self._trips.take(hidden(visit.browser.key))
        if trip is not None:
            visit = replace(visit, segments=(trip.challenge,), way=trip.way)
        try:
            passed = await self._pages.from_provider(
                visit.browser,
                state=visit.query.get("state", ""),
                code=visit.query.get("code", ""),
                error=visit.query.get("error", ""),
                issuer=visit.query.get("iss", ""),
            )
        except StepwardenError:
            # What has ended, or is another browser's, its own page says, with the way back.
            if trip is None:
                raise
            return self._again(visit, "provider", "provider")
        if trip is None or trip.challenge != passed.challenge:
            # Two at once in one browser: this one is passed, and the way back of the other is not its own.
            visit = replace(
                visit, segments=(passed.challenge,), way=replace(visit.way, return_to="", popup=False)
            )
        return self._finishing.finish(visit, passed)

    # -- inside

    def _named(self, visit: Visit) -> str:
        if not visit.challenge:
            raise ChallengeClosedError("the challenge is closed")
        return visit.challenge

    async def _page(self, visit: Visit) -> ChallengePage:
        return await self._pages.challenge(self._named(visit), visit.browser)

    def _again(self, visit: Visit, note: str = "", factor: str = "") -> Redirect:
        """The challenge's own page, with something said on it."""
        url = self._finishing.url(visit, "")
        known = kind_of(factor)
        told = f"note={note}" + (f"&factor={known}" if known else "") if note else ""
        return Redirect(location=url + ("&" if "?" in url else "?") * bool(told) + told)

    def _words(self, visit: Visit, page: ChallengePage) -> Words:
        return approval_words(
            page.approval,
            action=page.action,
            resource=page.resource,
            parameters=page.parameters,
            language=visit.language,
        )

    def _told(self, visit: Visit, page: ChallengePage) -> dict[str, object]:
        words = self._words(visit, page)
        told = page.approval.language_for(visit.language) if page.approval is not None else visit.language
        return {
            "page": page,
            "words": words,
            "sentence": _sentence(page, words, visit),
            "details_open": not _own(page) and not _covered(page, words),
            "sentence_language": told if told != visit.language and not _own(page) else "",
            "url": lambda part: self._finishing.url(visit, part),
        }


def _own(page: ChallengePage) -> str:
    """The key of our own words for what our own pages ask; "" for what applications ask."""
    key = f"own_{page.action}"
    return key if page.own and key in _OWN else ""


_OWN: Final = frozenset(
    f"own_{action}"
    for action in ("security.open", "security.sessions", "security.devices", "factor.enroll", "factor.remove")
)


def _covered(page: ChallengePage, words: Words) -> bool:
    """Whether the sentence says all that is approved, so that the details may be folded up."""
    if page.approval is None or page.resource:
        return False
    said: set[str] = set()
    for template in page.approval.templates.values():
        places = template.placeholders
        said |= {place.name for place in places} | {place.currency for place in places}
    plain = {str(value) for value in page.parameters.values()}
    # A value that is shown in another way than it is has something about it that the person should see.
    unlike = any(value not in plain for _, value in words.details[1:])
    return said >= set(page.parameters) and not unlike and all(len(one) <= MAX_SHOWN for one in plain)


def _sentence(page: ChallengePage, words: Words, visit: Visit) -> str:
    key = _own(page)
    return speak(visit.language)(key).unescape() if key else words.sentence


def _options(page: ChallengePage, about: FactorKind | None) -> list[Option]:
    """One option for each kind, strongest first; ``about``: the one that was tried just now."""
    kinds = sorted({one.factor for one in page.choices}, key=lambda kind: -TABLE[kind].strength)
    found = []
    for kind in kinds:
        choices = tuple(one for one in page.choices if one.factor == kind)
        found.append(
            Option(
                factor=kind,
                targets=choices if TABLE[kind].sent else (),
                locked_until=min(one.locked_until for one in choices),
                sent=kind in page.sent,
                first=False,
                focus=kind == about,
            )
        )
    return found


def _arranged(options: Sequence[Option]) -> tuple[list[Option], list[Option]]:
    """What is offered at once, and what stands under other ways.

    At once: the passkey, and the one way besides it that was tried last, or else the strongest that is not locked: with
    nothing but a passkey in sight, who cannot use it here would see no way on. Recovery codes wait below.
    """
    passkey = [one for one in options if one.factor == "webauthn"]
    rest = [one for one in options if one.factor != "webauthn"]
    best = sorted(
        (one for one in rest if one.factor != "recovery"),
        key=lambda one: (bool(one.locked_until), not one.focus, not one.sent),
    )[:1]
    first = [*passkey, *best]
    if not first:
        first, rest = rest, []
    shown = [replace(one, first=number == 0) for number, one in enumerate(first)]
    return shown, [one for one in rest if one not in best]


def _usable(options: Sequence[Option]) -> bool:
    return any(not one.locked_until for one in options)


def _remember_in(first: Sequence[Option]) -> str:
    """The kind in whose form "remember this device" stands: it stands on a page once. "" where nothing can take it."""
    for one in reversed(first):
        entry = one.factor in ("totp", "email", "sms") and (not one.targets or one.sent)
        if not one.locked_until and (entry or one.factor == "webauthn"):
            return one.factor
    return ""
