"""A person's own page: entering, the strongest factor for everything, what is shown, and "this wasn't me"."""

import json

import msgspec
import pytest

from stepwarden.app.node import Node
from stepwarden.errors import (
    ForbiddenError,
    InputError,
    NotFoundError,
    StepwardenError,
    UnauthenticatedError,
)
from stepwarden.events import entries as e
from stepwarden.events.attempt import Device
from stepwarden.flow.account import SESSION_SECONDS, TICKET_SECONDS, Account
from stepwarden.flow.answers import TotpEnrolment
from stepwarden.flow.shown import AccountAnswer
from stepwarden.stepup.people import HOLD
from tests.flow.flow_house import House
from tests.flow.proving_house import (
    BROWSER,
    OTHER,
    URL,
    at_home,
    attempt,
    enrol_passkey,
    sign_in,
    signed,
)
from tests.flow.test_flow_proving import entries, holds
from tests.stepup.software_authenticator import SoftwareAuthenticator


def account(node: Node) -> Account:
    return node.service.proving.account


async def entered(node: Node) -> str:
    """A browser with a page session, which has not been opened yet."""
    ticket = account(node).ticket("alice", proved=("pwd",), return_to="https://shop.example.com/")
    return await account(node).enter(ticket, BROWSER)


async def prove(
    node: Node, key: SoftwareAuthenticator, session: str, action: str, **more: str
) -> AccountAnswer:
    """Ask, pass the challenge by passkey on our page if there is one, and ask again."""
    answer = await account(node).ask(session, BROWSER, action, **more)
    if answer.allowed:
        return answer
    given = await signed(node, key, answer.challenge)
    passed = await node.service.proving.pages.answer(
        answer.challenge, BROWSER, factor="webauthn", answer=given, remember=False
    )
    return await account(node).ask(
        session, BROWSER, action, code=passed.code, challenge=passed.challenge, **more
    )


def test_somebody_without_factors_enrols_one_and_then_needs_it(house: House) -> None:
    """The first on the application's word; from then on the page itself takes that factor."""

    async def do(node: Node) -> None:
        await sign_in(node)
        session = await entered(node)
        assert (await account(node).ask(session, BROWSER, "security.open")).allowed
        draft = await account(node).begin_totp(session)
        allowed = await account(node).ask(session, BROWSER, "factor.enroll")
        assert allowed.allowed
        with pytest.raises(InputError):
            await account(node).confirm_totp(session, allowed.attempt, code="000000", name="my phone")
        shown = house.code(TotpEnrolment(secret=draft.secret, uri=draft.uri))
        await account(node).confirm_totp(session, allowed.attempt, code=shown, name="my phone")
        page = await account(node).overview(session)
        assert [(one.factor, one.name, one.strong) for one in page.factors] == [("totp", "my phone", True)]
        again = await entered(node)
        answer = await account(node).ask(again, BROWSER, "security.open")
        assert not answer.allowed
        assert answer.challenge
        with pytest.raises(ForbiddenError):
            await account(node).overview(again)

    at_home(house).live(do)
    holds(house)


def test_attack_a_ticket_is_used_twice_or_late_or_guessed(house: House) -> None:
    """Good once, for a minute, and 192 bits long."""

    async def do(node: Node) -> None:
        await sign_in(node)
        ticket = account(node).ticket("alice", proved=("pwd",), return_to="")
        await account(node).enter(ticket, BROWSER)
        late = account(node).ticket("alice", proved=("pwd",), return_to="")
        for wrong in (ticket, "", "guess"):
            with pytest.raises(NotFoundError):
                await account(node).enter(wrong, BROWSER)
        house.forward(TICKET_SECONDS + 1)
        with pytest.raises(NotFoundError):
            await account(node).enter(late, BROWSER)

    at_home(house).live(do)


def test_attack_a_page_session_is_taken_to_another_browser(house: House) -> None:
    """Its cookie alone is not enough, and it ends by itself."""

    async def do(node: Node) -> None:
        await sign_in(node)
        session = await entered(node)
        with pytest.raises(UnauthenticatedError):
            await account(node).ask(session, OTHER, "security.open")
        assert (await account(node).ask(session, BROWSER, "security.open")).allowed
        house.forward(SESSION_SECONDS + 1)
        with pytest.raises(UnauthenticatedError):
            await account(node).overview(session)

    at_home(house).live(do)


def test_attack_nothing_is_done_on_a_page_that_was_not_opened(house: House) -> None:
    """Every one of its methods, with the cookie and without the proof."""

    async def do(node: Node) -> None:
        await sign_in(node)
        await enrol_passkey(node)
        session, page = await entered(node), account(node)
        tries = [
            page.overview(session),
            page.begin_totp(session),
            page.confirm_totp(session, "", code="123456", name=""),
            page.begin_passkey(session),
            page.confirm_passkey(session, "", answer="{}", name=""),
            page.begin_address(session, factor="email", address="a@example.com", language="en"),
            page.confirm_address(session, "", code="123456"),
            page.recovery_codes(session, ""),
            page.remove(session, "", factor="webauthn", credential="x"),
            page.end_session(session, "", token=""),
            page.forget_device(session, "", device=""),
            page.not_me(session, "1-abcdefgh"),
            page.ask(session, BROWSER, "factor.enroll"),
        ]
        for one in tries:
            with pytest.raises(ForbiddenError):
                await one

    at_home(house).live(do)


def test_each_change_takes_the_passkey_freshly(house: House) -> None:
    """Within five minutes of the proof that opened the page nothing more is asked; after them it is."""

    async def do(node: Node) -> None:
        await sign_in(node)
        key = await enrol_passkey(node)
        session, page = await entered(node), account(node)
        assert (await prove(node, key, session, "security.open")).allowed
        allowed = await page.ask(session, BROWSER, "factor.enroll")
        assert allowed.allowed
        codes = await page.recovery_codes(session, allowed.attempt)
        assert len(codes) == 10
        with pytest.raises(ForbiddenError):
            await page.recovery_codes(session, allowed.attempt)
        house.forward(301)
        answer = await page.ask(session, BROWSER, "factor.remove")
        assert answer.challenge
        held = (await page.overview(session)).factors
        allowed = await prove(node, key, session, "factor.remove")
        codes_id = next(one.credential for one in held if one.factor == "recovery")
        await page.remove(session, allowed.attempt, factor="recovery", credential=codes_id)
        assert [one.factor for one in (await page.overview(session)).factors] == ["webauthn"]

    at_home(house).live(do)
    holds(house)


def test_attack_an_application_collects_what_was_passed_for_the_page(house: House) -> None:
    """A code of an own challenge is worth nothing over the API."""

    async def do(node: Node) -> None:
        await sign_in(node)
        key = await enrol_passkey(node)
        session = await entered(node)
        answer = await account(node).ask(session, BROWSER, "security.open")
        given = await signed(node, key, answer.challenge)
        pages = node.service.proving.pages
        passed = await pages.answer(
            answer.challenge, BROWSER, factor="webauthn", answer=given, remember=False
        )
        with pytest.raises(StepwardenError):
            await pages.collect(answer.challenge, passed.code, by="k")

    at_home(house).live(do)


def test_this_was_not_me_ends_the_session_and_labels_the_attempt(house: House) -> None:
    """At once, without another proof; the attacker's next attempt is refused, and the log says why."""

    async def do(node: Node) -> None:
        await sign_in(node, session="mine")
        await sign_in(node, session="stolen")
        await sign_in(node, actor="bob", session="bobs")
        theirs = await node.service.decide(attempt("balance.read", "stolen"), by="k")
        bobs = await node.service.decide(attempt("balance.read", "bobs", actor="bob"), by="k")
        key = await enrol_passkey(node)
        session = await entered(node)
        assert (await prove(node, key, session, "security.open")).allowed
        page = await account(node).overview(session)
        assert {one.current for one in page.sessions} == {True, False}
        assert any(one.id == theirs.id for one in page.activity)
        with pytest.raises(NotFoundError):
            await account(node).not_me(session, bobs.id)
        await account(node).not_me(session, theirs.id)
        refused = await node.service.decide(attempt("balance.read", "stolen"), by="k")
        assert refused.decision == "deny"
        assert refused.reasons[0].rule == "session_revoked"
        assert (await node.service.decide(attempt("balance.read", "mine"), by="k")).decision != "deny"

    at_home(house).live(do)
    labels = [entry for entry in entries(house) if isinstance(entry, e.LabelApplied)]
    assert [(one.label, one.source) for one in labels] == [("attack", "person")]
    holds(house)


def test_all_other_sessions_are_ended(house: House) -> None:
    """The page's own stays, the application's do not."""

    async def do(node: Node) -> None:
        await sign_in(node, session="one")
        await sign_in(node, session="two")
        key = await enrol_passkey(node)
        session = await entered(node)
        assert (await prove(node, key, session, "security.open")).allowed
        allowed = await account(node).ask(session, BROWSER, "security.sessions")
        await account(node).end_session(session, allowed.attempt, token="")
        for name in ("one", "two"):
            assert (await node.service.decide(attempt("balance.read", name), by="k")).decision == "deny"
        await account(node).overview(session)
        with pytest.raises(StepwardenError):
            await account(node).end_session(session, "", token="")

    at_home(house).live(do)
    holds(house)


def test_a_page_that_was_left_is_a_session_no_more(house: House) -> None:
    """Neither open to anybody, nor among the places where somebody is signed in."""

    async def do(node: Node) -> None:
        await sign_in(node)
        key = await enrol_passkey(node)
        first, second = await entered(node), await entered(node)
        await prove(node, key, first, "security.open")
        await prove(node, key, second, "security.open")
        assert len((await account(node).overview(second)).sessions) == 3
        await account(node).leave(first)
        with pytest.raises(UnauthenticatedError):
            await account(node).overview(first)
        assert len((await account(node).overview(second)).sessions) == 2

    at_home(house).live(do)
    holds(house)


def test_a_page_session_that_was_ended_elsewhere_is_over(house: House) -> None:
    """It is a session like any other."""

    async def do(node: Node) -> None:
        await sign_in(node)
        key = await enrol_passkey(node)
        first, second = await entered(node), await entered(node)
        assert (await prove(node, key, first, "security.open")).allowed
        assert (await prove(node, key, second, "security.open")).allowed
        allowed = await account(node).ask(second, BROWSER, "security.sessions")
        await account(node).end_session(second, allowed.attempt, token="")
        with pytest.raises(UnauthenticatedError):
            await account(node).overview(first)

    at_home(house).live(do)


def test_the_hold_after_recovery_keeps_factors_from_being_changed(house: House) -> None:
    """With a code from the drawer: not today, but tomorrow."""

    async def do(node: Node) -> None:
        await sign_in(node)
        key = await enrol_passkey(node)
        session = await entered(node)
        await prove(node, key, session, "security.open")
        allowed = await account(node).ask(session, BROWSER, "factor.enroll")
        codes = await account(node).recovery_codes(session, allowed.attempt)
        asked = await node.service.decide(attempt("login", "", acr_values="nist-aal1", max_age=0), by="k")
        assert asked.challenge is None or "recovery" not in asked.challenge.factors
        risky = attempt("login", "")
        for _ in range(3):
            tried = await node.service.decide(risky, by="k")
            await node.service.report(tried.id, outcome="failure", proved=[], session="", by="k")
        tried = await node.service.decide(risky, by="k")
        assert tried.challenge is not None
        assert "recovery" in tried.challenge.factors
        await node.service.report(tried.id, outcome="unknown", proved=["pwd"], session="", by="k")
        passed = await node.service.answer(tried.challenge.id, factor="recovery", answer=codes[0], by="k")
        again = msgspec.structs.replace(risky, grant=passed.grant)
        inside = await node.service.decide(again, by="k")
        assert inside.decision == "allow"
        await node.service.report(inside.id, outcome="success", proved=["pwd"], session="lost", by="k")
        early = await node.service.decide(attempt("factor.enroll", "lost"), by="k")
        assert early.challenge is None or "recovery" not in early.challenge.factors
        house.forward(HOLD // 1_000_000 + 1)
        late = await node.service.decide(attempt("factor.enroll", "lost"), by="k")
        assert late.challenge is not None
        assert "recovery" in late.challenge.factors
        passed = await node.service.answer(late.challenge.id, factor="recovery", answer=codes[1], by="k")
        allowed_now = await node.service.decide(attempt("factor.enroll", "lost", grant=passed.grant), by="k")
        assert allowed_now.decision == "allow"
        await node.service.enrol_totp("alice", attempt=allowed_now.id, by="k")

    at_home(house).live(do)
    holds(house)


def test_a_passkey_is_enrolled_by_the_page_and_twice_by_nobody(house: House) -> None:
    """Another one takes the first; the same authenticator, asked again, is told which it has already."""

    async def do(node: Node) -> None:
        await sign_in(node)
        first = await enrol_passkey(node)
        session, page = await entered(node), account(node)
        await prove(node, first, session, "security.open")
        options = await page.begin_passkey(session)
        known = json.loads(options)["excludeCredentials"]
        assert len(known) == 1
        allowed = await page.ask(session, BROWSER, "factor.enroll")
        with pytest.raises(InputError):
            await page.confirm_passkey(session, allowed.attempt, answer="{}", name="")
        second, options = SoftwareAuthenticator(), await page.begin_passkey(session)
        unverified = second.register(options, URL, verified=False)
        with pytest.raises(InputError):
            await page.confirm_passkey(session, allowed.attempt, answer=unverified, name="")
        options = await page.begin_passkey(session)
        await page.confirm_passkey(
            session, allowed.attempt, answer=second.register(options, URL), name="a\x1b[31m key"
        )
        names = [one.name for one in (await page.overview(session)).factors]
        assert names == ["my key", "a[31m key"]

    at_home(house).live(do)
    holds(house)


def test_a_device_that_the_application_knows_is_no_new_one_on_the_page(house: House) -> None:
    """Otherwise whoever has no factor yet would be asked for one to enrol the first."""

    async def do(node: Node) -> None:
        for _ in range(3):
            found = await node.service.decide(attempt("login", "", device=Device(id="laptop")), by="k")
            await node.service.report(found.id, outcome="success", proved=["pwd"], session="s1", by="k")
        ticket = account(node).ticket("alice", proved=("pwd",), return_to="", device="laptop")
        session = await account(node).enter(ticket, BROWSER)
        assert (await account(node).ask(session, BROWSER, "security.open")).allowed

    at_home(house).live(do)
    seen = {entry.facts.device for entry in entries(house) if isinstance(entry, e.AttemptDecided)}
    assert len(seen) == 1
