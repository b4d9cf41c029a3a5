"""Acme Bank's pages over a fake Stepwarden: sign-in, orders, refusals, cookies and forms. Step-ups: beside this."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.bank.accounts import Books, OrderError, euros, parse_amount
from demo.bank.app import ROUTES, open_books
from demo.bank.democodes import Phone
from stepwarden.sdk import Open, Protected
from tests.demo.visitor import PAGES, PASSWORD, Visitor, deny_only, visit, walk
from tests.sdk.fake_stepwarden import FakeStepwarden


@pytest.fixture
def fake() -> Iterator[FakeStepwarden]:
    with FakeStepwarden() as server:
        yield server


@pytest.fixture(scope="module")
def hashed() -> Books:
    """Hashing fifteen passwords once is enough."""
    return open_books()


def test_a_right_password_signs_in_under_a_new_session(fake: FakeStepwarden, hashed: Books) -> None:
    """Asked first, reported with the new session's id, and the cookie from before is dead."""

    async def steps(me: Visitor) -> None:
        await me.get("/sign-in")
        before = me.web.cookies["acme_session"]
        answer = await me.sign_in("alice")
        assert answer.headers["location"] == "/account"
        after = me.web.cookies["acme_session"]
        assert before != after
        assert "4,821.50 €" in (await me.get("/account")).text
        me.web.cookies.set("acme_session", before, domain="127.0.0.1", path="/")
        old = await me.web.get("/account", headers={"cookie": f"acme_session={before}"})
        assert old.headers["location"] == "/sign-in"

    walk(fake, hashed, steps)
    login, balance = fake.sent("/v1/attempts")
    report = fake.sent("/outcome")[0]
    assert (report["outcome"], report["proved"]) == ("success", ["pwd"])
    assert report["session"] == balance["session"] != login["session"]
    assert login["device"] == balance["device"]


def test_cookie_tokens_are_never_told_to_stepwarden(fake: FakeStepwarden, hashed: Books) -> None:
    """The log must not hold what opens a session, nor a password."""
    tokens: list[str] = []

    async def steps(me: Visitor) -> None:
        await me.get("/sign-in")
        tokens.append(me.web.cookies["acme_session"])
        await me.sign_in("alice")
        tokens.append(me.web.cookies["acme_session"])
        await me.get("/account")

    walk(fake, hashed, steps)
    everything = str(fake.requests)
    assert not any(token in everything for token in [*tokens, PASSWORD["alice"]])


@pytest.mark.parametrize("user", ["alice", "nobody"])
def test_a_wrong_password_and_an_unknown_user_look_the_same(
    fake: FakeStepwarden, hashed: Books, user: str
) -> None:
    """Same status, same words, a failure reported for both."""

    async def steps(me: Visitor) -> None:
        answer = await me.sign_in(user, "wrong")
        assert answer.status_code == 401
        assert "User or password is wrong." in answer.text

    walk(fake, hashed, steps)
    assert [body["outcome"] for body in fake.sent("/outcome")] == ["failure"]


def test_a_refusal_moves_nothing_and_says_why(fake: FakeStepwarden) -> None:
    """Denied orders are shown with their reasons."""
    fake.decide = deny_only("transfer", "mail.change")
    books = open_books()

    async def steps(me: Visitor) -> None:
        await me.sign_in("alice")
        refused = await me.post("/transfer", payee="bob", amount="5")
        assert refused.status_code == 403
        assert "Send 5.00 € to Bob Berg" in refused.text
        assert "A device not seen before." in refused.text
        assert (await me.post("/mail", mail="x@y.example")).status_code == 403

    walk(fake, books, steps)
    assert (books["alice"].cents, books["bob"].cents) == (482_150, 91_020)
    assert books["alice"].mail == "alice@mail.example"


def test_orders_that_cannot_be_carried_out_move_nothing(fake: FakeStepwarden) -> None:
    """More than there is, to oneself, or no amount at all; an allowed one that fails is reported as a failure."""
    books = open_books()

    async def steps(me: Visitor) -> None:
        await me.sign_in("bob")
        for payee, amount in (("alice", "5000"), ("bob", "5")):
            assert (await me.post("/transfer", payee=payee, amount=amount)).headers["location"] == "/account"
        for payee, amount in (("alice", "-5"), ("alice", "1e3"), ("alice", "0"), ("", "5")):
            assert (await me.post("/transfer", payee=payee, amount=amount)).status_code == 422

    walk(fake, books, steps)
    assert (books["alice"].cents, books["bob"].cents) == (482_150, 91_020)
    assert [body["outcome"] for body in fake.sent("/outcome")] == ["success", "failure", "failure"]


def test_an_outage_allows_nothing(fake: FakeStepwarden) -> None:
    """With Stepwarden gone: no sign-in, no balance, no transfer, and the page says what is going on."""
    books = open_books()

    async def steps(me: Visitor) -> None:
        await me.sign_in("alice")
        fake.broken = "503"
        for answer in (
            await me.post("/transfer", payee="bob", amount="5"),
            await me.post("/sign-in", user="bob", password=PASSWORD["bob"]),
        ):
            assert answer.status_code == 403
            assert "Not possible right now" in answer.text
        balance = await me.get("/account")
        assert balance.headers["location"] == "/refused"
        assert "could not be reached" in (await me.get("/refused")).text

    walk(fake, books, steps)
    assert books["bob"].cents == 91_020


def test_a_lost_report_signs_nobody_in(fake: FakeStepwarden, hashed: Books) -> None:
    """Allowed, but the outcome cannot be recorded: 503, and the session stays anonymous."""

    async def steps(me: Visitor) -> None:
        await me.get("/sign-in")
        fake.decide = break_after_this
        answer = await me.sign_in("alice")
        fake.broken = ""
        assert answer.status_code == 503
        assert (await me.get("/account")).headers["location"] == "/sign-in"

    def break_after_this(attempt: dict[str, Any]) -> str:
        fake.broken = "500"
        return "allow"

    walk(fake, hashed, steps)


def test_a_customer_sees_no_customers(fake: FakeStepwarden, hashed: Books) -> None:
    """The role is the bank's own rule; Stepwarden's allow is not enough, and hears of the failure."""

    async def steps(me: Visitor) -> None:
        await me.sign_in("alice")
        assert (await me.get("/customers")).status_code == 403
        assert (await me.get("/customers/export.csv")).status_code == 403

    walk(fake, hashed, steps)
    assert [body["outcome"] for body in fake.sent("/outcome")] == ["success", "failure", "failure"]


@pytest.mark.parametrize("path", ["/sign-in", "/transfer", "/mail"])
def test_forms_without_their_token_do_nothing(fake: FakeStepwarden, path: str) -> None:
    """Cross-site requests are refused before Stepwarden or the books hear of them."""
    books = open_books()

    async def steps(me: Visitor) -> None:
        await me.sign_in("alice")
        asked = len(fake.requests)
        fields = {
            "user": "alice",
            "password": PASSWORD["alice"],
            "payee": "bob",
            "amount": "1",
            "mail": "a@b.cd",
        }
        for token in ({}, {"csrf": "guess"}):
            answer = await me.web.post(path, data={**fields, **token})
            assert answer.status_code == 403
        assert len(fake.requests) == asked

    walk(fake, books, steps)
    assert books["bob"].cents == 91_020


def test_signing_out_ends_the_session(fake: FakeStepwarden, hashed: Books) -> None:
    """The old cookie opens nothing afterwards, even if somebody kept it."""

    async def steps(me: Visitor) -> None:
        await me.sign_in("alice")
        kept = me.web.cookies["acme_session"]
        await me.post("/sign-out", form_at="/account")
        me.web.cookies.clear()
        answer = await me.web.get("/account", headers={"cookie": f"acme_session={kept}"})
        assert answer.headers["location"] == "/sign-in"

    walk(fake, hashed, steps)


def test_pages_load_nothing_from_elsewhere(fake: FakeStepwarden, hashed: Books) -> None:
    """No page, style or script names another host, and the policy header forbids all but Stepwarden's script."""

    async def steps(me: Visitor) -> None:
        await me.sign_in("erin")
        for path in ("/sign-in", "/account", "/transfer", "/mail", "/customers"):
            page = await me.get(path)
            policy = page.headers["content-security-policy"]
            assert policy.startswith(
                f"default-src 'self'; script-src 'self' {PAGES}; form-action 'self' {PAGES}; frame-ancestors 'none'"
            )
            assert policy.count("http") == 2
            assert not re.search(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//""", page.text)
        style = await me.get("/static/acme.css")
        assert style.status_code == 200
        assert "//" not in style.text
        script = await me.get("/static/confirm.js")
        assert script.status_code == 200
        assert "http" not in script.text

    walk(fake, hashed, steps)


def test_the_code_list_is_for_this_machine_only(fake: FakeStepwarden, hashed: Books, tmp_path: Path) -> None:
    """Anyone behind a proxy is refused; on the machine it is clearly marked as a demonstration."""
    codes = tmp_path / "phones.json"
    codes.write_bytes(msgspec.json.encode({"alice": Phone(secret="JBSWY3DPEHPK3PXP" * 2)}))

    async def run() -> None:
        async with visit(fake, hashed, codes) as me:
            page = await me.get("/demo/codes")
            assert page.status_code == 200
            assert "For this demonstration only" in page.text
            assert re.search(r'class="now">\d{6}<.*<code>\d{6}<', page.text)
            refused = await me.web.get("/demo/codes", headers={"x-forwarded-for": "198.51.100.1"})
            assert refused.status_code == 403

    asyncio.run(run())


def test_every_page_is_in_the_table(fake: FakeStepwarden, hashed: Books) -> None:
    """What is not declared is refused, whatever the method; what changes anything is never open but signing out."""

    async def steps(me: Visitor) -> None:
        await me.sign_in("alice")
        for method, path in (
            ("GET", "/admin"),
            ("PUT", "/transfer"),
            ("DELETE", "/account"),
            ("GET", "/Account"),
        ):
            assert (await me.web.request(method, path)).status_code == 403

    walk(fake, hashed, steps)
    assert [r.path for r in ROUTES if isinstance(r, Open) and r.method != "GET"] == ["/sign-out"]
    assert {r.action for r in ROUTES if isinstance(r, Protected)} == {
        "balance.read",
        "customers.read",
        "customers.export",
    }


@given(st.text(max_size=12) | st.from_regex(r"[0-9]{1,7}([.,][0-9]{0,3})?", fullmatch=True))
def test_amounts_are_read_exactly_or_refused(text: str) -> None:
    """No text gives a negative, zero or imprecise amount."""
    try:
        cents = parse_amount(text)
    except OrderError:
        return
    assert 0 < cents <= 10_000_000
    whole, _, part = text.strip().replace(",", ".").partition(".")
    assert cents == int(whole) * 100 + int(part or 0)
    assert euros(cents).endswith(" €")
