"""Acme Bank and Stepwarden's page: sent there, back again, each proof for its own order and session, once."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from demo.bank.accounts import Books
from demo.bank.app import open_books
from demo.bank.sessions import MOST_WAITING
from tests.demo.visitor import (
    ORIGIN,
    PAGES,
    PASSWORD,
    SCRIPT,
    StepwardenWithPages,
    Visitor,
    deny_only,
    sent_to,
    visit,
    walk,
)

BOB = 91_020


@pytest.fixture
def fake() -> Iterator[StepwardenWithPages]:
    server = StepwardenWithPages()
    with server:
        yield server


@pytest.fixture(scope="module")
def hashed() -> Books:
    """Hashing fifteen passwords once is enough."""
    return open_books()


async def carry_on(me: Visitor, answer: httpx.Response) -> httpx.Response:
    """Follow the redirect after the way back, within the bank."""
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/"), answer.headers["location"]
    return await me.get(answer.headers["location"])


async def csrf_of(me: Visitor, path: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', (await me.get(path)).text)
    assert found
    return found[1]


@pytest.mark.parametrize("said", ["step_up", "deny"])
def test_attack_a_wrong_password_reaches_no_challenge_page(
    fake: StepwardenWithPages, hashed: Books, said: str
) -> None:
    """Whoever lacks the password cannot use the second factor, nor lock it, nor learn that there is one."""
    fake.decide = lambda attempt: said

    async def steps(me: Visitor) -> None:
        answer = await me.sign_in("alice", "wrong")
        assert "location" not in answer.headers
        assert "challenge" not in answer.text
        assert (await me.get("/step-up/go-on")).status_code == 409

    walk(fake, hashed, steps)


def test_a_step_up_at_sign_in(fake: StepwardenWithPages, hashed: Books) -> None:
    """To the page and back: signed in under the id that came with the proof, with a fresh cookie, device remembered."""
    fake.decide = deny_only("login", word="step_up")

    async def steps(me: Visitor) -> None:
        sent = await me.sign_in("alice")
        assert (await me.get("/account")).headers["location"] == "/sign-in"
        before = me.web.cookies["acme_session"]
        back = await me.back(sent)
        assert back.headers["location"] == "/step-up/go-on"
        assert (await carry_on(me, back)).headers["location"] == "/account"
        assert me.web.cookies["acme_session"] != before
        assert (await me.get("/account")).status_code == 200
        old = await me.web.get("/account", headers={"cookie": f"acme_session={before}"})
        assert old.headers["location"] == "/sign-in"

    walk(fake, hashed, steps)
    outcomes = [(body["outcome"], body["proved"], body["session"]) for body in fake.sent("/outcome")[:2]]
    fresh = f"session-of-{next(iter(fake.sent('/collect')))['code'].removeprefix('code-of-')}"
    assert outcomes == [("unknown", ["pwd"], ""), ("success", ["pwd"], fresh)]
    asked, again, balance = fake.sent("/v1/attempts")
    assert "grant" not in asked
    assert again["grant"]
    assert balance["session"] == fresh
    assert "token" not in asked["device"]
    assert again["device"]["token"] == balance["device"]["token"] == "v1.abc.1900000000.mac"


def test_a_transfer_is_approved_with_exactly_its_details(fake: StepwardenWithPages) -> None:
    """The retry has the same parameters, the money moves once, the session goes on under the fresh id."""
    fake.decide = deny_only("transfer", word="step_up")
    books = open_books()

    async def steps(me: Visitor) -> None:
        await me.sign_in("alice")
        sent = await me.post("/transfer", payee="bob berg", amount="120,50")
        assert books["bob"].cents == BOB
        before = me.web.cookies["acme_session"]
        assert (await carry_on(me, await me.back(sent))).headers["location"] == "/account"
        assert me.web.cookies["acme_session"] != before
        assert books["bob"].cents == BOB + 12_050
        assert "Done: Send 120.50 € to Bob Berg." in (await me.get("/account")).text
        assert (await me.get("/step-up/go-on")).status_code == 409
        assert (await me.back(sent)).headers["location"] == "/step-up/over"
        assert books["bob"].cents == BOB + 12_050

    walk(fake, books, steps)
    assert len(fake.sent("/collect")) == 1
    first, second = (a for a in fake.sent("/v1/attempts") if a["action"] == "transfer")
    assert (
        first["parameters"] == second["parameters"] == {"amount": 12050, "currency": "EUR", "to": "Bob Berg"}
    )
    assert second["grant"]
    reported = fake.sent("/outcome")[-2]["session"]
    assert reported.startswith("session-of-challenge")
    assert fake.sent("/v1/attempts")[-1]["session"] == reported != first["session"]


def test_attack_a_code_for_another_session_moves_nothing(fake: StepwardenWithPages) -> None:
    """Consent phishing: what somebody else's browser brings back counts in no session but the one that asked."""
    fake.decide = deny_only("transfer", word="step_up")
    books = open_books()

    async def run() -> None:
        async with visit(fake, books) as alice:
            await alice.sign_in("alice")
            sent = await alice.post("/transfer", payee="bob", amount="5")
            stranger = Visitor(httpx.AsyncClient(transport=alice.web._transport, base_url="http://127.0.0.1"))
            await stranger.sign_in("bob")
            back = await stranger.back(sent)
            assert back.headers["location"] == "/step-up/over"
            assert (await stranger.get("/step-up/go-on")).status_code == 409
            assert (await alice.get("/step-up/go-on")).status_code == 409

    asyncio.run(run())
    assert books["bob"].cents == BOB
    assert fake.sent("/collect") == []


@pytest.mark.parametrize(
    "wrong", [{"state": "guessed"}, {"state": ""}, {"code": ""}, {"challenge": "challenge-0"}]
)
def test_attack_an_address_that_was_made_up_moves_nothing(
    fake: StepwardenWithPages, wrong: dict[str, str]
) -> None:
    """Challenge, code and this session's state have to be there, all three; Stepwarden is not even asked."""
    fake.decide = deny_only("transfer", word="step_up")
    books = open_books()

    async def steps(me: Visitor) -> None:
        await me.sign_in("alice")
        sent = await me.post("/transfer", payee="bob", amount="5")
        assert (await me.back(sent, **wrong)).headers["location"] == "/step-up/over"
        page = await me.get("/step-up/over")
        assert (page.status_code, "Nothing was done" in page.text) == (200, True)
        assert (await me.get("/step-up/go-on")).status_code == 409

    walk(fake, books, steps)
    assert books["bob"].cents == BOB
    assert fake.sent("/collect") == []


def test_attack_a_code_of_another_challenge_moves_nothing(fake: StepwardenWithPages) -> None:
    """A small transfer's code does not stand in for a large one's; what Stepwarden refuses is over."""
    fake.decide = deny_only("transfer", word="step_up")
    books = open_books()

    async def steps(me: Visitor) -> None:
        await me.sign_in("alice")
        small = await me.post("/transfer", payee="bob", amount="1")
        large = await me.post("/transfer", payee="bob", amount="4000")
        back = await me.back(large, code=f"code-of-{sent_to(small)[0]}")
        assert back.headers["location"] == "/step-up/over"
        assert (await me.get("/step-up/go-on")).status_code == 409
        assert books["bob"].cents == BOB
        await carry_on(me, await me.back(small))

    walk(fake, books, steps)
    assert books["bob"].cents == BOB + 100


@pytest.mark.parametrize(
    ("error", "said"), [("cancelled", "You went back"), ("denied", "not you"), ("closed", "too long")]
)
def test_coming_back_without_a_proof_forgets_the_order(
    fake: StepwardenWithPages, hashed: Books, error: str, said: str
) -> None:
    """Told in words on a page; the order is gone, even if a code for it turned up later."""
    fake.decide = deny_only("transfer", word="step_up")

    async def steps(me: Visitor) -> None:
        await me.sign_in("alice")
        sent = await me.post("/transfer", payee="bob", amount="5")
        back = await me.back(sent, code="", error=error)
        assert back.headers["location"] == "/step-up/over"
        assert said in (await me.get("/step-up/over")).text
        assert said not in (await me.get("/step-up/over")).text
        assert (await me.back(sent)).headers["location"] == "/step-up/over"

    walk(fake, hashed, steps)
    assert fake.sent("/collect") == []


def test_attack_an_error_from_elsewhere_cancels_nothing(fake: StepwardenWithPages, hashed: Books) -> None:
    """Without the session's state an address can neither drop what waits nor put words into the bank's mouth."""
    fake.decide = deny_only("transfer", word="step_up")

    async def steps(me: Visitor) -> None:
        await me.sign_in("alice")
        sent = await me.post("/transfer", payee="bob", amount="5")
        await me.back(sent, code="", error="denied", state="guessed")
        assert "not you" not in (await me.get("/step-up/over")).text
        assert (await me.back(sent)).headers["location"] == "/step-up/go-on"

    walk(fake, hashed, steps)


def test_an_export_needs_an_employee_and_a_proof(fake: StepwardenWithPages, hashed: Books) -> None:
    """The middleware sends there and asks again by itself; the download comes once, under the fresh session id."""
    fake.decide = deny_only("customers.export", word="step_up")

    async def steps(me: Visitor) -> None:
        await me.sign_in("erin")
        assert "Alice Adler" in (await me.get("/customers")).text
        sent = await me.get("/customers/export.csv")
        assert sent_to(sent)[0]
        back = await me.back(sent)
        assert back.headers["location"] == "/customers/export.csv"
        before = me.web.cookies["acme_session"]
        export = await me.get("/customers/export.csv")
        assert export.status_code == 200
        assert export.text.count("\n") == len(hashed.all()) + 1
        assert me.web.cookies["acme_session"] != before
        assert sent_to(await me.get("/customers/export.csv"))[0]

    walk(fake, hashed, steps)
    exports = [a for a in fake.sent("/v1/attempts") if a["action"] == "customers.export"]
    assert [bool(a.get("grant")) for a in exports] == [False, True, False]
    assert exports[2]["session"].startswith("session-of-challenge")


def test_a_lost_report_keeps_the_id_that_stepwarden_knows(fake: StepwardenWithPages) -> None:
    """The order is carried out once; nobody has heard of the fresh id, so the session keeps its own."""
    books = open_books()

    def decide(attempt: dict[str, Any]) -> str:
        return "step_up" if attempt["action"] == "transfer" else "allow"

    async def steps(me: Visitor) -> None:
        fake.decide = decide
        await me.sign_in("alice")
        sent = await me.post("/transfer", payee="bob", amount="5")
        back = await me.back(sent)
        answering = fake.answer

        def lose_reports(path: str, body: Any, authorization: str) -> tuple[int, Any]:
            return (500, {}) if path.endswith("/outcome") else answering(path, body, authorization)

        fake.answer = lose_reports  # type: ignore[method-assign]
        await carry_on(me, back)
        assert (await me.get("/account")).status_code == 200

    walk(fake, books, steps)
    assert books["bob"].cents == BOB + 500
    transfer, *_, balance = (a for a in fake.sent("/v1/attempts") if a["action"] != "login")
    assert balance["session"] == transfer["session"]


def test_the_banks_script_gets_an_address_and_no_redirect(fake: StepwardenWithPages) -> None:
    """The same order by script: the page's address for a window, or where to go, or what is wrong."""
    books = open_books()
    answers: list[Any] = []

    async def steps(me: Visitor) -> None:
        await me.sign_in("alice")
        csrf = await csrf_of(me, "/transfer")
        for decision, amount in (("step_up", "5"), ("allow", "6"), ("deny", "7"), ("allow", "none")):
            fake.decide = deny_only("transfer", word=decision)
            form = {"csrf": csrf, "payee": "bob", "amount": amount}
            answers.append((await me.web.post("/transfer", data=form, headers=SCRIPT)).json())
        page = await me.get("/refused")
        assert "Send 7.00 € to Bob Berg" in page.text
        state = re.search(r'data-state="([^"]+)"', (await me.get("/transfer")).text)
        assert state
        challenge = answers[0]["confirm"].rsplit("/", 1)[1]
        told = {"challenge": challenge, "code": f"code-of-{challenge}", "state": state[1]}
        await carry_on(me, await me.web.get("/step-up/done", params=told))

    walk(fake, books, steps)
    assert answers[0]["confirm"].startswith("https://warden.example/step-up/challenge-")
    assert answers[1:3] == [{"go": "/account"}, {"go": "/refused"}]
    assert "12.50" in answers[3]["wrong"]
    assert books["bob"].cents == BOB + 500 + 600


def test_a_person_without_any_factor_is_refused_in_words(fake: StepwardenWithPages, hashed: Books) -> None:
    """A step-up that nobody can answer is no page and no allowance."""
    fake.decide = deny_only("login", "balance.read", word="step_up")
    answering = fake.answer

    def no_challenge(path: str, body: Any, authorization: str) -> tuple[int, Any]:
        status, said = answering(path, body, authorization)
        said.pop("challenge", None)
        return status, said

    fake.answer = no_challenge  # type: ignore[method-assign]

    async def steps(me: Visitor) -> None:
        assert (await me.sign_in("alice")).headers["location"] == "/refused"
        assert "nothing to prove itself with" in (await me.get("/refused")).text
        fake.decide = deny_only("balance.read", word="step_up")
        await me.sign_in("alice")
        assert (await me.get("/account")).headers["location"] == "/refused"

    walk(fake, hashed, steps)


def test_the_security_page_is_entered_by_a_ticket_for_who_is_signed_in(
    fake: StepwardenWithPages, hashed: Books
) -> None:
    """For the session's own actor, whatever the address says, and back to the bank."""

    async def steps(me: Visitor) -> None:
        assert (await me.get("/security")).headers["location"] == "/sign-in"
        await me.sign_in("alice")
        assert "/security" in (await me.get("/account")).text
        answer = await me.get("/security?actor=bob")
        assert answer.headers["location"] == f"{PAGES}/account?ticket=t1"
        assert answer.headers["cache-control"] == "no-store"

    walk(fake, hashed, steps)
    assert [path for path, _, _ in fake.requests if path.endswith("/pages")] == ["/v1/actors/alice/pages"]
    (asked,) = fake.sent("/pages")
    assert (asked["proved"], asked["return_to"]) == (["pwd"], f"{ORIGIN}/account")


def test_a_session_waits_for_a_few_challenges_only(fake: StepwardenWithPages) -> None:
    """The oldest is forgotten, so that nobody fills the memory; the newest still counts."""
    fake.decide = deny_only("transfer", word="step_up")
    books = open_books()

    async def steps(me: Visitor) -> None:
        await me.sign_in("alice")
        sent = [await me.post("/transfer", payee="bob", amount=f"{n + 1}") for n in range(MOST_WAITING + 1)]
        assert (await me.back(sent[0])).headers["location"] == "/step-up/over"
        await carry_on(me, await me.back(sent[-1]))

    walk(fake, books, steps)
    assert books["bob"].cents == BOB + 100 * (MOST_WAITING + 1)


@pytest.mark.parametrize("cookie", ["a" * 300, '"a<b"', '"a b"', "!"])
def test_a_mangled_cookie_of_a_device_is_not_sent_on(
    fake: StepwardenWithPages, hashed: Books, cookie: str
) -> None:
    """Only what can be such a token reaches Stepwarden; anything else would make the attempt malformed."""

    async def steps(me: Visitor) -> None:
        await me.get("/sign-in")
        csrf = await csrf_of(me, "/sign-in")
        kept = f"acme_session={me.web.cookies['acme_session']}; acme_remembered={cookie}"
        form = {"csrf": csrf, "user": "alice", "password": PASSWORD["alice"]}
        answer = await me.web.post("/sign-in", data=form, headers={"cookie": kept})
        assert answer.headers["location"] == "/account"

    walk(fake, hashed, steps)
    (login,) = fake.sent("/v1/attempts")
    assert "token" not in login["device"]
