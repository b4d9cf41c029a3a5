"""Passkeys, pages, grants and sent codes through the service over a real log, which then verifies and replays."""

import asyncio
from typing import Any

import msgspec
import pytest

from stepwarden.app.node import Node
from stepwarden.app.paths import Paths
from stepwarden.app.settings import load_settings
from stepwarden.app.verification import verify_data
from stepwarden.errors import (
    BusyError,
    ChallengeClosedError,
    ChallengeError,
    CourierError,
    ForbiddenError,
    InputError,
    UnauthenticatedError,
)
from stepwarden.events import entries as e
from stepwarden.events.attempt import Device
from stepwarden.events.encoding import decode
from stepwarden.flow.audit_proofs import Proofs
from stepwarden.flow.jose import GRANT
from stepwarden.flow.provider_proof import Begun, ProviderProof
from stepwarden.flow.state import LogState
from stepwarden.ledger.keys import read_verifiers
from stepwarden.signals.limits import STANDARD
from stepwarden.stepup.binding import action_hash, read_approval
from tests.flow.flow_house import House
from tests.flow.proving_house import (
    AGENT,
    BROWSER,
    OTHER,
    TRANSFER,
    URL,
    Postman,
    asked,
    at_home,
    attempt,
    enrol_passkey,
    sign_in,
    signed,
)


def holds(house: House) -> None:
    """``ledger verify`` in all its steps, decisions recomputed included."""
    report = verify_data(
        house.data,
        load_settings(house.data, {}, house.given),
        verifiers=read_verifiers(Paths(house.data).ledger_vkey),
        earlier=[],
        policy=None,
        progress=lambda *_: None,
    )
    assert all(step.ok for step in report.steps), [step for step in report.steps if not step.ok]


def entries(house: House) -> list[e.Entry]:
    return [decode(leaf) for leaf in house.leaves()]


def test_a_transfer_is_approved_by_a_passkey_on_our_page(house: House) -> None:
    """The page says what is approved, the passkey signs it, the application collects it, and the log proves it."""

    async def do(node: Node) -> None:
        await sign_in(node)
        key = await enrol_passkey(node)
        answer = await asked(node)
        assert answer.challenge is not None
        pages = node.service.proving.pages
        page = await pages.challenge(answer.challenge.id, BROWSER)
        assert (page.actor, page.action, page.parameters) == ("alice", "transfer", TRANSFER)
        assert page.approval is not None
        passed = await pages.answer(
            page.id, BROWSER, factor="webauthn", answer=key.answer(page.passkeys, URL), remember=False
        )
        grant = await pages.collect(page.id, passed.code, by="k")
        assert (grant.aal, grant.amr) == (2, ("mfa", "pwd", "swk", "user"))
        assert (await node.service.decide(attempt(grant=grant.grant), by="k")).decision == "allow"
        assert (await node.service.decide(attempt(grant=grant.grant), by="k")).decision == "step_up"

    at_home(house).live(do)
    holds(house)


def test_the_opened_approval_is_what_the_passkey_signed(house: House) -> None:
    """Whoever is shown the opening can check, without any key of the log, that this very action was signed."""
    shown: list[str] = []

    async def do(node: Node) -> None:
        await sign_in(node)
        key = await enrol_passkey(node)
        answer = await asked(node)
        assert answer.challenge is not None
        given = await signed(node, key, answer.challenge.id)
        await node.service.answer(answer.challenge.id, factor="webauthn", answer=given, by="k")
        log = entries(house)
        index = next(index for index, entry in enumerate(log) if isinstance(entry, e.ChallengeIssued))
        for sealed in node.store.openings(index, index + 1):
            person = node.recorder.people.find("alice")
            assert person is not None
            shown.append(node.recorder.people.unseal(person, index, sealed).decode())

    at_home(house).live(do)
    values = {name: value for _, name, value in msgspec.json.decode(shown[0])}
    action, _, parameters = read_approval(values["approval"])
    assert (action, parameters) == ("transfer", TRANSFER)


@pytest.mark.parametrize(
    "change",
    [
        {"proof": ""},
        {"sign_count": 99},
        {"aal": 3},
        {"synced": True},
        {"credential": "000000000000"},
    ],
)
def test_attack_a_logged_proof_is_changed(house: House, change: dict[str, object]) -> None:
    """Step 9 names it, whoever signs the log anew."""

    async def do(node: Node) -> None:
        await sign_in(node)
        key = await enrol_passkey(node)
        answer = await asked(node)
        assert answer.challenge is not None
        given = await signed(node, key, answer.challenge.id)
        await node.service.answer(answer.challenge.id, factor="webauthn", answer=given, by="k")

    at_home(house).live(do)
    state, log = LogState(STANDARD), entries(house)
    attempts = {index: entry for index, entry in enumerate(log) if isinstance(entry, e.AttemptDecided)}
    proofs = Proofs(attempts.get)
    for index, entry in enumerate(log):
        if isinstance(entry, e.ChallengePassed):
            proofs.check(state, index, entry)
            assert proofs.findings.failures == 0
            proofs.check(state, index, msgspec.structs.replace(entry, **change))
            assert proofs.findings.failures == 1
        state.fold(index, entry)


def test_attack_the_address_of_a_challenge_is_opened_in_another_browser(house: House) -> None:
    """The first browser is the only one: it sees nothing, answers nothing, denies nothing."""

    async def do(node: Node) -> None:
        await sign_in(node)
        await enrol_passkey(node)
        answer = await asked(node)
        assert answer.challenge is not None
        pages, name = node.service.proving.pages, answer.challenge.id
        await pages.challenge(name, BROWSER)
        with pytest.raises(ForbiddenError):
            await pages.challenge(name, OTHER)
        with pytest.raises(ForbiddenError):
            await pages.answer(name, OTHER, factor="totp", answer="123456", remember=False)
        with pytest.raises(ForbiddenError):
            await pages.deny(name, OTHER)
        with pytest.raises(ForbiddenError):
            await pages.waiting(name, OTHER)

    at_home(house).live(do)


def test_attack_a_code_is_collected_twice_for_another_challenge_or_too_late(house: House) -> None:
    """Of fifty at once one gets it; a wrong challenge, and two minutes, get nothing."""

    async def do(node: Node) -> None:
        await sign_in(node)
        key = await enrol_passkey(node)
        pages = node.service.proving.pages

        async def passed() -> tuple[str, str]:
            answer = await asked(node)
            assert answer.challenge is not None
            given = await signed(node, key, answer.challenge.id)
            found = await pages.answer(
                answer.challenge.id, BROWSER, factor="webauthn", answer=given, remember=False
            )
            return answer.challenge.id, found.code

        name, code = await passed()
        with pytest.raises(ChallengeClosedError):
            await pages.collect("another", code, by="k")
        with pytest.raises(ChallengeClosedError):
            await pages.collect(name, code, by="k", own=True)
        # The right code is gone with a wrong try at its kind: nobody tries around with it.
        name, code = await passed()
        results = await asyncio.gather(
            *(pages.collect(name, code, by="k") for _ in range(50)), return_exceptions=True
        )
        assert sum(not isinstance(one, BaseException) for one in results) == 1
        name, code = await passed()
        house.forward(121)
        with pytest.raises(ChallengeClosedError):
            await pages.collect(name, code, by="k")

    at_home(house).live(do)
    holds(house)


def test_a_grant_says_what_was_proved_and_is_used_once(house: House) -> None:
    """Signed, typed, for this very action; active until somebody uses it up."""

    async def do(node: Node) -> None:
        await sign_in(node)
        key = await enrol_passkey(node)
        answer = await asked(node)
        assert answer.challenge is not None
        given = await signed(node, key, answer.challenge.id)
        passed = await node.service.answer(answer.challenge.id, factor="webauthn", answer=given, by="k")
        grants = node.service.proving.grants
        claims = grants.jose.read(passed.grant, GRANT, audience="k", now=house.time // 1_000_000)
        assert (claims["iss"], claims["sub"], claims["acr"]) == (URL, "alice", "nist-aal2")
        assert claims["action_hash"] == action_hash("transfer", "alice", "", TRANSFER)
        assert claims["auth_time"] == house.time // 1_000_000
        assert grants.introspect(passed.grant).active
        tries = await asyncio.gather(*(grants.redeem(passed.grant, by="k") for _ in range(20)))
        assert [one.active for one in tries].count(True) == 1
        assert not grants.introspect(passed.grant).active
        assert (await node.service.decide(attempt(grant=passed.grant), by="k")).decision == "step_up"
        with pytest.raises(UnauthenticatedError):
            grants.jose.read(passed.grant, "JWT", audience=None, now=house.time // 1_000_000)
        head, body, tail = passed.grant.split(".")
        for junk in ("", "a.b.c", f"{head}.{body}.", f"{head}.{body}.{tail[:-2]}AA", passed.grant + "A"):
            assert not grants.introspect(junk).active

    at_home(house).live(do)
    holds(house)


def test_a_remembered_device_is_a_signal_for_its_person_and_kind_of_agent(house: House) -> None:
    """Revoked, another's, on another kind of agent, or made up: it says nothing."""

    async def do(node: Node) -> None:
        await sign_in(node)
        key = await enrol_passkey(node)
        answer = await asked(node)
        assert answer.challenge is not None
        given = await signed(node, key, answer.challenge.id)
        pages = node.service.proving.pages
        passed = await pages.answer(
            answer.challenge.id, BROWSER, factor="webauthn", answer=given, remember=True
        )
        cookie = (await pages.collect(answer.challenge.id, passed.code, by="k")).device
        assert cookie

        async def said(**more: Any) -> object:
            found = await node.service.decide(attempt("balance.read", **more), by="k")
            index = int(found.id.partition("-")[0])
            await asyncio.sleep(0)
            entry = node.service.proving.pages._attempts.decided(index)
            assert entry is not None
            return entry.signals.get("remembered_device", False)

        assert await said(device=Device(token=cookie)) is True
        assert await said(device=Device(token=cookie), actor="bob") is False
        other = "B" if cookie[-1] == "A" else "A"
        assert await said(device=Device(token=cookie[:-1] + other)) is False
        chrome = attempt("balance.read", device=Device(token=cookie))
        chrome = msgspec.structs.replace(chrome, user_agent=AGENT.replace("Firefox", "Chrome"))
        found = await node.service.decide(chrome, by="k")
        entry = pages._attempts.decided(int(found.id.partition("-")[0]))
        assert entry is not None
        assert entry.facts.remembered == ""
        person = node.recorder.people.find("alice")
        assert person is not None
        forgotten = e.DeviceForgotten(time=house.time, id="afafafaf", actor=person.token, device="")
        await node.recorder.append(forgotten).durable
        assert await said(device=Device(token=cookie)) is False

    at_home(house).live(do)
    holds(house)


def test_a_code_by_mail_is_recorded_before_it_is_sent(house: House) -> None:
    """And what could not be handed over is in the log too; too many are refused."""
    postman = Postman()

    async def do(node: Node) -> None:
        proving = node.service.proving
        proving.stepups._couriers = {"email": postman}
        await sign_in(node)
        await proving.enrolments.enrol_address(
            "alice", factor="email", address="alice@example.com", attempt="", by="k"
        )
        house.forward(1)
        answer = await node.service.decide(attempt("note.read", acr_values="nist-aal1", max_age=0), by="k")
        assert answer.challenge is not None
        assert answer.challenge.factors == ("email",)
        name = answer.challenge.id
        house.forward(1)
        for _ in range(3):
            await proving.stepups.send(
                name, factor="email", credential="", words="Read a note", language="en", by="k"
            )
        with pytest.raises(BusyError):
            await proving.stepups.send(name, factor="email", credential="", words="", language="en", by="k")
        codes = [message.code for message in postman.messages]
        with pytest.raises(ChallengeError):
            await node.service.answer(name, factor="email", answer=codes[0], by="k")
        passed = await node.service.answer(name, factor="email", answer=codes[2], by="k")
        assert (passed.aal, passed.amr) == (1, ("email", "pwd"))
        postman.broken = True
        house.forward(1)
        again = await node.service.decide(attempt("note.write", acr_values="nist-aal1", max_age=0), by="k")
        assert again.challenge is not None
        with pytest.raises(CourierError):
            await proving.stepups.send(
                again.challenge.id, factor="email", credential="", words="", language="en", by="k"
            )

    at_home(house).live(do)
    kinds = [entry.__struct_config__.tag for entry in entries(house)]
    assert kinds.count("challenge.sent") == 4
    text = b"".join(house.leaves()).decode()
    assert "alice@example.com" not in text
    assert not any(message.code in text for message in postman.messages)
    holds(house)


def test_attack_acr_values_ask_for_less_or_for_nothing_known(house: House) -> None:
    """They only ever ask for more, and what nobody knows is refused rather than passed over."""

    async def do(node: Node) -> None:
        await sign_in(node)
        await enrol_passkey(node)
        assert (await node.service.decide(attempt(acr_values="nist-aal1"), by="k")).demand.aal == 2
        plain = await node.service.decide(attempt("note.read"), by="k")
        assert plain.decision == "allow"
        more = await node.service.decide(attempt("note.read", acr_values="nist-aal2 nist-aal3"), by="k")
        assert (more.decision, more.demand.aal) == ("step_up", 2)
        with pytest.raises(InputError):
            await node.service.decide(attempt("note.read", acr_values="urn:example:gold"), by="k")

    at_home(house).live(do)
    holds(house)


def test_attack_a_weaker_factor_changes_factors(house: House) -> None:
    """Who has a passkey removes it, or adds another factor, by a passkey only; a fresh code is not enough."""

    async def do(node: Node) -> None:
        proving = node.service.proving
        await sign_in(node)
        enrolment = await node.service.enrol_totp("alice", attempt="", by="k")
        first = await node.service.decide(attempt("factor.enroll"), by="k")
        assert first.challenge is not None
        assert first.challenge.factors == ("totp",)
        passed = await node.service.answer(
            first.challenge.id, factor="totp", answer=house.code(enrolment), by="k"
        )
        allowed = await node.service.decide(attempt("factor.enroll", grant=passed.grant), by="k")
        assert allowed.decision == "allow"
        key = await enrol_passkey(node, by_attempt=allowed.id)
        house.forward(31)
        again = await node.service.decide(attempt("factor.remove"), by="k")
        assert again.challenge is not None
        assert again.challenge.factors == ("webauthn",)
        with pytest.raises(ChallengeError):
            await node.service.answer(again.challenge.id, factor="totp", answer=house.code(enrolment), by="k")
        given = await signed(node, key, again.challenge.id)
        passed = await node.service.answer(again.challenge.id, factor="webauthn", answer=given, by="k")
        allowed = await node.service.decide(attempt("factor.remove", grant=passed.grant), by="k")
        person = node.recorder.people.find("alice")
        assert person is not None
        credential = node.state.stepup.people.credentials(person.token, "totp")[0]
        for wrong in ("", first.id):
            with pytest.raises(ForbiddenError):
                await proving.enrolments.remove(
                    "alice", factor="totp", credential=credential, attempt=wrong, by="k"
                )
        await proving.enrolments.remove(
            "alice", factor="totp", credential=credential, attempt=allowed.id, by="k"
        )
        key_id = node.state.stepup.people.credentials(person.token, "webauthn")[0]
        with pytest.raises(ForbiddenError):
            await proving.enrolments.remove(
                "alice", factor="webauthn", credential=key_id, attempt=allowed.id, by="k"
            )

    at_home(house).live(do)
    holds(house)


def test_an_operator_takes_all_factors_away_with_a_reason(house: House) -> None:
    """Each removal is an entry that says why, the reason names nobody, and what follows is a first factor."""

    async def do(node: Node) -> None:
        enrolments = node.service.proving.enrolments
        await sign_in(node)
        await enrol_passkey(node)
        await node.service.make_recovery_codes("bob", attempt="", by="k")
        with pytest.raises(InputError):
            await enrolments.reset("alice", reason="alice lost her telephone", by="k")
        assert await enrolments.reset("alice", reason="ticket 4711: lost everything", by="k") == 1
        await enrol_passkey(node)

    at_home(house).live(do)
    removed = [entry for entry in entries(house) if isinstance(entry, e.FactorRemoved)]
    assert [entry.reason for entry in removed] == ["ticket 4711: lost everything"]
    holds(house)


class Lured:
    """A provider whose answer comes back in whatever browser brings it."""

    async def begin(self, *, challenge: str, login_hint: str, max_age: int) -> Begun:
        return Begun(url="https://id.example.com/authorize", state=challenge)

    async def finish(self, *, state: str, code: str, error: str, issuer: str) -> ProviderProof:
        return ProviderProof(
            challenge=state, issuer=issuer, subject="alice", aal=2, amr=("mfa",), auth_time=2**60
        )


def test_attack_somebody_is_lured_to_a_provider_for_another_persons_challenge(house: House) -> None:
    """The answer counts only in the browser that was sent away, and never binds one that was not."""

    async def do(node: Node) -> None:
        await sign_in(node)
        pages = node.service.proving.pages
        pages._provider = Lured()
        answer = await asked(node)
        assert answer.challenge is not None
        name = answer.challenge.id
        given = {"state": name, "code": "c", "error": "", "issuer": ""}
        with pytest.raises(ChallengeClosedError):
            await pages.from_provider(OTHER, **given)
        await pages.to_provider(name, BROWSER)
        with pytest.raises(ForbiddenError):
            await pages.from_provider(OTHER, **given)
        passed = await pages.from_provider(BROWSER, **given)
        assert (await pages.collect(name, passed.code, by="k")).aal == 2

    at_home(house).live(do)
    holds(house)
